//! Request coalescing: of identical requests with a payment that come at once, one runs, and all get its
//! answer.
//!
//! A buyer without an answer sends the same payment again, and each time may wait for the chain for half a
//! minute. If every repeat waited in an instance of the component, a few impatient buyers would take all
//! instances. So could one thief with somebody's payment. So a repeat waits here. It takes only a connection,
//! because its request is dropped and the number of connections is bounded (`http/slots.rs`). It gets the
//! answer of the first request, however long the sale takes.
//!
//! No answer reaches anybody who could not have got it alone. Two requests are identical only if they agree
//! in everything that the component reads: method, path, query, body, and every value of the headers in
//! [`HEADERS`]. Those headers hold the payment with its ticket, the session token and the sign-in, so a
//! sender of the same request proves the same. A request with the same transaction but without its ticket, or
//! for another asset, is a different request and runs alone. [`admission`](super::admission) bounds how many
//! of those may wait.
//!
//! Payments of x402 v1 run alone too. They carry nothing but the transaction, and the chain shows the
//! transaction to everybody once it has landed. A reader of the chain could send the same request before the
//! buyer is answered, and would get the buyer's session.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coinop_core::http::HEADERS;
use coinop_core::x402::{PAYMENT_SIGNATURE, X_PAYMENT};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::Failure;
use super::message::{Request, Response};

/// Tells whether a request may share its answer with identical ones: it must carry a payment of x402 v2 and
/// none of v1 (invariant 1).
pub(super) fn may_share(headers: &HeaderMap) -> bool {
    headers.contains_key(PAYMENT_SIGNATURE) && !headers.contains_key(X_PAYMENT)
}

/// A hash over everything that the component reads of a request.
type Key = [u8; 32];
type Answer = Result<Response, Failure>;

/// The requests that run now and can be joined. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Coalescing(Arc<Mutex<HashMap<Key, watch::Sender<Option<Answer>>>>>);

/// The answer that one request waits for.
pub(super) struct Waiting(watch::Receiver<Option<Answer>>);

/// The duty to answer all waiting requests. If it is dropped, they learn that there is no answer.
pub(super) struct Running {
    all: Coalescing,
    /// `None` once no more requests may join.
    key: Option<Key>,
    answer: watch::Sender<Option<Answer>>,
}

