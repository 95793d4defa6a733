//! Whether an asset can be had, as the pages say it.

use super::*;

#[test]
fn server_and_script_take_the_same_answers_for_the_same_condition() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../test/conditions.json")).unwrap();
    assert!(cases.len() > 10);
    for case in &cases {
        let status = case.get("status").filter(|status| !status.is_null());
        let condition = crate::show::condition(&case["asset"], status);
        assert_eq!(json!(condition.name()), case["condition"], "{case}");
        for language in Language::ALL {
            assert!(!language.text(&condition.key()).is_empty(), "{case}");
        }
    }
}

fn taken(ends_at: &Value) -> Value {
    let mut status = free();
    status["available"] = json!(false);
    status["session"] = json!({ "endsAt": ends_at });
    status
}

#[test]
fn a_taken_asset_says_until_when() {
    let response = page(lamp(), taken(&json!("2026-11-30T10:00:30Z")), ten());
    let html = html(&response);
    assert!(html.contains("data-state=\"taken\""), "{html}");
    assert!(html.contains("<time datetime=\"2026-11-30T10:00:30Z\">10:00 UTC</time>"), "{html}");
}

#[test]
fn an_asset_that_is_taken_without_a_known_end_promises_none() {
    let response = page(lamp(), taken(&Value::Null), ten());
    let html = html(&response);
    assert!(html.contains("data-state=\"taken\">Taken at the moment</p>"), "{html}");
}

#[test]
fn the_list_says_of_each_asset_whether_it_can_be_had() {
    for (enabled, available, capacity, state, text) in [
        (true, true, Value::Null, "free", "Free now"),
        (true, false, Value::Null, "taken", "Taken right now"),
        (true, false, json!(3), "full", "All seats are taken"),
        (false, false, Value::Null, "off", "Not for sale at the moment"),
    ] {
        let mut asset = lamp();
        asset["enabled"] = json!(enabled);
        asset["available"] = json!(available);
        asset["capacity"] = capacity;
        let response = shown("/", &[], &[(LIST, 200, json!({ "assets": [asset], "next": null }))]);
        let expected = format!("data-state=\"{state}\">{text}</p>");
        assert!(html(&response).contains(&expected), "{expected}\n{}", html(&response));
    }
}
