mod altered;
mod assets;
mod assets_strange;
mod assets_tickets;
mod captured;
mod challenge;
mod codes;
mod cors;
mod epochs;
mod merchant;
mod owed;
mod page_of_assets;
mod parameters;
mod payment_response;
mod proofs;
mod readers;
mod route;
mod shard;
mod stale;
mod stop;
mod strange;
mod theft;
mod tick;
mod transaction;
mod unknown_end;

use serde_json::{Value, json};

use super::*;
use crate::encoding::{base64, from_base64};
use crate::gateway::Gateway;
use crate::ids::PaymentId;
use crate::ports::{Claims as _, Ports as _};
use crate::quote::{Quote, Ticket};
use crate::rail::Presented;
use crate::sign_in;
use crate::testkit::keys;
use crate::testkit::platform::Platform;
use crate::testkit::world::World;
use crate::x402::{self, PaymentPayload, SettlementResponse, Version};

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| value.as_str())
    }

    /// Returns the `PaymentRequired` of the v2 header.
    fn required(&self) -> Value {
        serde_json::from_slice(&from_base64(self.header("payment-required")).unwrap()).unwrap()
    }

    fn settlement(&self) -> SettlementResponse {
        let value = [self.header("payment-response"), self.header("x-payment-response")].concat();
        SettlementResponse::from_header(&value).unwrap()
    }
}

fn ask(world: &World, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q.to_owned())));
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query,
        headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        body: body.as_bytes().to_vec(),
    };
    let platform = Platform::new(world);
    let context = Context::new(&world.deployment, &platform);
    let response = world.run(handle(&context, &request)).unwrap();
    let body = match response.body.as_slice() {
        [] => Value::Null,
        body => serde_json::from_slice(body).unwrap(),
    };
    if body.get("charged").is_some() {
        assert_not_charged(world, &platform, &request, &body);
    }
    Answer { status: response.status, headers: response.headers, body }
}

/// Asserts that a payment which is called uncharged is not among those that were claimed (invariant 3).
fn assert_not_charged(world: &World, platform: &Platform<'_>, request: &Request, body: &Value) {
    assert_eq!(body["charged"], false, "{body}");
    for name in [x402::PAYMENT_SIGNATURE, x402::X_PAYMENT] {
        for header in request.values(name) {
            if let Some(id) = id_of(world, header) {
                let record = world.run(platform.journal().payment(&id)).unwrap().unwrap();
                assert_eq!(record, None, "{body}");
            }
        }
    }
}

/// Returns the id of the transaction in a payment header, whatever is wrong with what is around it.
fn id_of(world: &World, header: &str) -> Option<PaymentId> {
    let mut value: Value = serde_json::from_slice(&from_base64(header)?).ok()?;
    let network = world.deployment.config.network;
    value["x402Version"] = json!(2);
    for (member, right) in [("scheme", "exact"), ("network", network.caip2())] {
        value["accepted"][member] = json!(right);
    }
    let payment = PaymentPayload::read(Version::V2, &base64(value.to_string().as_bytes()), network).ok()?;
    Some(Presented::read(&payment).ok()?.id())
}

fn get(world: &World, target: &str) -> Answer {
    ask(world, "GET", target, &[], "")
}

/// Returns the challenge in a 402 of the first door, for a caller who asks to sign in.
fn sign_in_challenge(world: &World) -> Value {
    get(world, "/api/v1/access/door-1?signin").required()["extensions"][sign_in::EXTENSION].clone()
}

/// Returns the header that pays for a 402, as a v2 client would make it.
fn payment(world: &World, who: u8, answer: &Answer) -> String {
    let accepted = answer.required()["accepts"][0].clone();
    let ticket = Ticket::from_text(accepted["extra"]["ticket"].as_str().unwrap());
    let deployment = &world.deployment;
    let quote = Quote::open(&ticket, &deployment.keys, &deployment.config, &world.fee_payers).unwrap();
    let transaction = base64(world.pay(who, &ticket, &quote).transaction());
    let payload = json!({"x402Version": 2, "accepted": accepted, "payload": {"transaction": transaction}});
    base64(payload.to_string().as_bytes())
}

