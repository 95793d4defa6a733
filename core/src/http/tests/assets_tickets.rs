//! Sales of an asset that is changed, disabled, deleted or created again in the meantime.

use super::assets::{ASSETS, ROOM, code, manage, room, with_room};
use super::*;
use crate::ports::Clock as _;
use crate::testkit::world::{API_KEY, Chain, START};

const ACCESS: &str = "/api/v1/access/room-7";
const EXTEND: &str = "/api/v1/access/room-7/extend";

fn offered(world: &World) -> Answer {
    let answer = get(world, ACCESS);
    assert_eq!(answer.status, 402, "{}", answer.body);
    answer
}

fn send(world: &World, target: &str, header: &str) -> Answer {
    ask(world, "GET", target, &[("payment-signature", header)], "")
}

fn change(world: &World, body: Value) {
    let answer = manage(world, "PATCH", ROOM, &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn delete(world: &World) -> Answer {
    manage(world, "DELETE", ROOM, &Value::Null)
}

fn create(world: &World, more: Value) {
    let answer = manage(world, "POST", ASSETS, &room(more));
    assert_eq!(answer.status, 201, "{}", answer.body);
}

/// Returns the header of a v1 payment of this amount.
fn v1(world: &World, who: u8, amount: u64) -> String {
    let transaction = base64(world.pay_v1(who, amount).transaction());
    let payload = json!({"x402Version": 1, "scheme": "exact", "network": "solana-devnet", "payload": {"transaction": transaction}});
    base64(payload.to_string().as_bytes())
}

#[test]
fn a_quote_holds_its_price_until_it_expires_whatever_the_asset_costs_now_inv_6() {
    let world = with_room();
    let open = payment(&world, 1, &offered(&world));
    change(&world, json!({"price": "0.05", "min_quantity": 2}));
    assert_eq!(offered(&world).required()["accepts"][0]["amount"], "100000");
    let sold = send(&world, "/api/v1/access/room-7?quantity=1", &open);
    assert_eq!(
        (sold.status, &sold.body["amount"], &sold.body["quantity"]),
        (200, &json!("10000"), &json!(1))
    );
    world.audit_settled();

    let world = with_room();
    let expired = payment(&world, 1, &offered(&world));
    world.advance(300_000);
    let answer = send(&world, ACCESS, &expired);
    assert_eq!((answer.status, answer.settlement().error_reason.as_deref()), (402, Some("quote_expired")));
}

#[test]
fn a_payment_without_a_quote_pays_what_is_asked_now_inv_6() {
    let world = with_room();
    let old = v1(&world, 1, 10_000);
    change(&world, json!({"price": "0.05"}));
    let answer = ask(&world, "GET", ACCESS, &[("x-payment", &old)], "");
    let reason = answer.settlement().error_reason.unwrap();
    assert_eq!((answer.status, reason.as_str()), (402, "invalid_exact_svm_payload_amount_mismatch"));
    assert_eq!(answer.body["accepts"][0]["maxAmountRequired"], "50000");
    let unsold = ask(&world, "GET", &format!("{ACCESS}?quantity=241"), &[("x-payment", &old)], "");
    assert_eq!(code(&unsold), (400, "invalid_quantity"));
    assert_eq!(world.charged(), 0);
    let new = v1(&world, 1, 50_000);
    assert_eq!(ask(&world, "GET", ACCESS, &[("x-payment", &new)], "").status, 200);
    world.audit_settled();
}

#[test]
fn a_price_that_changes_while_a_payment_without_a_quote_is_checked_charges_nobody_inv_6() {
    let world = with_room();
    let header = v1(&world, 1, 10_000);
    let request = |method: &str, path: &str, header: (&str, String), body: &str| Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: None,
        headers: vec![(header.0.to_owned(), header.1)],
        body: body.as_bytes().to_vec(),
    };
    let buys = request("GET", ACCESS, ("x-payment", header), "");
    let changes =
        request("PATCH", ROOM, ("authorization", format!("Bearer {API_KEY}")), r#"{"price": "0.05"}"#);
    // The change comes while the chain is asked about the payment.
    world.slow_first.set(Some(1_000));
    let platform = Platform::new(&world);
    let context = Context::new(&world.deployment, &platform);
    let answers =
        world.run_all(vec![Box::pin(handle(&context, &buys)), Box::pin(handle(&context, &changes))]);
    let [Some(bought), Some(changed)] = answers.as_slice() else { panic!("both are answered") };
    assert_eq!(changed.status, 200);
    let body: Value = serde_json::from_slice(&bought.body).unwrap();
    assert_eq!((bought.status, &body["error"]), (402, &json!("price_changed")));
    assert_eq!(body["accepts"][0]["maxAmountRequired"], "50000");
    assert_eq!((world.prepares.get(), world.sends.get(), world.charged()), (1, 0, 0));
    world.audit_settled();
}

#[test]
fn what_is_not_for_sale_has_no_price_and_takes_no_payment_inv_1() {
    let world = with_room();
    let [open, late] = [1, 2].map(|who| payment(&world, who, &offered(&world)));
    let bare = v1(&world, 3, 10_000);
    let sold = send(&world, ACCESS, &open);
    let bearer = format!("Bearer {}", sold.body["sessionToken"].as_str().unwrap());
    let bearer = ("authorization", bearer.as_str());
    let extension = payment(&world, 1, &ask(&world, "POST", EXTEND, &[bearer], ""));
    change(&world, json!({"enabled": false}));

    let refusals = [
        get(&world, ACCESS),
        send(&world, ACCESS, &late),
        ask(&world, "GET", ACCESS, &[("x-payment", &bare)], ""),
        ask(&world, "POST", EXTEND, &[bearer], ""),
        ask(&world, "POST", EXTEND, &[bearer, ("payment-signature", &extension)], ""),
    ];
    for (number, answer) in refusals.iter().enumerate() {
        assert_eq!(code(answer), (409, "asset_disabled"), "{number}");
        assert!(answer.body["detail"].as_str().unwrap().contains("You were not charged."));
    }
    assert_eq!(refusals[1].settlement().error_reason.as_deref(), Some("asset_disabled"));
    assert_eq!(world.charged(), 1);

    // What was sold goes on, and a repeat still gets it.
    assert_eq!(send(&world, ACCESS, &open).body["sessionId"], sold.body["sessionId"]);
    let id = sold.body["sessionId"].as_str().unwrap();
    let status = ask(&world, "GET", &format!("/api/v1/sessions/{id}/status"), &[bearer], "");
    assert_eq!((status.status, &status.body["status"]), (200, &json!("active")));
    let status = get(&world, "/api/v1/assets/room-7/status").body;
    assert_eq!((&status["available"], status["session"].is_object()), (&json!(false), true));
    world.advance(60_000);
    assert_eq!(get(&world, ROOM).body["available"], false);

    // The asset comes back as it was, and the quote that is still open is valid.
    change(&world, json!({"enabled": true}));
    assert_eq!(send(&world, ACCESS, &late).status, 200);
    world.audit_settled();
}

#[test]
fn the_configuration_can_take_an_asset_from_sale_too() {
    let mut world = World::new();
    let [open, late] = [1, 2].map(|who| payment(&world, who, &get(&world, "/api/v1/access/door-1")));
    let sold = send(&world, "/api/v1/access/door-1", &open);
    world.deployment.config.assets.iter_mut().next().unwrap().enabled = false;
    assert_eq!(code(&get(&world, "/api/v1/access/door-1")), (409, "asset_disabled"));
    assert_eq!(code(&send(&world, "/api/v1/access/door-1", &late)), (409, "asset_disabled"));
    let repeat = send(&world, "/api/v1/access/door-1", &open);
    assert_eq!((repeat.status, &repeat.body["sessionId"]), (200, &sold.body["sessionId"]));
    let shown = get(&world, "/api/v1/assets/door-1").body;
    assert_eq!((&shown["enabled"], &shown["available"]), (&json!(false), &json!(false)));
    assert_eq!(get(&world, "/api/v1/assets/door-2").body["enabled"], true);
}

#[test]
fn nothing_is_deleted_under_a_session_or_a_payment_in_flight_inv_2() {
    let world = with_room();
    world.chain.set(Chain::ShownFrom(START + 40_000));
    let header = payment(&world, 1, &offered(&world));
    assert_eq!(send(&world, ACCESS, &header).status, 202);
    let in_flight = delete(&world);
    assert_eq!((code(&in_flight), in_flight.header("retry-after")), ((409, "asset_in_use"), "10"));
    world.advance(10_000);
    let sold = send(&world, ACCESS, &header);
    assert_eq!(sold.status, 200, "{}", sold.body);
    let running = delete(&world);
    assert_eq!(code(&running), (409, "asset_in_use"));
    assert!((50..=60).contains(&running.header("retry-after").parse::<u64>().unwrap()));
    world.audit();
    world.advance(60_000);
    assert_eq!((delete(&world).status, world.count("catalogue")), (204, 0));

    // The asset is gone, but its buyer can still read what the session was.
    for target in [ROOM, "/api/v1/assets/room-7/status", ACCESS] {
        assert_eq!(code(&get(&world, target)), (404, "not_found"), "{target}");
    }
    assert_eq!(code(&delete(&world)), (404, "not_found"));
    let bearer = format!("Bearer {}", sold.body["sessionToken"].as_str().unwrap());
    let session = format!("/api/v1/sessions/{}/status", sold.body["sessionId"].as_str().unwrap());
    let status = ask(&world, "GET", &session, &[("authorization", &bearer)], "");
    assert_eq!((status.status, &status.body["status"]), (200, &json!("ended")));
    world.audit_settled();
}

#[test]
fn a_buyer_who_was_charged_is_never_told_that_there_is_no_such_asset_inv_1_2() {
    let world = with_room();
    let header = payment(&world, 1, &offered(&world));
    let sold = send(&world, ACCESS, &header);
    let bearer = format!("Bearer {}", sold.body["sessionToken"].as_str().unwrap());
    let bearer = ("authorization", bearer.as_str());
    let extension = payment(&world, 1, &ask(&world, "POST", EXTEND, &[bearer], ""));
    let extend = || ask(&world, "POST", EXTEND, &[bearer, ("payment-signature", &extension)], "");
    let longer = extend();
    assert_eq!(longer.status, 200);
    let bare = v1(&world, 2, 10_000);
    world.advance(120_000);
    assert_eq!(ask(&world, "GET", ACCESS, &[("x-payment", &bare)], "").status, 200);
    world.advance(60_000);
    let unpaid = payment(&world, 3, &offered(&world));
    assert_eq!(delete(&world).status, 204);

    let check = |when: &str| {
        for (repeat, first) in [(send(&world, ACCESS, &header), &sold), (extend(), &longer)] {
            assert_eq!((repeat.status, &repeat.body["sessionId"]), (200, &first.body["sessionId"]), "{when}");
            assert_eq!(repeat.body["transaction"], first.body["transaction"], "{when}");
        }
        // Without a ticket, a transaction could come from anyone, here as everywhere.
        let bare = ask(&world, "GET", ACCESS, &[("x-payment", &bare)], "");
        assert_eq!(code(&bare), (409, "payment_already_used"), "{when}");
    };
    check("deleted");
    // A buyer who was not charged yet is not charged.
    let answer = send(&world, ACCESS, &unpaid);
    assert_eq!(code(&answer), (404, "not_found"));
    assert_eq!(answer.settlement().error_reason.as_deref(), Some("not_found"));
    assert_eq!(code(&ask(&world, "POST", EXTEND, &[bearer], "")), (404, "not_found"));
    create(&world, json!({"price": "7"}));
    check("made again");
    assert_eq!(world.charged(), 3);
    world.audit_settled();
}

#[test]
fn a_quote_of_one_asset_is_worth_nothing_at_the_next_of_its_id_inv_1() {
    let world = with_room();
    let old = payment(&world, 1, &offered(&world));
    assert_eq!(delete(&world).status, 204);
    create(&world, json!({}));
    let answer = send(&world, ACCESS, &old);
    assert_eq!((answer.status, answer.settlement().error_reason.as_deref()), (402, Some("ticket_mismatch")));
    assert_eq!(world.charged(), 0);
    // The new quote in the refusal can be paid.
    let header = payment(&world, 1, &answer);
    assert_eq!(send(&world, ACCESS, &header).status, 200);
    assert_eq!(world.events("room-7")[2]["listing"]["generation"], 2);
    world.audit_settled();
}

#[test]
fn a_refused_payment_for_an_asset_that_is_gone_is_told_that_it_is_gone() {
    let world = with_room();
    let header = payment(&world, 1, &offered(&world));
    let mut altered: Value = serde_json::from_slice(&from_base64(&header).unwrap()).unwrap();
    altered["accepted"]["scheme"] = json!("upto");
    let altered = base64(altered.to_string().as_bytes());
    assert_eq!(send(&world, ACCESS, &altered).status, 402);
    delete(&world);
    let answer = send(&world, ACCESS, &altered);
    assert_eq!(code(&answer), (404, "not_found"));
    assert!(!answer.settlement().success);
    assert_eq!(world.charged(), 0);
}

#[test]
fn of_a_payment_and_a_deletion_whichever_is_first_the_other_is_refused_inv_1_2() {
    let (mut sold, mut gone) = (0, 0);
    for after in 0..40 {
        let world = with_room();
        let header = payment(&world, 1, &offered(&world));
        let request = |method: &str, path: &str, name: &str, value: String| Request {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![(name.to_owned(), value)],
            ..Request::default()
        };
        let buys = request("GET", ACCESS, "payment-signature", header);
        let deletes = request("DELETE", ROOM, "authorization", format!("Bearer {API_KEY}"));
        let platform = Platform::new(&world);
        let context = Context::new(&world.deployment, &platform);
        let late = async {
            world.sleep(after).await;
            handle(&context, &deletes).await
        };
        let answers = world.run_all(vec![Box::pin(handle(&context, &buys)), Box::pin(late)]);
        let statuses: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().status).collect();
        match statuses.as_slice() {
            [200, 409] => sold += 1,
            [404, 204] => gone += 1,
            other => panic!("{other:?} after {after} ms"),
        }
        assert_eq!(world.charged(), usize::from(statuses == [200, 409]));
        world.audit_settled();
    }
    assert!(sold > 5 && gone > 5, "{sold} {gone}");
}
