use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::body::Bytes;

use super::*;

/// A time limit longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);
const MOMENT: Duration = Duration::from_millis(1);

struct World {
    holding: Holding,
    settling: watch::Sender<u64>,
    metrics: Metrics,
}

impl World {
    fn new(most: usize, pace: Pace) -> Self {
        let (settling, settled) = watch::channel(0);
        let metrics = Metrics::new().unwrap();
        let holding = Holding { pace, ..Holding::new(most, 4, settled, metrics.clone()) };
        Self { holding, settling, metrics }
    }

    /// A world in which the component is asked again at once and for a long time.
    fn quick(most: usize) -> Self {
        Self::new(most, Pace { shortest: MOMENT, longest: MOMENT, of_each: Duration::ZERO, whole: LONG })
    }

    async fn outcome<F>(&self, pending: Response, ask: impl Fn() -> F) -> Response
    where
        F: Future<Output = Result<Response, Failure>>,
    {
        self.holding.outcome(pending, self.holding.until(), ask).await
    }

    fn held(&self) -> usize {
        let page = String::from_utf8(self.metrics.page()).unwrap();
        let line = page.lines().find(|line| line.starts_with("coinop_http_requests_held ")).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

fn answer(status: u16, body: &str) -> Response {
    let mut response = Response::new(Bytes::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn pending(transaction: &str) -> Response {
    answer(202, &format!(r#"{{"code":"settlement_pending","transaction":"{transaction}"}}"#))
}

/// Polls a future once. It must not be ready.
async fn begin<F: Future>(future: std::pin::Pin<&mut F>) {
    let mut future = future;
    let waits =
        std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_pending()));
    assert!(waits.await);
}

#[tokio::test]
async fn who_waits_gets_whatever_the_payment_has_become() {
    for (status, body) in [(200, "session"), (402, "failed"), (409, "used")] {
        let world = World::quick(1);
        let asked = AtomicUsize::new(0);
        let ask = async || match asked.fetch_add(1, Ordering::SeqCst) {
            0..3 => Ok(pending("a")),
            _ => Ok(answer(status, body)),
        };
        let answer = world.outcome(pending("a"), ask).await;
        assert_eq!((answer.status().as_u16(), answer.into_body()), (status, Bytes::from(body)));
        assert_eq!((asked.into_inner(), world.held()), (4, 0));
    }
}

#[tokio::test]
async fn an_error_of_the_gateway_is_not_taken_for_the_outcome_inv_3() {
    let world = World::quick(1);
    let answers = Mutex::new(vec![
        Ok(answer(200, "session")),
        Err(Failure::TimedOut),
        Err(Failure::Broken("trap".to_owned())),
        Err(Failure::Busy),
        Ok(answer(503, "unavailable")),
    ]);
    let outcome = world.outcome(pending("a"), async || answers.lock().unwrap().pop().unwrap()).await;
    assert_eq!(outcome.into_body(), "session");
}

#[tokio::test]
async fn who_has_waited_long_enough_is_told_that_it_is_pending() {
    let whole = Duration::from_millis(60);
    let world = World::new(1, Pace { shortest: MOMENT, longest: MOMENT, of_each: MOMENT, whole });
    let started = Instant::now();
    let outcome = world.outcome(pending("a"), async || Ok(pending("later"))).await;
    assert!(started.elapsed() >= whole);
    assert_eq!(outcome.into_body(), pending("a").into_body());
    // Not even a component that gives no answer keeps a buyer for longer.
    let outcome = world.outcome(pending("a"), std::future::pending::<Result<Response, Failure>>).await;
    assert_eq!((outcome.status().as_u16(), world.held()), (202, 0));
}

#[tokio::test]
async fn who_leaves_frees_the_place_at_once() {
    let world = World::quick(1);
    let mut first = Box::pin(world.outcome(pending("a"), async || Ok(pending("a"))));
    begin(first.as_mut()).await;
    assert_eq!(world.held(), 1);
    // Nobody else finds a place.
    let other = world.outcome(pending("b"), async || panic!("it is asked")).await;
    assert_eq!(other.into_body(), pending("b").into_body());
    drop(first);
    assert_eq!(world.held(), 0);
    let other = world.outcome(pending("b"), async || Ok(answer(200, "session"))).await;
    assert_eq!(other.into_body(), "session");
}

#[tokio::test]
async fn one_payment_takes_only_some_of_the_places() {
    let world = World::quick(100);
    let mut waiting = Vec::new();
    for _ in 0..MOST_OF_ONE_PAYMENT {
        let mut each = Box::pin(world.outcome(pending("a"), async || Ok(pending("a"))));
        begin(each.as_mut()).await;
        waiting.push(each);
    }
    // The same transaction in a body that is written in another way.
    let again = answer(202, r#"{"transaction": "a", "retry": "https://door.example/api/v1/access/%64oor"}"#);
    let outcome = world.outcome(again.clone(), async || panic!("it is asked")).await;
    assert_eq!(outcome.into_body(), again.into_body());
    let mut other = Box::pin(world.outcome(pending("b"), async || Ok(pending("b"))));
    begin(other.as_mut()).await;
    assert_eq!(world.held(), MOST_OF_ONE_PAYMENT + 1);
}

#[tokio::test]
async fn what_is_settled_wakes_those_who_wait() {
    let pace = Pace { shortest: MOMENT, longest: LONG, of_each: Duration::ZERO, whole: LONG };
    let world = World::new(1, pace);
    let asked = AtomicUsize::new(0);
    let has_settled = AtomicUsize::new(0);
    let ask = async || {
        asked.fetch_add(1, Ordering::SeqCst);
        match has_settled.load(Ordering::SeqCst) {
            0 => Ok(pending("a")),
            _ => Ok(answer(200, "session")),
        }
    };
    let settle = async {
        // The pauses are twice as long each time. In a while only what is settled ends one soon.
        while asked.load(Ordering::SeqCst) < 9 {
            tokio::time::sleep(MOMENT).await;
        }
        has_settled.store(1, Ordering::SeqCst);
        world.settling.send_modify(|times| *times += 1);
    };
    let (outcome, ()) = tokio::join!(world.outcome(pending("a"), ask), settle);
    assert_eq!(outcome.into_body(), "session");
    assert!(asked.into_inner() <= 11);
}

#[tokio::test]
async fn many_who_wait_ask_no_more_often_together_than_a_few() {
    let pace = Pace { shortest: MOMENT, longest: MOMENT, of_each: Duration::from_millis(5), whole: LONG };
    let world = World::new(40, pace);
    let (asked, started) = (AtomicUsize::new(0), Instant::now());
    let names: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let ask = async || {
        asked.fetch_add(1, Ordering::SeqCst);
        Ok(pending("a"))
    };
    let mut waiting: Vec<_> = names.iter().map(|name| Box::pin(world.outcome(pending(name), ask))).collect();
    for each in &mut waiting {
        begin(each.as_mut()).await;
    }
    // Whoever takes a place while there are fewer has a shorter pause, but only once.
    while asked.load(Ordering::SeqCst) < 120 {
        for each in &mut waiting {
            begin(each.as_mut()).await;
        }
        tokio::time::sleep(MOMENT).await;
    }
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
}
