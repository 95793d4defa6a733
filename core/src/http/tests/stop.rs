//! Sessions that their buyers stop, and what is owed, over HTTP.

use super::*;
use crate::ids::AssetId;
use crate::session::{LockState, Report, ReportedState};
use crate::testkit::world::Chain;

/// Buys ten minutes of the first door, and returns the payment, and the path and the header of its session.
fn bought(world: &World) -> (String, String, String) {
    let offered = get(world, "/api/v1/access/door-1?quantity=10");
    let header = payment(world, 1, &offered);
    let sold = ask(world, "GET", "/api/v1/access/door-1", &[("payment-signature", &header)], "").body;
    let path = format!("/api/v1/sessions/{}", sold["sessionId"].as_str().unwrap());
    (header, path, format!("Bearer {}", sold["sessionToken"].as_str().unwrap()))
}

fn stop(world: &World, path: &str, bearer: &str) -> Answer {
    ask(world, "POST", &format!("{path}/stop"), &[("authorization", bearer)], "")
}

/// The first door's device reports on its latest desired state.
fn reports(world: &World, sequence: u64, lock: LockState, failed: bool) {
    let platform = Platform::new(world);
    let gateway = Gateway::new(&world.deployment, &platform);
    let seen = ReportedState::of_lock(sequence, lock, world.now()).with_failed(failed);
    let report = (AssetId::parse("door-1").unwrap(), Report::Seen(seen));
    world.run(gateway.step(false, vec![report])).unwrap().unwrap();
}

#[test]
fn a_buyer_who_stops_is_told_what_is_owed_once_the_device_is_locked_inv_2_5() {
    let world = World::new();
    let (header, path, bearer) = bought(&world);
    reports(&world, 1, LockState::Unlocked, false);
    world.advance(60_000);
    let stopping = stop(&world, &path, &bearer);
    assert_eq!((stopping.status, &stopping.body["status"]), (202, &json!("stopping")), "{}", stopping.body);
    assert!(stopping.header("retry-after").parse::<u64>().is_ok());
    assert_eq!(world.unlocked_until("door-1"), None);
    reports(&world, 2, LockState::Locked, false);
    let stopped = stop(&world, &path, &bearer);
    assert_eq!((stopped.status, &stopped.body["status"]), (200, &json!("ended")), "{}", stopped.body);
    let owed = &stopped.body["owed"][0];
    assert_eq!(
        (&owed["reason"], &owed["status"], &owed["refund"]),
        (&json!("stopped"), &json!("owed"), &json!("manual"))
    );
    // It waited two seconds for the device.
    assert_eq!(owed["amount"], json!("89666"));
    assert_eq!(owed["display"], json!("0.089666 USDC"));
    let status = ask(&world, "GET", &format!("{path}/status"), &[("authorization", &bearer)], "");
    assert_eq!(status.body["owed"], stopped.body["owed"]);
    // The payment's repeat shows its session as it is now.
    let repeat = ask(&world, "GET", "/api/v1/access/door-1", &[("payment-signature", &header)], "");
    assert_eq!((repeat.status, world.charged()), (200, 1));
    world.audit_settled();
}

#[test]
fn only_the_bearer_of_a_session_stops_it_inv_1() {
    let world = World::new();
    let (_, path, bearer) = bought(&world);
    assert_eq!(ask(&world, "POST", &format!("{path}/stop"), &[], "").status, 401);
    let other = path.replace("s_", "s_0").get(..path.len()).unwrap().to_owned();
    assert_eq!(stop(&world, &other, &bearer).status, 403);
    assert_eq!(ask(&world, "GET", &format!("{path}/stop"), &[("authorization", &bearer)], "").status, 405);
}

#[test]
fn a_door_that_cannot_be_unlocked_is_offered_to_nobody_and_its_buyer_gets_all_back_inv_2() {
    let world = World::new();
    let (_, path, bearer) = bought(&world);
    let before = get(&world, "/api/v1/access/door-1");
    reports(&world, 1, LockState::Locked, true);
    world.advance(30_000);
    world.step().unwrap();
    let status = ask(&world, "GET", &format!("{path}/status"), &[("authorization", &bearer)], "");
    assert_eq!(status.body["status"], json!("ended"));
    assert_eq!(status.body["owed"][0]["reason"], json!("device_failed"));
    assert_eq!(status.body["owed"][0]["amount"], json!("100000"));
    let refused = get(&world, "/api/v1/access/door-1");
    assert_eq!((refused.status, &refused.body["code"]), (503, &json!("device_unreachable")));
    assert_eq!(refused.header("retry-after"), "60");
    // A 402 from before it broke buys nothing either.
    let header = payment(&world, 2, &before);
    let paid = ask(&world, "GET", "/api/v1/access/door-1", &[("payment-signature", &header)], "");
    assert_eq!((paid.status, &paid.body["charged"]), (503, &json!(false)), "{}", paid.body);
    let shown = get(&world, "/api/v1/assets/door-1/status").body;
    assert_eq!((&shown["available"], &shown["device"]["outOfOrder"]), (&json!(false), &json!(true)));
    let list = get(&world, "/api/v1/assets").body;
    assert_eq!(list["assets"][0]["available"], json!(false));
    world.audit();
}

#[test]
fn a_payment_that_landed_too_late_is_answered_with_what_is_owed_inv_2_3() {
    let world = World::new();
    world.chain.set(Chain::ShownFrom(world.now().millis() + 150_000));
    let offered = get(&world, "/api/v1/access/door-1?quantity=10");
    let header = payment(&world, 1, &offered);
    let paid = [("payment-signature", header.as_str())];
    assert_eq!(ask(&world, "GET", "/api/v1/access/door-1", &paid, "").status, 202);
    world.advance(150_000);
    let platform = Platform::new(&world);
    let gateway = Gateway::new(&world.deployment, &platform);
    world.run(gateway.settle_due()).unwrap().unwrap();
    assert_eq!(world.unlocked_until("door-1"), None);
    for _ in 0..2 {
        let late = ask(&world, "GET", "/api/v1/access/door-1", &paid, "");
        assert_eq!((late.status, &late.body["code"]), (409, &json!("not_delivered")), "{}", late.body);
        assert_eq!(late.body["owed"][0]["amount"], json!("100000"));
        assert_eq!(late.body["owed"][0]["reason"], json!("too_late"));
        assert_eq!(late.body.get("charged"), None, "it was charged");
        assert!(late.settlement().success);
    }
    assert_eq!(world.charged(), 1);
    world.audit();
}
