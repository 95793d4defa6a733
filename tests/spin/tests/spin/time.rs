//! Time passes without any request, and Spin has no timer.

use std::time::SystemTime;

use coinop_core::Timestamp;

use crate::support::{Buyer, World, eventually};

/// Returns the milliseconds since the epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Sells two seconds of the locker and waits, without a request, until they are over.
async fn lapsed() -> (World, crate::support::Sold) {
    let world = World::start().await;
    let sold = Buyer::numbered(0).buy(&world, "/api/v1/access/locker?quantity=2").await;
    let due = world.database.due();
    assert_eq!(Timestamp::from_millis(due.try_into().unwrap()).to_string(), sold.ends_at);
    eventually("the session's end", async || (now() > due).then_some(())).await;
    (world, sold)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_by_itself_inv_4_7() {
    let (world, sold) = lapsed().await;
    let status = world.session(&sold.session, &sold.token).await;
    assert_eq!((&status["status"], &status["secondsLeft"]), (&"ended".into(), &0.into()));
    let asset = world.get("/api/v1/assets/locker/status").await;
    assert_eq!(asset["available"], true);
    assert!(asset["session"].is_null());
    // The next buyer gets it, and the first buyer's repeat still gets the first session.
    let next = Buyer::numbered(1).buy(&world, "/api/v1/access/locker?quantity=2").await;
    assert_ne!(next.session, sold.session);
    assert_eq!(world.database.sessions(), 2);
    assert_eq!(world.earned().await, 4_000);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_need_not_wait_for_somebody_to_end_the_session_before_inv_4() {
    let (world, sold) = lapsed().await;
    // The unpaid request carries out nothing, but the payment finds the asset free nevertheless.
    let next = Buyer::numbered(1).buy(&world, "/api/v1/access/locker?quantity=2").await;
    assert_ne!(next.session, sold.session);
    assert_eq!(world.session(&sold.session, &sold.token).await["status"], "ended");
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_request_writes_nothing_and_calls_nobody_though_something_is_due_inv_8() {
    let (world, _) = lapsed().await;
    let due = world.database.due();
    let (bytes, events) = (world.database.bytes(), world.database.events());
    let (calls, outgoing) = (world.relay.calls(), world.spin.outgoing.sent());
    for path in
        ["/api/v1/access/locker?quantity=2", "/api/v1/access/door-1", "/api/v1/access/door-1?quantity=5"]
    {
        for method in ["GET", "POST"] {
            let answer = world.send(method, path, &[]).await;
            assert_eq!(answer.status, 402, "{answer:?}");
        }
    }
    assert!(world.database.bytes() == bytes, "an unpaid request wrote to the database");
    assert_eq!((world.relay.calls(), world.spin.outgoing.sent()), (calls, outgoing));

    // The next request for something else carries out what is due.
    assert_eq!(world.get("/api/v1/assets").await["assets"][2]["available"], true);
    eventually("the step after the answer", async || (world.database.events() > events).then_some(())).await;
    assert_eq!(world.database.events(), events + 1);
    assert_eq!((due > 0, world.database.due()), (true, 0));
    assert_eq!(world.database.number("SELECT count(*) FROM session WHERE record ->> '$.ended' = 1"), 1);
    assert_eq!(world.relay.calls(), calls);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_has_an_instance_of_its_own_inv_7() {
    let world = World::start().await;
    for expected in 1..=5 {
        world.get("/api/v1/assets/door-1").await;
        assert_eq!(world.spin.instances(), expected);
    }
    world.check();
}
