//! One-time codes, with which a buyer goes on with a session on another device.

use super::*;

/// Buys a session of the first door, and returns the path and the header with which its buyer makes a code.
fn bought(world: &World) -> (Value, String, String) {
    let offered = get(world, "/api/v1/access/door-1?quantity=5");
    let header = payment(world, 1, &offered);
    let sold = ask(world, "GET", "/api/v1/access/door-1", &[("payment-signature", &header)], "").body;
    let path = format!("/api/v1/sessions/{}/code", sold["sessionId"].as_str().unwrap());
    let bearer = format!("Bearer {}", sold["sessionToken"].as_str().unwrap());
    (sold, path, bearer)
}

fn code(world: &World, path: &str, bearer: &str) -> String {
    let made = ask(world, "POST", path, &[("authorization", bearer)], "");
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"), "{}", made.body);
    made.body["code"].as_str().unwrap().to_owned()
}

fn redeem(world: &World, asset: &str, code: &str) -> Answer {
    let body = json!({ "code": code }).to_string();
    ask(world, "POST", &format!("/api/v1/access/{asset}/code"), &[], &body)
}

#[test]
fn a_code_shows_its_session_once_inv_1() {
    let world = World::new();
    let (sold, path, bearer) = bought(&world);
    let text = code(&world, &path, &bearer);
    let shown = redeem(&world, "door-1", &text);
    assert_eq!((shown.status, shown.header("cache-control")), (200, "no-store"), "{}", shown.body);
    for member in ["sessionId", "sessionToken", "grant", "endsAt", "amount", "transaction"] {
        assert_eq!(shown.body[member], sold[member], "{member}");
    }
    let again = redeem(&world, "door-1", &text);
    assert_eq!((again.status, &again.body["code"]), (401, &json!("invalid_code")));
    assert!(again.body.get("sessionToken").is_none());
    assert_eq!(redeem(&world, "door-1", &code(&world, &path, &bearer)).status, 200, "a new one works");
    assert_eq!(world.charged(), 1);
}

#[test]
fn only_one_of_two_codes_made_at_the_same_time_works() {
    let world = World::new();
    let (_, path, bearer) = bought(&world);
    let codes = [code(&world, &path, &bearer), code(&world, &path, &bearer)];
    assert_eq!(redeem(&world, "door-1", &codes[1]).status, 200);
    assert_eq!(redeem(&world, "door-1", &codes[0]).status, 401);
}

#[test]
fn a_code_works_for_two_minutes_for_its_asset_and_no_longer_than_its_session() {
    let world = World::new();
    let (_, path, bearer) = bought(&world);
    let text = code(&world, &path, &bearer);
    assert_eq!(redeem(&world, "door-2", &text).status, 401);
    world.advance(119_999);
    assert_eq!(redeem(&world, "door-1", &text).status, 200);
    let late = code(&world, &path, &bearer);
    world.advance(120_000);
    assert_eq!(redeem(&world, "door-1", &late).status, 401);
    let last = code(&world, &path, &bearer);
    world.advance(60_001);
    assert_eq!(redeem(&world, "door-1", &last).status, 401, "the session is over");
    let over = ask(&world, "POST", &path, &[("authorization", &bearer)], "");
    assert_eq!((over.status, &over.body["code"]), (409, &json!("session_over")));
}

#[test]
fn only_the_buyer_makes_a_code_inv_9() {
    let world = World::new();
    let (_, path, bearer) = bought(&world);
    assert_eq!(ask(&world, "POST", &path, &[], "").status, 401);
    let (other, ..) = {
        let offered = get(&world, "/api/v1/access/door-2?quantity=5");
        let header = payment(&world, 2, &offered);
        let sold = ask(&world, "GET", "/api/v1/access/door-2", &[("payment-signature", &header)], "").body;
        (format!("Bearer {}", sold["sessionToken"].as_str().unwrap()), ())
    };
    assert_eq!(ask(&world, "POST", &path, &[("authorization", &other)], "").status, 403);
    assert_eq!(ask(&world, "POST", &path, &[("authorization", &bearer)], "").status, 200);
}

#[test]
fn making_codes_writes_nothing() {
    let world = World::new();
    let (_, path, bearer) = bought(&world);
    let written = world.count("journal");
    for _ in 0..100 {
        code(&world, &path, &bearer);
    }
    assert_eq!(world.count("journal"), written);
}

#[test]
fn a_session_that_has_used_fifty_codes_makes_no_code_that_could_not_work() {
    let world = World::new();
    let (_, path, bearer) = bought(&world);
    let written = world.count("journal");
    for _ in 0..50 {
        assert_eq!(redeem(&world, "door-1", &code(&world, &path, &bearer)).status, 200);
    }
    let refused = ask(&world, "POST", &path, &[("authorization", &bearer)], "");
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("too_many_codes")), "{}", refused.body);
    assert!(refused.body["detail"].as_str().unwrap().contains("did not charge you"), "{}", refused.body);
    assert_eq!(world.count("journal"), written + 50);
    let status = path.replace("/code", "/status");
    let status = ask(&world, "GET", &status, &[("authorization", &bearer)], "");
    assert_eq!((status.status, &status.body["status"]), (200, &json!("active")), "the session goes on");
}
