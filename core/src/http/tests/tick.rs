//! The tick: a caller with an API key has what is due carried out.

use super::assets::manage;
use super::*;
use crate::testkit::world::{Chain, START};

const TICK: &str = "/api/v1/tick";

fn tick(world: &World) -> Value {
    let answer = manage(world, "POST", TICK, &Value::Null);
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    answer.body
}

#[test]
fn a_tick_ends_what_is_over_and_says_when_to_come_again_inv_4() {
    let world = World::new();
    assert_eq!(tick(&world), json!({"next": null}));
    let (first, _) = world.bought(1, "door-1", 1);
    let (second, _) = world.bought(2, "door-2", 2);
    assert_eq!(tick(&world), json!({"next": first.session.session.ends_at().unwrap().to_string()}));
    world.advance(60_000);
    assert_eq!(tick(&world), json!({"next": second.session.session.ends_at().unwrap().to_string()}));
    assert_eq!(world.events("door-1").last().unwrap()["type"], "session_ended");
    world.audit_settled();
}

#[test]
fn a_tick_takes_no_order_from_whoever_works_the_devices_inv_4() {
    let world = World::new();
    world.bought(1, "door-1", 1);
    world.work_devices().unwrap();
    world.advance(60_000);
    tick(&world);
    tick(&world);
    let platform = Platform::new(&world);
    let gateway = Gateway::new(&world.deployment, &platform);
    let plan = world.run(gateway.step(false, Vec::new())).unwrap().unwrap();
    let orders: Vec<_> =
        plan.states.iter().map(|planned| (planned.asset.as_str(), planned.state.unlocked_until())).collect();
    assert_eq!(orders, [("door-1", None)]);
}

#[test]
fn a_tick_finishes_a_payment_whose_buyer_is_gone_inv_2() {
    let world = World::new();
    world.chain.set(Chain::ShownFrom(START + 60_000));
    let header = payment(&world, 1, &get(&world, "/api/v1/access/door-1"));
    let answer = ask(&world, "GET", "/api/v1/access/door-1", &[("payment-signature", &header)], "");
    assert_eq!(answer.status, 202);
    let next = tick(&world)["next"].as_str().unwrap().to_owned();
    assert!(next <= world.now().plus_millis(5_000).to_string(), "{next}");
    assert_eq!(world.count("session"), 0);
    world.advance(60_000);
    let ends = tick(&world);
    assert_eq!(world.count("session"), 1);
    // The session that has just begun is the next to end.
    assert_eq!(ends, json!({"next": world.now().plus_millis(60_000).to_string()}));
    world.audit_settled();
}
