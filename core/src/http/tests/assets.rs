//! Assets that are created, changed and deleted with an API key.

use std::cell::Cell;

use super::*;
use crate::testkit::world::API_KEY;

pub(super) const ASSETS: &str = "/api/v1/assets";
pub(super) const ROOM: &str = "/api/v1/assets/room-7";

/// Sends a request of the merchant.
pub(super) fn manage(world: &World, method: &str, target: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {API_KEY}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    ask(world, method, target, &[("authorization", &bearer)], &body)
}

/// Returns a room by the minute, with the keys of `more` added or replaced.
pub(super) fn room(more: Value) -> Value {
    let mut room =
        json!({"id": "room-7", "name": "Room 7", "price": "0.01", "unit": "minute", "max_quantity": 240});
    room.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    room
}

/// Returns a world in which that room is for hire.
pub(super) fn with_room() -> World {
    let world = World::new();
    let made = manage(&world, "POST", ASSETS, &room(json!({})));
    assert_eq!(made.status, 201, "{}", made.body);
    world
}

pub(super) fn code(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.body["code"].as_str().unwrap_or_default())
}

#[test]
fn nothing_is_managed_without_a_key_of_the_merchant_inv_9() {
    let world = with_room();
    let before = world.count("journal");
    let bearers = [
        vec![],
        vec![("authorization", "Bearer ")],
        vec![("authorization", "Bearer coinop_api_small-worl")],
        vec![("authorization", "Bearer coinop_api_small-world2")],
        vec![("authorization", "Basic coinop_api_small-world")],
        vec![("authorization", API_KEY)],
        vec![("authorization", "Bearer wrong"), ("authorization", "Bearer coinop_api_small-world")],
    ];
    for headers in &bearers {
        for (method, target, body) in [
            ("POST", ASSETS, r#"{"id": "room-8", "price": "1", "unit": "minute"}"#),
            // The key is checked before everything else, so that a caller without one learns nothing.
            ("POST", ASSETS, "{"),
            ("PATCH", ROOM, r#"{"price": "1"}"#),
            ("PATCH", "/api/v1/assets/door-1", ""),
            ("PATCH", "/api/v1/assets/nothing", ""),
            ("DELETE", ROOM, ""),
            ("POST", "/api/v1/tick", ""),
            ("GET", "/api/v1/merchant/owed", ""),
            ("GET", "/api/v1/merchant/sessions", ""),
            ("GET", "/api/v1/merchant/sessions?limit=x", ""),
        ] {
            let answer = ask(&world, method, target, headers, body);
            assert_eq!(code(&answer), (401, "api_key_required"), "{method} {target} {headers:?}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    assert_eq!(world.count("journal"), before);
    // Each of the configured keys works, and no other.
    for key in ["another", API_KEY] {
        let bearer = format!("bearer {key}");
        let answer = ask(&world, "POST", "/api/v1/tick", &[("authorization", &bearer)], "");
        assert_eq!(answer.status, 200, "{key}");
    }
    let mut world = world;
    world.deployment.config.merchant.api_keys.clear();
    assert_eq!(manage(&world, "DELETE", ROOM, &Value::Null).status, 401);
}

#[test]
fn an_asset_that_was_made_is_listed_shown_and_sold() {
    let world = World::new();
    let made = manage(&world, "POST", ASSETS, &room(json!({"description": "With a view"})));
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"));
    assert_eq!(made.header("location"), "http://127.0.0.1:8402/api/v1/assets/room-7");
    let view = get(&world, ROOM).body;
    assert_eq!(made.body, view);
    assert_eq!((&view["name"], &view["description"]), (&json!("Room 7"), &json!("With a view")));
    assert_eq!((&view["enabled"], &view["available"]), (&json!(true), &json!(true)));
    assert_eq!(view["tariff"]["prices"][0]["display"], "0.01 USDC");
    let listed = get(&world, ASSETS).body["assets"].clone();
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|asset| asset["id"].clone()).collect();
    assert_eq!((ids, &listed[2]), (vec![json!("door-1"), json!("door-2"), json!("room-7")], &view));
    assert_eq!(get(&world, "/api/v1/assets/room-7/status").body["device"], Value::Null);

    let offered = get(&world, "/api/v1/access/room-7?quantity=2");
    let header = payment(&world, 1, &offered);
    let sold = ask(&world, "GET", "/api/v1/access/room-7", &[("payment-signature", &header)], "");
    assert_eq!((sold.status, &sold.body["display"]), (200, &json!("0.02 USDC")));
    assert_eq!(get(&world, ROOM).body["available"], false);
    assert_eq!(world.events("room-7")[0]["type"], "asset_created");
    world.audit_settled();
}

#[test]
fn every_mistake_names_the_field_that_has_it() {
    let world = with_room();
    let before = world.count("journal");
    let cases = [
        ("id", json!({"id": "Room 7"})),
        ("id", json!({"id": 7})),
        ("name", json!({"name": ""})),
        ("name", json!({"name": "n".repeat(201)})),
        ("description", json!({"description": 1})),
        ("price", json!({"price": 0.01})),
        ("price", json!({"price": "0"})),
        ("price", json!({"price": "1e3"})),
        ("price", json!({"price": "999999999999999"})),
        ("price", json!({"price": null})),
        ("unit", json!({"unit": "fortnight"})),
        ("unit", json!({"unit": "session"})),
        ("unit", json!({"unit": null})),
        ("session_seconds", json!({"session_seconds": 60})),
        ("session_seconds", json!({"unit": "session", "session_seconds": 0})),
        ("session_seconds", json!({"unit": "session", "session_seconds": "60"})),
        ("min_quantity", json!({"min_quantity": 0})),
        ("max_quantity", json!({"min_quantity": 241})),
        ("max_quantity", json!({"max_quantity": 10_000_000})),
        ("max_quantity", json!({"max_quantity": -1})),
        ("enabled", json!({"enabled": "no"})),
        ("colour", json!({"colour": "red"})),
        ("colour", json!({"colour": null})),
        ("generation", json!({"generation": 3})),
        ("device", json!({"device": {"driver": "exec", "unlock": ["touch", "x"]}})),
        ("device", json!({"device": null})),
    ];
    for (field, wrong) in cases {
        let new = room(json!({"id": "room-8"}));
        let mut posted = new.clone();
        posted.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        for (method, target, body) in [("POST", ASSETS, &posted), ("PATCH", ROOM, &wrong)] {
            let answer = manage(&world, method, target, body);
            let seen = (answer.status, &answer.body["code"], &answer.body["field"]);
            assert_eq!(seen, (400, &json!("invalid_asset"), &json!(field)), "{method} {body}");
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(detail.starts_with(field) && !detail.contains("asset["), "{detail}");
        }
    }
    for missing in ["id", "price", "unit"] {
        let mut body = room(json!({"id": "room-8"}));
        body.as_object_mut().unwrap().remove(missing);
        let answer = manage(&world, "POST", ASSETS, &body);
        assert_eq!((code(&answer).1, &answer.body["field"]), ("invalid_asset", &json!(missing)));
    }
    let bearer = format!("Bearer {API_KEY}");
    for (method, target) in [("POST", ASSETS), ("PATCH", ROOM)] {
        for body in ["", "{", "[]", "null", "\"room-7\"", "{} {}", "\u{0}"] {
            let answer = ask(&world, method, target, &[("authorization", &bearer)], body);
            assert_eq!(code(&answer), (400, "malformed_body"), "{method} {body:?}");
        }
    }
    assert_eq!(world.count("journal"), before);
}

#[test]
fn a_change_leaves_the_rest_as_it_is_and_null_is_the_default() {
    let world = with_room();
    let patch = |body: Value| {
        let answer = manage(&world, "PATCH", ROOM, &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body, get(&world, ROOM).body);
        answer.body
    };
    let dearer = patch(json!({"price": "0.02"}));
    assert_eq!((&dearer["tariff"]["price"], &dearer["name"]), (&json!("0.02"), &json!("Room 7")));
    let plain = patch(json!({"name": null, "max_quantity": null}));
    assert_eq!((&plain["name"], &plain["tariff"]["maxQuantity"]), (&json!("room-7"), &json!(527_040)));
    // A default follows from the rest: as many hours as fit into 366 days.
    let hours = patch(json!({"unit": "hour"}));
    assert_eq!(hours["tariff"]["maxQuantity"], 8_784);
    let whole = patch(json!({"unit": "session", "session_seconds": 90, "enabled": false}));
    let tariff = &whole["tariff"];
    assert_eq!((&tariff["unitSeconds"], &tariff["maxQuantity"]), (&json!(90), &json!(1)));
    assert_eq!((&whole["enabled"], &whole["available"]), (&json!(false), &json!(false)));
    // The rules apply to the result, not to what was sent.
    let half = manage(&world, "PATCH", ROOM, &json!({"unit": "minute"}));
    assert_eq!(half.body["field"], "session_seconds");
    patch(json!({"unit": "minute", "session_seconds": null, "enabled": null}));
    let before = world.count("journal");
    assert_eq!(patch(json!({}))["tariff"]["price"], "0.02");
    patch(json!({"price": "0.0200"}));
    assert_eq!(world.count("journal"), before, "what changes nothing writes nothing");
    let kinds: Vec<_> = world.events("room-7").iter().map(|event| event["type"].clone()).collect();
    assert_eq!(
        kinds,
        [
            "asset_created",
            "asset_changed",
            "asset_changed",
            "asset_changed",
            "asset_changed",
            "asset_changed"
        ]
    );
    world.audit();
}

#[test]
fn the_configurations_assets_are_changed_there_and_unknown_ones_nowhere() {
    let world = with_room();
    let before = world.count("journal");
    for (method, target, body, expected) in [
        ("POST", ASSETS, room(json!({"id": "door-1"})), (409, "asset_read_only")),
        ("PATCH", "/api/v1/assets/door-1", json!({"price": "1"}), (409, "asset_read_only")),
        ("DELETE", "/api/v1/assets/door-1", Value::Null, (409, "asset_read_only")),
        ("POST", ASSETS, room(json!({"price": "1"})), (409, "asset_exists")),
        ("PATCH", "/api/v1/assets/room-8", json!({"price": "1"}), (404, "not_found")),
        ("PATCH", "/api/v1/assets/..%2f", json!({"price": "1"}), (404, "not_found")),
        ("DELETE", "/api/v1/assets/room-8", Value::Null, (404, "not_found")),
        ("PUT", ASSETS, Value::Null, (405, "method_not_allowed")),
        ("POST", ROOM, Value::Null, (405, "method_not_allowed")),
        ("DELETE", ASSETS, Value::Null, (405, "method_not_allowed")),
        ("GET", "/api/v1/tick", Value::Null, (405, "method_not_allowed")),
    ] {
        assert_eq!(code(&manage(&world, method, target, &body)), expected, "{method} {target}");
    }
    for (target, allowed) in [
        (ASSETS, "GET, HEAD, POST, OPTIONS"),
        (ROOM, "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("/api/v1/tick", "POST, OPTIONS"),
    ] {
        assert_eq!(manage(&world, "PUT", target, &Value::Null).header("allow"), allowed);
    }
    assert_eq!(world.count("journal"), before);
    assert_eq!(ask(&world, "HEAD", ROOM, &[], "").status, 200);
}

#[test]
fn what_was_made_under_an_id_that_the_configuration_has_now_is_hidden() {
    let mut world = with_room();
    manage(&world, "PATCH", ROOM, &json!({"enabled": false}));
    let config = json!({
        "public_url": "http://127.0.0.1:8402",
        "merchant": {"pay_to": keys::address(&keys::merchant()), "tokens": ["USDC"]},
        "solana": {"network": "devnet", "rpc_url": "http://127.0.0.1:8899"},
        "asset": [room(json!({"name": "Configured"}))],
    });
    world.deployment.config.assets = crate::config::Config::from_json(&config).unwrap().assets;
    let listed = get(&world, ASSETS).body["assets"].clone();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["name"]), (1, &json!("Configured")));
    assert_eq!(code(&manage(&world, "DELETE", ROOM, &Value::Null)).1, "asset_read_only");
    // It is sold as it is configured.
    let header = payment(&world, 1, &get(&world, "/api/v1/access/room-7"));
    let sold = ask(&world, "GET", "/api/v1/access/room-7", &[("payment-signature", &header)], "");
    assert_eq!(sold.status, 200, "{}", sold.body);
}

/// Sends several requests of the merchant at once. All of them are answered.
fn at_once(world: &World, requests: &[(&str, &str, Value)]) -> Vec<u16> {
    let platform = Platform::new(world);
    let context = Context::new(&world.deployment, &platform);
    let requests: Vec<_> = requests
        .iter()
        .map(|(method, path, body)| Request {
            method: (*method).to_owned(),
            path: (*path).to_owned(),
            query: None,
            headers: vec![("authorization".to_owned(), format!("Bearer {API_KEY}"))],
            body: body.to_string().into_bytes(),
        })
        .collect();
    let futures: Vec<std::pin::Pin<Box<dyn Future<Output = u16> + '_>>> = requests
        .iter()
        .map(|request| {
            let answer = async { handle(&context, request).await.status };
            Box::pin(answer) as std::pin::Pin<Box<dyn Future<Output = u16> + '_>>
        })
        .collect();
    world.run_all(futures).into_iter().map(Option::unwrap).collect()
}

#[test]
fn two_who_change_one_asset_at_once_both_have_their_way() {
    let world = with_room();
    let statuses = at_once(
        &world,
        &[
            ("PATCH", ROOM, json!({"price": "0.05"})),
            ("PATCH", ROOM, json!({"name": "Suite"})),
            ("PATCH", ROOM, json!({"max_quantity": 3})),
            ("PATCH", ROOM, json!({"description": "Quiet"})),
        ],
    );
    assert_eq!(statuses, [200; 4]);
    let view = get(&world, ROOM).body;
    assert_eq!((&view["name"], &view["description"]), (&json!("Suite"), &json!("Quiet")));
    assert_eq!((&view["tariff"]["price"], &view["tariff"]["maxQuantity"]), (&json!("0.05"), &json!(3)));
    world.audit();
}

#[test]
fn of_many_who_make_or_delete_one_asset_at_once_one_does() {
    let world = World::new();
    let made = at_once(&world, &vec![("POST", ASSETS, room(json!({}))); 6]);
    assert_eq!(made.iter().filter(|status| **status == 201).count(), 1);
    assert_eq!(made.iter().filter(|status| **status == 409).count(), 5);
    let deleted = at_once(&world, &vec![("DELETE", ROOM, Value::Null); 6]);
    assert_eq!(deleted.iter().filter(|status| **status == 204).count(), 1);
    assert_eq!(deleted.iter().filter(|status| **status == 404).count(), 5);
    assert_eq!(world.count("catalogue"), 0);
    world.audit();
}

#[test]
fn a_change_that_storage_did_not_take_is_not_told_as_made() {
    for at in 0.. {
        let world = with_room();
        world.blow_at(at);
        let ended = Cell::new(None);
        let platform = Platform::new(&world);
        let context = Context::new(&world.deployment, &platform);
        let request = Request {
            method: "PATCH".to_owned(),
            path: ROOM.to_owned(),
            headers: vec![("authorization".to_owned(), format!("Bearer {API_KEY}"))],
            body: br#"{"price": "0.02"}"#.to_vec(),
            ..Request::default()
        };
        world.run(async { ended.set(Some(handle(&context, &request).await.status)) });
        let price = get(&world, ROOM).body["tariff"]["price"].clone();
        world.audit();
        match ended.get() {
            Some(status) => {
                assert_eq!((status, price), (200, json!("0.02")));
                assert!(at > 1, "it was killed before and behind the write");
                break;
            }
            None => assert!(price == json!("0.01") || price == json!("0.02")),
        }
    }
}

#[test]
fn the_list_goes_from_the_configurations_assets_on_to_those_made_by_api() {
    let world = World::new();
    for id in ["zebra", "Alpha", "lamp-2", "lamp-10", "door-3"] {
        let made = manage(&world, "POST", ASSETS, &room(json!({"id": id, "name": null})));
        assert_eq!((made.status, &made.body["name"]), (201, &json!(id)));
    }
    let page = |after: Option<&str>, limit: usize| {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let page = get(&world, &format!("{ASSETS}?limit={limit}{after}")).body;
        let ids =
            page["assets"].as_array().unwrap().iter().map(|asset| asset["id"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), page["next"].as_str().map(str::to_owned))
    };
    let all = ["door-1", "door-2", "Alpha", "door-3", "lamp-10", "lamp-2", "zebra"];
    for limit in 1..=8 {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let (ids, next) = page(after.as_deref(), limit);
            assert_eq!(ids.len(), limit.min(all.len() - seen.len()));
            seen.extend(ids);
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, all, "{limit} at a time");
    }
    // A page continues after an asset that was deleted in the meantime.
    assert_eq!(manage(&world, "DELETE", "/api/v1/assets/lamp-10", &Value::Null).status, 204);
    assert_eq!(page(Some("lamp-10"), 9), (vec!["lamp-2".to_owned(), "zebra".to_owned()], None));
    assert_eq!(page(Some("zebra"), 9), (vec![], None));
    // There is no page after an asset that never existed.
    for after in ["lamp-11", "x", "-", ""] {
        assert_eq!(
            code(&get(&world, &format!("{ASSETS}?after={after}"))),
            (400, "invalid_cursor"),
            "{after}"
        );
    }
}