impl Coalescing {
    /// Joins the identical request that runs. If there is none, the caller gets a [`Running`] and has to run
    /// its own.
    pub(super) fn join(&self, key: Key) -> (Waiting, Option<Running>) {
        match self.lock().entry(key) {
            Entry::Occupied(running) => (Waiting(running.get().subscribe()), None),
            Entry::Vacant(free) => {
                let (answer, waiting) = watch::channel(None);
                free.insert(answer.clone());
                let running = Running { all: self.clone(), key: Some(key), answer };
                (Waiting(waiting), Some(running))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<Option<Answer>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Waits for the answer.
    pub(super) async fn answer(mut self) -> Answer {
        let lost = || Err(Failure::Broken("the request's task ended".to_owned()));
        match self.0.wait_for(Option::is_some).await {
            Ok(answer) => answer.clone().unwrap_or_else(lost),
            Err(_) => lost(),
        }
    }
}

impl Running {
    /// Answers all waiting requests. A later identical request runs by itself.
    pub(super) fn answer(mut self, answer: Answer) {
        self.close();
        self.answer.send_replace(Some(answer));
    }

    /// Waits until nobody waits for the answer any more. From then on no request can join.
    pub(super) async fn abandoned(&mut self) {
        loop {
            self.answer.closed().await;
            let all = self.all.clone();
            // Joining takes this lock too, so no request can join between the count and the removal.
            let mut running = all.lock();
            if self.answer.receiver_count() == 0 {
                if let Some(key) = self.key.take() {
                    running.remove(&key);
                }
                return;
            }
        }
    }

    fn close(&mut self) {
        if let Some(key) = self.key.take() {
            self.all.lock().remove(&key);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.close();
    }
}

/// Computes the key of a request. Each part is preceded by its length and each header by the number of its
/// values, so no two requests share a key.
pub(super) async fn key(request: &Request) -> Key {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(request.method().as_str().as_bytes());
    part(request.uri().path().as_bytes());
    part(&[u8::from(request.uri().query().is_some())]);
    part(request.uri().query().unwrap_or_default().as_bytes());
    for name in HEADERS {
        let values: Vec<_> = request.headers().get_all(*name).iter().collect();
        part(&(values.len() as u64).to_be_bytes());
        for value in values {
            part(value.as_bytes());
        }
    }
    // The body is in memory already, so this does not wait.
    let body =
        request.body().clone().collect().await.map_or_else(|never| match never {}, |body| body.to_bytes());
    part(&body);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use hyper::body::Bytes;

    use super::*;

    #[test]
    fn only_a_payment_whose_ticket_comes_along_shares_its_answer_inv_1() {
        let shares = |names: &[&str]| {
            let mut request = hyper::Request::builder();
            for name in names {
                request = request.header(*name, "a");
            }
            may_share(request.body(()).unwrap().headers())
        };
        assert!(shares(&["payment-signature"]));
        for alone in [&[][..], &["x-payment"], &["payment-signature", "x-payment"], &["authorization"]] {
            assert!(!shares(alone), "{alone:?}");
        }
    }

    fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &'static str) -> Request {
        let mut request = hyper::Request::builder().method(method).uri(format!("http://a.example{target}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
    }

    fn answer(text: &'static str) -> Answer {
        Ok(Response::new(Bytes::from_static(text.as_bytes())))
    }

    #[tokio::test]
    async fn no_request_is_taken_for_another_that_the_component_would_answer_otherwise_inv_1() {
        let paid = ("payment-signature", "p");
        let different = [
            request("GET", "/door", &[paid], ""),
            request("POST", "/door", &[paid], ""),
            request("GET", "/gate", &[paid], ""),
            request("GET", "/door?", &[paid], ""),
            request("GET", "/door?quantity=2", &[paid], ""),
            request("GET", "/door", &[paid], "{}"),
            request("GET", "/door", &[("payment-signature", "q")], ""),
            request("GET", "/door", &[("x-payment", "p")], ""),
            request("GET", "/door", &[paid, paid], ""),
            request("GET", "/door", &[("payment-signature", "p,p")], ""),
            request("GET", "/door", &[paid, ("x-payment", "p")], ""),
            request("GET", "/door", &[paid, ("authorization", "Bearer a")], ""),
            request("GET", "/door", &[paid, ("authorization", "Bearer b")], ""),
            request("GET", "/door", &[paid, ("sign-in-with-x", "a")], ""),
            request("GET", "/door", &[paid, ("sign-in-with-x", "authorization")], ""),
        ];
        let mut keys = std::collections::HashSet::new();
        for each in &different {
            assert!(keys.insert(key(each).await), "{each:?}");
        }
        let same = request("GET", "/door", &[("user-agent", "b"), paid, ("traceparent", "1")], "");
        assert_eq!(key(&same).await, key(&different[0]).await, "these are not read");
    }

    #[test]
    fn every_header_by_which_the_component_tells_buyers_apart_is_part_of_the_key() {
        // The test above tries these headers. A header that is added here must be added there too.
        assert_eq!(
            HEADERS,
            [
                "payment-signature",
                "x-payment",
                "sign-in-with-x",
                "authorization",
                "access-control-request-method"
            ]
        );
    }

    #[tokio::test]
    async fn all_who_wait_get_the_one_answer_and_who_comes_later_runs_anew() {
        let all = Coalescing::default();
        let (first, running) = all.join([1; 32]);
        let repeats: Vec<_> = (0..20).map(|_| all.join([1; 32])).collect();
        assert!(repeats.iter().all(|(_, running)| running.is_none()));
        assert!(all.join([2; 32]).1.is_some(), "another request runs alone");
        running.unwrap().answer(answer("sold"));
        assert_eq!(first.answer().await.unwrap().into_body(), "sold");
        for (repeat, _) in repeats {
            assert_eq!(repeat.answer().await.unwrap().into_body(), "sold");
        }
        assert!(all.join([1; 32]).1.is_some());
        assert!(all.lock().is_empty(), "nothing is kept");
    }

    #[tokio::test]
    async fn a_failure_is_told_to_all_who_wait_and_a_lost_task_is_one() {
        let all = Coalescing::default();
        let (first, running) = all.join([1; 32]);
        let (second, _) = all.join([1; 32]);
        running.unwrap().answer(Err(Failure::Busy));
        assert!(matches!(first.answer().await, Err(Failure::Busy)));
        assert!(matches!(second.answer().await, Err(Failure::Busy)));
        let (first, running) = all.join([1; 32]);
        drop(running);
        assert!(matches!(first.answer().await, Err(Failure::Broken(_))));
        assert!(all.lock().is_empty());
    }

    #[tokio::test]
    async fn it_is_abandoned_only_when_the_last_has_hung_up() {
        let all = Coalescing::default();
        let (first, running) = all.join([1; 32]);
        let mut running = running.unwrap();
        let (second, _) = all.join([1; 32]);
        drop(first);
        let still = async {
            tokio::select! {
                biased;
                () = running.abandoned() => false,
                () = tokio::task::yield_now() => true,
            }
        };
        assert!(still.await, "the second waits");
        drop(second);
        running.abandoned().await;
        // A new request with the same key is not ended by the end of the old one.
        let (third, next) = all.join([1; 32]);
        drop(running);
        assert!(all.join([1; 32]).1.is_none(), "the new one can be joined");
        next.unwrap().answer(answer("sold"));
        assert!(third.answer().await.is_ok());
    }
}
