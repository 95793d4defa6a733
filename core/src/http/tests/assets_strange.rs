//! Whatever a merchant's program sends, what is accepted can be sold.

use proptest::prelude::*;

use super::assets::{ASSETS, ROOM, code, manage};
use super::*;

/// What a merchant's program might send: mostly sensible values, sometimes anything.
fn bodies() -> impl Strategy<Value = Value> {
    let text = |texts: &'static [&'static str]| proptest::sample::select(texts).prop_map(|text| json!(text));
    let value = |usual: BoxedStrategy<Value>| {
        let anything = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(|b| json!(b)),
            any::<i64>().prop_map(|n| json!(n)),
            any::<u64>().prop_map(|n| json!(n)),
            any::<f64>().prop_map(|n| json!(n)),
            "\\PC{0,220}".prop_map(|s| json!(s)),
            "[0-9]{1,22}(\\.[0-9]{1,14})?".prop_map(|s| json!(s)),
            Just(json!([])),
            Just(json!({"driver": "exec"})),
        ];
        prop_oneof![6 => usual, 1 => anything]
    };
    let number = || prop_oneof![0u64..5, 1u64..40_000_000, Just(u64::MAX)].prop_map(|n| json!(n)).boxed();
    let fields = [
        ("id", text(&["a", "b", "room-7", "door-1", "Room 7", ""]).boxed()),
        ("name", text(&["A", "Room", ""]).boxed()),
        ("price", text(&["0.01", "1", "0", "0.000000000001", "18446744073709551615", "1e1", "-1"]).boxed()),
        ("unit", text(&["second", "minute", "hour", "day", "session", "week"]).boxed()),
        ("session_seconds", number()),
        ("min_quantity", number()),
        ("max_quantity", number()),
        ("enabled", any::<bool>().prop_map(|b| json!(b)).boxed()),
        ("description", text(&["D", ""]).boxed()),
        ("device", Just(Value::Null).boxed()),
    ];
    let odds = [0.9, 0.2, 0.9, 0.9, 0.15, 0.2, 0.2, 0.2, 0.1, 0.01];
    let members: Vec<_> = fields
        .into_iter()
        .zip(odds)
        .map(|((key, usual), odds)| {
            proptest::option::weighted(odds, value(usual)).prop_map(move |value| (key.to_owned(), value))
        })
        .collect();
    members.prop_map(|members| {
        Value::Object(members.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
    })
}

proptest! {
    #![proptest_config(strange::config(120))]

    #[test]
    fn whatever_is_taken_can_be_shown_and_sold_and_all_else_is_refused_in_words_inv_6(
        requests in proptest::collection::vec((0usize..4, bodies()), 1..12)
    ) {
        let world = World::new();
        for (kind, body) in requests {
            let (method, target) = [("POST", ASSETS), ("PATCH", "/api/v1/assets/a"), ("PATCH", ROOM), ("DELETE", ROOM)][kind];
            let answer = manage(&world, method, target, &body);
            match answer.status {
                200 | 201 | 204 => {}
                400 | 404 | 409 => {
                    let codes = ["invalid_asset", "not_found", "asset_exists", "asset_read_only"];
                    prop_assert!(codes.contains(&code(&answer).1), "{}", answer.body);
                    prop_assert_eq!(answer.status == 400, answer.body["field"].is_string());
                }
                other => prop_assert!(false, "{}: {}", other, answer.body),
            }
            for shown in get(&world, ASSETS).body["assets"].as_array().unwrap() {
                let id = shown["id"].as_str().unwrap();
                prop_assert_eq!(&get(&world, &format!("{ASSETS}/{id}")).body, shown);
                for quantity in ["minQuantity", "maxQuantity"] {
                    let quantity = &shown["tariff"][quantity];
                    let offered = get(&world, &format!("/api/v1/access/{id}?quantity={quantity}"));
                    let expected = if shown["enabled"] == json!(true) { 402 } else { 409 };
                    prop_assert_eq!(offered.status, expected, "{} {}", shown, offered.body);
                }
            }
        }
        world.audit();
    }
}
