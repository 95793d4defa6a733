//! What is owed, as the merchant sees it, and what the merchant says about it.

use super::assets::manage;
use super::*;
use crate::ids::AssetId;
use crate::session::{LockState, Report, ReportedState};
use crate::testkit::world::API_KEY;

const OWED: &str = "/api/v1/merchant/owed";

/// Sells ten minutes of a door whose device says this, and lets them pass.
fn not_delivered(world: &World, who: u8, door: &str, says: Option<bool>) {
    world.bought(who, door, 10);
    let platform = Platform::new(world);
    let gateway = Gateway::new(&world.deployment, &platform);
    if let Some(failed) = says {
        let lock = if failed { LockState::Locked } else { LockState::Unlocked };
        let seen = ReportedState::of_lock(1, lock, world.now()).with_failed(failed);
        let report = (AssetId::parse(door).unwrap(), Report::Seen(seen));
        world.run(gateway.step(false, vec![report])).unwrap().unwrap();
    }
    world.advance(600_000);
    world.step().unwrap();
}

fn open(world: &World) -> Vec<Value> {
    manage(world, "GET", OWED, &Value::Null).body["owed"].as_array().unwrap().clone()
}

fn say(world: &World, entry: &Value, body: Value) -> Answer {
    manage(world, "POST", entry["href"].as_str().unwrap(), &body)
}

/// Returns what the ledger has in each account, but for the fees.
fn balances(world: &World) -> Vec<(String, i64)> {
    let sums = "SELECT to_book, sum(CAST(amount AS INTEGER)) FROM entry WHERE to_book <> 'fees'
        GROUP BY to_book ORDER BY to_book";
    let mut prepared = world.database.prepare(sums).unwrap();
    let rows = prepared.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn the_merchant_sees_what_is_owed_and_says_what_becomes_of_it_once_inv_2_5() {
    let world = World::new();
    not_delivered(&world, 1, "door-1", Some(true));
    not_delivered(&world, 2, "door-2", None);
    let entries = open(&world);
    let shown: Vec<_> =
        entries.iter().map(|entry| (&entry["reason"], &entry["status"], &entry["amount"])).collect();
    assert_eq!(
        shown,
        [
            (&json!("device_unclear"), &json!("unclear"), &json!("100000")),
            (&json!("device_failed"), &json!("owed"), &json!("100000")),
        ]
    );
    assert_eq!(entries[1]["payer"], json!(keys::account(1)));
    assert!(entries[1]["source"].is_string() && entries[1]["note"].is_null(), "{}", entries[1]);
    // What is owed for certain is the buyer's.
    for decision in ["not_owed", "owed"] {
        let said = say(&world, &entries[1], json!({ "decision": decision }));
        let status = if decision == "owed" { 200 } else { 409 };
        assert_eq!(said.status, status, "{}", said.body);
    }
    let paid = json!({ "decision": "refunded", "note": "5hGq, on Monday" });
    for _ in 0..2 {
        let said = say(&world, &entries[1], paid.clone());
        assert_eq!((said.status, &said.body["status"]), (200, &json!("refunded")), "{}", said.body);
        assert_eq!(said.body["note"], json!("5hGq, on Monday"));
    }
    let said = say(&world, &entries[0], json!({ "decision": "not_owed" }));
    assert_eq!((said.status, &said.body["status"]), (200, &json!("not_owed")), "{}", said.body);
    let again = say(&world, &entries[0], json!({ "decision": "refunded" }));
    assert_eq!((again.status, &again.body["code"]), (409, &json!("already_decided")));
    assert_eq!(open(&world), [Value::Null; 0]);
    let all = manage(&world, "GET", &format!("{OWED}?status=all&limit=1"), &Value::Null).body;
    assert_eq!(all["owed"][0]["status"], json!("not_owed"));
    let next = format!("{OWED}?status=all&limit=1&before={}", all["next"].as_str().unwrap());
    let rest = manage(&world, "GET", &next, &Value::Null).body;
    assert_eq!((&rest["owed"][0]["status"], &rest["next"]), (&json!("refunded"), &Value::Null));
    let sums = [("earned", 100_000), ("held", 200_000), ("owed", 100_000), ("refunded", 100_000)];
    assert_eq!(balances(&world), sums.map(|(book, sum)| (book.to_owned(), sum)));
    world.audit_settled();
}

#[test]
fn of_two_decisions_at_once_one_counts_inv_5() {
    let world = World::new();
    not_delivered(&world, 1, "door-1", None);
    let entry = open(&world).remove(0);
    let path = entry["href"].as_str().unwrap();
    let bearer = format!("Bearer {API_KEY}");
    let requests = ["not_owed", "refunded"].map(|decision| crate::http::Request {
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: vec![("authorization".to_owned(), bearer.clone())],
        body: json!({ "decision": decision }).to_string().into_bytes(),
        ..crate::http::Request::default()
    });
    let platform = Platform::new(&world);
    let context = Context::new(&world.deployment, &platform);
    let answers = requests.iter().map(|request| -> std::pin::Pin<Box<dyn Future<Output = Response> + '_>> {
        Box::pin(crate::http::handle(&context, request))
    });
    let answers = world.run_all(answers.collect());
    let statuses: Vec<u16> = answers.into_iter().map(|answer| answer.unwrap().status).collect();
    assert!(statuses == [200, 409] || statuses == [409, 200], "{statuses:?}");
    assert_eq!(world.count("journal WHERE events LIKE '%owed_decided%'"), 1);
    world.audit_settled();
}

#[test]
fn a_decision_that_cannot_be_read_changes_nothing_and_a_stranger_decides_nothing_inv_1_9() {
    let world = World::new();
    not_delivered(&world, 1, "door-1", None);
    let entry = open(&world).remove(0);
    let path = entry["href"].as_str().unwrap().to_owned();
    let before = world.count("journal");
    let long = "x".repeat(501);
    for (body, code) in [
        (json!({}), "malformed_body"),
        (json!({ "decision": "paid" }), "invalid_decision"),
        (json!({ "decision": "owed", "note": "a\nb" }), "invalid_note"),
        (json!({ "decision": "owed", "note": long }), "invalid_note"),
        (json!({ "decision": "owed", "note": null }), "malformed_body"),
    ] {
        let said = manage(&world, "POST", &path, &body);
        assert_eq!((said.status, &said.body["code"]), (400, &json!(code)), "{body}");
    }
    let body = json!({ "decision": "not_owed" });
    assert_eq!(ask(&world, "POST", &path, &[], &body.to_string()).status, 401);
    assert_eq!(ask(&world, "GET", OWED, &[], "").status, 401);
    for other in
        [path.replace("door-1", "door-2"), format!("{OWED}/door-1/o_1"), format!("{OWED}/-/{}", entry["id"])]
    {
        assert_eq!(manage(&world, "POST", &other, &body).status, 404, "{other}");
    }
    assert_eq!(world.count("journal"), before);
}
