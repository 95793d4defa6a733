//! The parameters of a purchase, its quote, and where a buyer goes on.

use super::*;

#[test]
fn a_misspelt_or_repeated_parameter_of_a_purchase_is_refused_and_charges_nothing() {
    let world = World::new();
    let offered = get(&world, "/api/v1/access/door-1?quantity=2");
    let header = payment(&world, 1, &offered);
    for (query, code) in [
        ("qty=5", "unknown_parameter"),
        ("Quantity=5", "unknown_parameter"),
        ("quantit%79=5", "unknown_parameter"),
        ("quantity=2&utm_source=x", "unknown_parameter"),
        ("quantity=2&quantity=2", "repeated_parameter"),
        ("quantity=5&quantity=7", "repeated_parameter"),
        ("signin&signin=", "repeated_parameter"),
        ("quantity", "invalid_quantity"),
        ("quantity=", "invalid_quantity"),
    ] {
        for headers in [&[][..], &[("payment-signature", header.as_str())]] {
            let target = format!("/api/v1/access/door-1?{query}");
            let refused = ask(&world, "GET", &target, headers, "");
            assert_eq!((refused.status, &refused.body["code"]), (400, &json!(code)), "{query}");
        }
    }
    for body in [
        r#"{"qty": 5}"#,
        r#"{"quantity": 2, "Quantity": 5}"#,
        r#"{"quantity": 2, "quantity": 5}"#,
        r#"{"quantity": 2, "signin": true}"#,
        r#"["quantity"]"#,
        r#"[5]"#,
    ] {
        let refused = ask(&world, "POST", "/api/v1/access/door-1", &[("payment-signature", &header)], body);
        assert_eq!((refused.status, &refused.body["code"]), (400, &json!("malformed_body")), "{body}");
    }
    assert_eq!((world.charged(), world.count("journal")), (0, 0));
    for target in ["/api/v1/access/door-1?", "/api/v1/access/door-1?&quantity=2&&signin"] {
        assert_eq!(get(&world, target).status, 402, "{target}");
    }
}

#[test]
fn a_quote_is_the_price_that_the_402_asks_for_inv_6_8() {
    let world = World::new();
    for quantity in [1, 2, 7, 240] {
        let quote = get(&world, &format!("/api/v1/assets/door-1/quote?quantity={quantity}")).body;
        let asked = get(&world, &format!("/api/v1/access/door-1?quantity={quantity}"));
        assert_eq!(quote["prices"][0]["amount"], asked.required()["accepts"][0]["amount"]);
        assert_eq!((&quote["quantity"], &quote["seconds"]), (&json!(quantity), &json!(quantity * 60)));
    }
    for (query, code) in [
        ("quantity=0", "invalid_quantity"),
        ("quantity=241", "invalid_quantity"),
        ("q=1", "unknown_parameter"),
    ] {
        let refused = get(&world, &format!("/api/v1/assets/door-1/quote?{query}"));
        assert_eq!((refused.status, &refused.body["code"]), (400, &json!(code)));
    }
    let presets = get(&world, "/api/v1/assets/door-1").body["tariff"]["presets"].clone();
    for preset in presets.as_array().unwrap() {
        let quote = get(&world, &format!("/api/v1/assets/door-1/quote?quantity={}", preset["quantity"])).body;
        assert_eq!(quote, *preset);
    }
    assert_eq!(world.count("journal"), 0);
}

#[test]
fn what_was_bought_says_where_to_go_on() {
    let world = World::new();
    let offered = get(&world, "/api/v1/access/door-1");
    let header = payment(&world, 1, &offered);
    let sold = ask(&world, "GET", "/api/v1/access/door-1", &[("payment-signature", &header)], "").body;
    let url = &world.deployment.config.public_url;
    let id = sold["sessionId"].as_str().unwrap();
    assert_eq!(
        sold["links"],
        json!({
            "status": format!("{url}/api/v1/sessions/{id}/status"),
            "extend": format!("{url}/api/v1/access/door-1/extend"),
            "signIn": format!("{url}/api/v1/access/door-1?signin"),
            "page": format!("{url}/p/door-1"),
        })
    );
}

#[test]
fn a_taken_asset_says_until_when_and_to_its_own_buyer_that_it_is_taken_by_them_inv_9() {
    let world = World::new();
    let pay = |who: u8| {
        let header = payment(&world, who, &get(&world, "/api/v1/access/door-1"));
        ask(&world, "GET", "/api/v1/access/door-1", &[("payment-signature", &header)], "")
    };
    let sold = pay(1).body;
    let (mine, theirs) = (pay(1), pay(2));
    for answer in [&mine, &theirs] {
        assert_eq!((answer.status, &answer.body["code"]), (409, &json!("asset_busy")));
        assert_eq!(answer.body["until"], sold["endsAt"]);
        assert!(answer.body["links"]["page"].is_string());
    }
    assert_eq!(mine.body["yours"], json!(true));
    let extend = format!("{}/api/v1/access/door-1/extend", world.deployment.config.public_url);
    assert_eq!(mine.body["links"]["extend"], json!(extend));
    let id = sold["sessionId"].as_str().unwrap();
    assert!(theirs.body.get("yours").is_none() && !theirs.body.to_string().contains(id));
    assert_eq!(world.charged(), 1);
}

#[test]
fn the_screen_and_the_phone_show_the_same_code_for_a_minute() {
    let world = World::new();
    let shown = |asset: &str| {
        let status = get(&world, &format!("/api/v1/assets/{asset}/status")).body;
        status["checkCode"].as_str().unwrap().to_owned()
    };
    let codes: std::collections::BTreeSet<String> = (0..30)
        .map(|_| {
            world.advance(60_000);
            let code = shown("door-1");
            assert!(code.len() == 2 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
            assert_eq!(code, shown("door-1"));
            code
        })
        .collect();
    assert!(codes.len() > 10, "it changes: {codes:?}");
}