#[test]
fn a_402_speaks_both_versions_and_leaves_nothing_behind_inv_8() {
    let world = World::new();
    let answer = ask(&world, "POST", "/api/v1/access/door-1", &[], r#"{"quantity": 3}"#);
    assert_eq!((answer.status, answer.header("cache-control")), (402, "no-store"));
    let offer = &answer.required()["accepts"][0];
    assert_eq!((&offer["amount"], &offer["scheme"]), (&json!("30000"), &json!("exact")));
    assert_eq!(offer["extra"]["memo"].as_str().unwrap().len(), 28);
    assert_eq!(answer.required()["x402Version"], 2);
    let body = &answer.body["accepts"][0];
    assert_eq!((&answer.body["x402Version"], &body["maxAmountRequired"]), (&json!(1), &json!("30000")));
    let (fee_payer, program) = (&offer["extra"]["feePayer"], &offer["extra"]["tokenProgram"]);
    assert_eq!(body["extra"], json!({"feePayer": fee_payer, "decimals": 6, "tokenProgram": program}));
    assert!(body.get("outputSchema").is_none());
    for table in ["journal", "head", "payment", "session", "fee_budget", "trust"] {
        assert_eq!(world.count(table), 0);
    }
}

#[test]
fn a_paid_request_gets_its_session_and_its_settlement() {
    let world = World::new();
    let offered = get(&world, "/api/v1/access/door-1?quantity=2");
    let header = payment(&world, 1, &offered);
    let answer =
        ask(&world, "GET", "/api/v1/access/door-1?quantity=2", &[("payment-signature", &header)], "");
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    let settlement = answer.settlement();
    assert!(settlement.success);
    assert_eq!(json!(settlement.transaction), answer.body["transaction"]);
    assert_eq!((&answer.body["amount"], &answer.body["display"]), (&json!("20000"), &json!("0.02 USDC")));

    let id = answer.body["sessionId"].as_str().unwrap();
    let bearer = format!("Bearer {}", answer.body["sessionToken"].as_str().unwrap());
    let status =
        ask(&world, "GET", &format!("/api/v1/sessions/{id}/status"), &[("authorization", &bearer)], "");
    assert_eq!((&status.body["status"], &status.body["secondsLeft"]), (&json!("active"), &json!(120)));
    world.advance(120_000);
    let status =
        ask(&world, "GET", &format!("/api/v1/sessions/{id}/status"), &[("authorization", &bearer)], "");
    assert_eq!((&status.body["status"], &status.body["secondsLeft"]), (&json!("ended"), &json!(0)));
}

#[test]
fn only_a_refusal_after_a_look_for_an_earlier_claim_says_that_nothing_was_charged_inv_3() {
    let world = World::new();
    let path = "/api/v1/access/door-1?quantity=5";
    let paid = |header: &str| ask(&world, "GET", path, &[("payment-signature", header)], "");
    let [first, second] = [1, 2].map(|who| payment(&world, who, &get(&world, path)));
    let charged = |answer: &Answer| (answer.status, answer.body.get("charged").cloned());
    assert_eq!(charged(&get(&world, path)), (402, None));
    assert_eq!(charged(&paid("nonsense")), (400, None));
    assert_eq!(charged(&paid(&first)), (200, None));
    let busy = paid(&second);
    assert_eq!(busy.body["code"], "asset_busy");
    assert_eq!(charged(&busy), (409, Some(json!(false))));
    // Its first sending was paid for.
    let mut used: Value = serde_json::from_slice(&from_base64(&first).unwrap()).unwrap();
    used["accepted"]["extra"]["ticket"] = json!("");
    let used = paid(&base64(used.to_string().as_bytes()));
    assert_eq!(used.body["code"], "payment_already_used", "{}", used.body);
    assert_eq!(charged(&used), (409, None));
    // The same transaction in another wrapper is not looked up.
    let mut other: Value = serde_json::from_slice(&from_base64(&first).unwrap()).unwrap();
    other["accepted"]["network"] = json!("solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z");
    let other = paid(&base64(other.to_string().as_bytes()));
    assert_eq!(other.body["error"], "invalid_exact_svm_network_mismatch", "{}", other.body);
    assert_eq!(charged(&other), (402, None));
    // A quote that has run out refuses what was never claimed, and answers what was.
    world.advance(1_000_000);
    assert_eq!(charged(&paid(&first)), (200, None));
    assert_eq!(charged(&paid(&second)), (402, Some(json!(false))));
}

#[test]
fn a_refusal_names_a_stable_reason_and_offers_a_new_price() {
    let world = World::new();
    let mut offered = get(&world, "/api/v1/access/door-1");
    let header = payment(&world, 1, &offered);
    let mut altered: Value = serde_json::from_slice(&from_base64(&header).unwrap()).unwrap();
    altered["accepted"]["amount"] = json!("1");
    let altered = base64(altered.to_string().as_bytes());
    offered = ask(&world, "GET", "/api/v1/access/door-1", &[("payment-signature", &altered)], "");
    assert_eq!(offered.status, 402);
    assert_eq!(offered.settlement().error_reason.unwrap(), "invalid_exact_svm_payload_amount_mismatch");
    assert_eq!(offered.required()["error"], "invalid_exact_svm_payload_amount_mismatch");
    assert!(offered.body["detail"].as_str().unwrap().contains("accepted"));
    assert_eq!(world.count("journal"), 0);
}

#[test]
fn every_mistake_is_a_problem_with_a_stable_code() {
    let world = World::new();
    let pay = |value: &'static str| [("payment-signature", value)];
    let cases: &[(&str, &str, &[(&str, &str)], &str, u16, &str)] = &[
        ("GET", "/nothing", &[], "", 404, "not_found"),
        ("GET", "/api/v1/access/door-9", &[], "", 404, "not_found"),
        ("GET", "/api/v1/access/..%2F", &[], "", 404, "not_found"),
        ("DELETE", "/api/v1/access/door-1", &[], "", 405, "method_not_allowed"),
        ("POST", "/health", &[], "", 405, "method_not_allowed"),
        ("GET", "/api/v1/access/door-1?quantity=0", &[], "", 400, "invalid_quantity"),
        ("GET", "/api/v1/access/door-1?quantity=-1", &[], "", 400, "invalid_quantity"),
        ("GET", "/api/v1/access/door-1?quantity=1.5", &[], "", 400, "invalid_quantity"),
        ("GET", "/api/v1/access/door-1?quantity=241", &[], "", 400, "invalid_quantity"),
        ("GET", "/api/v1/access/door-1?quantity=99999999999999999999999", &[], "", 400, "invalid_quantity"),
        ("GET", "/api/v1/access/door-1?quantity=", &[], "", 400, "invalid_quantity"),
        ("POST", "/api/v1/access/door-1?quantity=1", &[], r#"{"quantity":2}"#, 400, "invalid_quantity"),
        ("POST", "/api/v1/access/door-1", &[], r#"{"quantity":1.0}"#, 400, "invalid_quantity"),
        ("POST", "/api/v1/access/door-1", &[], r#"{"quantity":"1"}"#, 400, "invalid_quantity"),
        ("POST", "/api/v1/access/door-1", &[], "quantity=1", 400, "malformed_body"),
        ("POST", "/api/v1/access/door-1", &[], "[1]", 400, "malformed_body"),
        ("GET", "/api/v1/access/door-1", &pay("%%%"), "", 400, "invalid_payload"),
        ("GET", "/api/v1/access/door-1", &pay("e30="), "", 400, "invalid_payload"),
        (
            "GET",
            "/api/v1/access/door-1",
            &[("x-payment", "a"), ("payment-signature", "b")],
            "",
            400,
            "several_payments",
        ),
        ("GET", "/api/v1/access/door-1", &[("sign-in-with-x", "e30=")], "", 401, "sign_in_required"),
        ("GET", "/api/v1/access/door-1/extend", &[], "", 401, "session_token_required"),
        (
            "GET",
            "/api/v1/sessions/s_00/status",
            &[("authorization", "Bearer a.b.c")],
            "",
            401,
            "session_token_required",
        ),
        ("GET", "/api/v1/payers/me/sessions", &[], "", 404, "not_found"),
        ("GET", "/api/v1/assets?limit=101", &[], "", 400, "invalid_limit"),
        ("GET", "/api/v1/assets?after=x", &[], "", 400, "invalid_cursor"),
    ];
    for (method, target, headers, body, status, code) in cases {
        let answer = ask(&world, method, target, headers, body);
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (*status, &json!(code)),
            "{method} {target} {body}"
        );
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.body["status"], json!(status));
    }
    assert_eq!(world.count("journal"), 0);
}

/// Not every platform hands it on.
#[test]
fn the_body_of_a_get_means_nothing_inv_7() {
    let world = World::new();
    let amount = |method, body| {
        let answer = ask(&world, method, "/api/v1/access/door-1", &[], body);
        assert_eq!(answer.status, 402);
        answer.body["accepts"][0]["maxAmountRequired"].as_str().unwrap().to_owned()
    };
    let quantity = r#"{"quantity":3}"#;
    assert_eq!(
        [amount("GET", quantity), amount("GET", "{"), amount("POST", quantity)],
        ["10000", "10000", "30000"]
    );
}

/// Some platforms hand several headers of one name on as one.
#[test]
fn of_several_headers_of_one_name_none_counts_whether_they_arrive_as_one_or_not_inv_7() {
    let world = World::new();
    let access = "/api/v1/access/door-1";
    let offered = get(&world, access);
    let status_of = |path: &str, headers: &[(&str, &str)]| ask(&world, "GET", path, headers, "").status;
    let twice = |path: &str, name: &str, value: &str| {
        let joined = format!("{value}, {value}");
        [status_of(path, &[(name, value), (name, value)]), status_of(path, &[(name, &joined)])]
    };
    let payment = payment(&world, 1, &offered);
    assert_eq!(twice(access, "payment-signature", &payment), [400, 400]);
    assert_eq!(twice(access, "x-payment", &payment), [400, 400]);
    let sold = ask(&world, "GET", access, &[("payment-signature", &payment)], "").body;
    let bearer = format!("Bearer {}", sold["sessionToken"].as_str().unwrap());
    let session = format!("/api/v1/sessions/{}/status", sold["sessionId"].as_str().unwrap());
    assert_eq!(status_of(&session, &[("authorization", &bearer)]), 200);
    assert_eq!(twice(&session, "authorization", &bearer), [401, 401]);
    let challenge = sign_in_challenge(&world);
    let proof = sign_in::prove(&challenge, &keys::numbered(1)).unwrap();
    assert_eq!(status_of(access, &[("sign-in-with-x", &proof)]), 200);
    assert_eq!(twice(access, "sign-in-with-x", &proof), [401, 401]);
}

#[test]
fn a_busy_asset_still_has_a_price_and_refuses_the_payment_before_money_moves_inv_1() {
    let world = World::new();
    world.bought(1, "door-1", 1);
    let offered = get(&world, "/api/v1/access/door-1");
    assert_eq!(offered.status, 402);
    let header = payment(&world, 2, &offered);
    let answer = ask(&world, "GET", "/api/v1/access/door-1", &[("payment-signature", &header)], "");
    assert_eq!((answer.status, &answer.body["code"]), (409, &json!("asset_busy")));
    assert!((1..=60).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
    assert_eq!(answer.settlement().error_reason.unwrap(), "asset_busy");
    assert_eq!(world.charged(), 1);
}

#[test]
fn a_wallet_that_signs_in_sees_its_own_sessions_and_nobody_elses_inv_9() {
    let world = World::new();
    let (bought, _) = world.bought(1, "door-1", 1);
    let id = json!(bought.session.session.id);
    let challenge = sign_in_challenge(&world);
    let mine = sign_in::prove(&challenge, &keys::numbered(1)).unwrap();
    let theirs = sign_in::prove(&challenge, &keys::numbered(2)).unwrap();
    let answer = ask(&world, "GET", "/api/v1/access/door-1", &[("sign-in-with-x", &mine)], "");
    assert_eq!((answer.status, &answer.body["sessionId"]), (200, &id));
    let answer = ask(&world, "GET", "/api/v1/access/door-1", &[("sign-in-with-x", &theirs)], "");
    assert_eq!(answer.status, 402);

    let history = format!("/api/v1/payers/{}/sessions", keys::address(&keys::numbered(1)));
    let unproven = get(&world, &history);
    let challenge = unproven.body["extensions"]["sign-in-with-x"].clone();
    assert_eq!(unproven.status, 401);
    let mine = sign_in::prove(&challenge, &keys::numbered(1)).unwrap();
    let answer = ask(&world, "GET", &history, &[("sign-in-with-x", &mine)], "");
    assert_eq!((answer.status, &answer.body["sessions"][0]["sessionId"]), (200, &id));
    assert!(answer.body["sessions"][0]["sessionToken"].is_string());
    assert_eq!(ask(&world, "GET", &history, &[("sign-in-with-x", &theirs)], "").status, 401);
}

#[test]
fn a_wallet_that_signs_in_at_a_shared_asset_sees_its_own_session_there_inv_1_9() {
    let mut world = World::new();
    let asset = &mut world.deployment.config.assets[0];
    (asset.capacity, asset.device) = (crate::capacity::Capacity::Unlimited, None);
    let ids = [1, 2].map(|who| json!(world.bought(who, "door-1", 1).0.session.session.id));
    world.bought(1, "door-2", 1);
    let challenge = sign_in_challenge(&world);
    let see = |who: u8| {
        let proof = sign_in::prove(&challenge, &keys::numbered(who)).unwrap();
        ask(&world, "GET", "/api/v1/access/door-1", &[("sign-in-with-x", &proof)], "")
    };
    for (who, id) in [1, 2].into_iter().zip(&ids) {
        let answer = see(who);
        assert_eq!((answer.status, &answer.body["sessionId"]), (200, id));
    }
    assert_eq!(see(3).status, 402);
    world.advance(60_000);
    assert_eq!(see(1).status, 402, "it is over");
}

#[test]
fn an_assets_status_says_when_it_is_free_and_never_who_is_inside_inv_9() {
    let world = World::new();
    let free = get(&world, "/api/v1/assets/door-1/status").body;
    assert_eq!((&free["available"], &free["session"]), (&json!(true), &Value::Null));
    let (bought, _) = world.bought(1, "door-1", 1);
    let taken = get(&world, "/api/v1/assets/door-1/status").body;
    assert_eq!(taken["session"], json!({"endsAt": bought.session.session.ends_at().unwrap().to_string()}));
    // Nothing was reported yet, and unknown is not locked.
    assert_eq!(taken["device"], json!({"state": "unknown", "since": null, "outOfOrder": false}));
    let everything = format!("{taken}{}", get(&world, "/api/v1/assets").body);
    let payer = keys::address(&keys::numbered(1)).to_string();
    assert!(!everything.contains(&payer) && !everything.contains(bought.session.session.id.as_str()));
}
