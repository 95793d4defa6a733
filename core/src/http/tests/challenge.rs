//! What a 402 carries, and how much room it takes.

use serde_json::Map;

use super::assets::manage;
use super::*;
use crate::config::LONGEST_ORIGIN;
use crate::http::challenge::MAX_HEADER_BYTES;
use crate::http::payment_response::{ReceivedAs, failure};
use crate::money::Amount;
use crate::svm::exact::Refusal;
use crate::svm::{Network, RecentBlockhash};
use crate::x402::{
    self, Extra, Method, PaymentRequired, PaymentRequirements, Presentation, SvmExactExtra, Version,
};

const DOOR: &str = "/api/v1/access/door-1";

fn extensions(answer: &Answer) -> Value {
    answer.required().get("extensions").cloned().unwrap_or_default()
}

#[test]
fn a_buyer_is_asked_to_sign_in_only_where_it_wants_to() {
    let world = World::new();
    for target in [DOOR, "/api/v1/access/door-1?quantity=3"] {
        assert_eq!(extensions(&get(&world, target)), Value::Null, "{target}");
    }
    for query in ["signin", "signin=1", "signin=", "signin&quantity=3", "quantity=3&signin=1"] {
        for method in ["GET", "POST"] {
            let answer = ask(&world, method, &format!("{DOOR}?{query}"), &[], "");
            let quantity = if query.contains("quantity") { "30000" } else { "10000" };
            assert_eq!(answer.required()["accepts"][0]["amount"], quantity, "{query}");
            let challenge = &extensions(&answer)["sign-in-with-x"];
            assert!(sign_in::prove(challenge, &keys::numbered(1)).is_some(), "{query}");
        }
    }
    assert_eq!(get(&world, "/api/v1/access/door-1?signin&quantity=x").status, 400);
    // A buyer who extends a session has shown its token already.
    let sold =
        ask(&world, "GET", DOOR, &[("payment-signature", &payment(&world, 1, &get(&world, DOOR)))], "");
    let bearer = format!("Bearer {}", sold.body["sessionToken"].as_str().unwrap());
    let extend =
        ask(&world, "POST", "/api/v1/access/door-1/extend?signin", &[("authorization", &bearer)], "");
    assert_eq!((extend.status, extensions(&extend)), (402, Value::Null));
}

#[test]
fn a_used_payment_is_answered_with_the_way_back_to_what_it_bought_inv_1() {
    let world = World::new();
    let sold_to = payment(&world, 1, &get(&world, DOOR));
    let sold = ask(&world, "GET", DOOR, &[("payment-signature", &sold_to)], "");
    let mut stripped: Value = serde_json::from_slice(&from_base64(&sold_to).unwrap()).unwrap();
    stripped["accepted"]["extra"] = json!({});
    let stripped = base64(stripped.to_string().as_bytes());
    let used = ask(&world, "GET", DOOR, &[("payment-signature", &stripped)], "");
    assert_eq!((used.status, &used.body["code"]), (409, &json!("payment_already_used")));
    // In the form of a 401: in the body, and nowhere else.
    let unproven = get(&world, &format!("/api/v1/payers/{}/sessions", keys::address(&keys::numbered(1))));
    let shape = |answer: &Answer| {
        let info = answer.body["extensions"]["sign-in-with-x"]["info"].as_object().unwrap();
        info.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(shape(&used), shape(&unproven));
    assert_eq!(used.header("payment-required"), "");
    let prove =
        |who| sign_in::prove(&used.body["extensions"]["sign-in-with-x"], &keys::numbered(who)).unwrap();
    let found = ask(&world, "GET", DOOR, &[("sign-in-with-x", &prove(1))], "");
    assert_eq!((found.status, &found.body["sessionId"]), (200, &sold.body["sessionId"]));
    assert_eq!(ask(&world, "GET", DOOR, &[("sign-in-with-x", &prove(2))], "").status, 402);
}

#[test]
fn an_offer_says_what_a_client_would_have_to_look_up() {
    let mut world = World::new();
    let token = world.deployment.config.network.known_token("PYUSD").unwrap();
    world.deployment.config.merchant.tokens[0].token = token;
    let answer = get(&world, DOOR);
    let (offer, body) = (&answer.required()["accepts"][0], &answer.body["accepts"][0]);
    let program = json!("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
    assert_eq!((&offer["extra"]["decimals"], &offer["extra"]["tokenProgram"]), (&json!(6), &program));
    assert_eq!((&body["extra"]["decimals"], &body["extra"]["tokenProgram"]), (&json!(6), &program));
    // The buyer is charged before the door opens, and is told so.
    assert_eq!(offer["extra"]["paymentFlow"], "upfront");
}

#[test]
fn a_resource_is_presented_as_the_asset_is_or_else_the_merchant() {
    let mut world = World::new();
    let resource = |world: &World| get(world, DOOR).required()["resource"].clone();
    assert_eq!(
        resource(&world),
        json!({
            "url": "http://127.0.0.1:8402/api/v1/access/door-1?quantity=1", "description": "door-1: 1 x minute",
            "mimeType": "application/json",
        })
    );
    let merchant = &mut world.deployment.config.merchant.presentation;
    merchant.service_name = Some("Coin & Co".to_owned());
    merchant.icon_url = Some("https://coin.example/icon.png".to_owned());
    merchant.tags = vec!["door".to_owned(), "city".to_owned()];
    let shown = resource(&world);
    assert_eq!((&shown["serviceName"], &shown["tags"]), (&json!("Coin & Co"), &json!(["door", "city"])));
    assert_eq!(shown["iconUrl"], "https://coin.example/icon.png");
    world.deployment.config.assets[0].icon_url = Some("https://coin.example/door.png".to_owned());
    world.deployment.config.assets[0].tags = Some(Vec::new());
    let shown = resource(&world);
    assert_eq!((&shown["iconUrl"], shown.get("tags")), (&json!("https://coin.example/door.png"), None));
}

#[test]
fn an_asset_made_by_api_keeps_its_own_icon_and_tags() {
    let world = World::new();
    let made = json!({"id": "room-7", "price": "0.01", "unit": "minute", "icon_url": "https://a.example/7.png", "tags": ["room"]});
    assert_eq!(manage(&world, "POST", "/api/v1/assets", &made).status, 201);
    let resource = || get(&world, "/api/v1/access/room-7").required()["resource"].clone();
    assert_eq!(
        (&resource()["iconUrl"], &resource()["tags"]),
        (&json!("https://a.example/7.png"), &json!(["room"]))
    );
    let change = json!({"tags": null, "icon_url": "https://a.example/8.png"});
    assert_eq!(manage(&world, "PATCH", "/api/v1/assets/room-7", &change).status, 200);
    assert_eq!((&resource()["iconUrl"], resource().get("tags")), (&json!("https://a.example/8.png"), None));
    let wrong = manage(&world, "PATCH", "/api/v1/assets/room-7", &json!({"icon_url": "http://a.example/"}));
    assert_eq!((wrong.status, &wrong.body["field"]), (400, &json!("icon_url")));
}

/// Returns a 402 for `path` with the longest values that a configuration may have, and three tokens. Tickets and memos
/// are as long as they get.
fn longest(path: &str, error: &str) -> PaymentRequired {
    let offer = |symbol: &str| PaymentRequirements {
        amount: Amount::new(u64::MAX),
        method: Method::SvmExact(Network::Mainnet),
        asset: Network::Mainnet.known_token(symbol).unwrap().mint.into(),
        pay_to: keys::address(&keys::merchant()).into(),
        ticket: Ticket::from_text("t".repeat(220)),
        extra: Extra::SvmExact(SvmExactExtra {
            fee_payer: keys::address(&keys::fee_payer()),
            memo: "q".repeat(28),
            decimals: 6,
            token_program: Network::Mainnet.known_token(symbol).unwrap().program.address(),
            recent: Some(RecentBlockhash {
                blockhash: [9; 32],
                last_valid_block_height: u64::MAX,
                seen_at: crate::time::Timestamp::default(),
            }),
        }),
    };
    PaymentRequired {
        error: error.to_owned(),
        detail: None,
        url: format!("{}{path}?quantity=31622400", origin()),
        description: format!("{}: 31622400 x session", "\"".repeat(200)),
        presentation: Presentation {
            service_name: Some("\"".repeat(32)),
            icon_url: Some(format!("https://{}", "x".repeat(120))),
            tags: vec!["\\".repeat(32); 5],
        },
        offers: ["USDC", "PYUSD", "CASH"].map(offer).to_vec(),
        extensions: Map::new(),
    }
}

fn origin() -> String {
    format!("https://{}.example", "x".repeat(LONGEST_ORIGIN - 16))
}

/// All headers except the two that the gateway fits to each other.
#[test]
fn the_other_headers_of_a_402_leave_them_their_room() {
    let world = World::new();
    let late = payment(&world, 1, &get(&world, DOOR));
    world.advance(301_000);
    let line = |name: &str, value: &str| name.len() + ": ".len() + value.len() + "\r\n".len();
    for headers in [&[][..], &[("payment-signature", late.as_str())]] {
        let answer = ask(&world, "GET", DOOR, headers, "");
        assert_eq!((answer.status, answer.header("payment-response").is_empty()), (402, headers.is_empty()));
        let others = answer.headers.iter().map(|(name, value)| match *name {
            "payment-required" | "payment-response" => line(name, ""),
            name => line(name, value),
        });
        let added =
            [("content-length", "65536"), ("date", "Sun, 29 Nov 2026 03:10:32 GMT"), ("connection", "close")];
        let added: usize = added.map(|(name, value)| line(name, value)).iter().sum();
        let all = "HTTP/1.1 402 Payment Required\r\n\r\n".len() + others.sum::<usize>() + added;
        assert!(all + MAX_HEADER_BYTES < 4_000, "{all}");
    }
}

#[test]
fn the_longest_402_has_all_three_offers_in_the_room_that_there_is() {
    let asset = "x".repeat(64);
    for path in [format!("/api/v1/access/{asset}"), format!("/api/v1/access/{asset}/extend")] {
        let plain = x402::v2_header(&longest(&path, "payment_required"), MAX_HEADER_BYTES).unwrap();
        assert!(plain.len() <= MAX_HEADER_BYTES, "{}", plain.len());

        let world = World::new();
        let reason = Refusal::ComputePriceTooHigh.reason();
        let payer = Some(keys::account(1));
        for detail in ["The transaction is not the payment that was asked for.", &"long ".repeat(40)] {
            let failure = failure(
                ReceivedAs::unread(&world.deployment.config, Version::V2),
                reason,
                Some(detail),
                payer.clone(),
            );
            let max_header_bytes = MAX_HEADER_BYTES - failure.to_header().unwrap().len();
            let refused = x402::v2_header(&longest(&path, reason), max_header_bytes).unwrap();
            let response = failure.to_header_within(MAX_HEADER_BYTES - refused.len()).unwrap();
            assert!(
                refused.len() + response.len() <= MAX_HEADER_BYTES,
                "{} and {}",
                refused.len(),
                response.len()
            );
            assert_eq!(SettlementResponse::from_header(&response).unwrap().payer, payer);
        }
    }
}

#[test]
fn the_longest_402_with_a_challenge_to_sign_in_has_room_for_an_offer() {
    let path = format!("/api/v1/access/{}", "x".repeat(64));
    let (keys, now) = (&World::new().deployment.keys, World::new().now());
    let challenge =
        sign_in::challenge(keys, &origin(), &format!("{}{path}", origin()), Network::Mainnet, now, [7; 16])
            .unwrap();
    let mut required = longest(&path, "payment_required");
    required.extensions = Map::from_iter([(sign_in::EXTENSION.to_owned(), challenge)]);
    let header = x402::v2_header(&required, MAX_HEADER_BYTES).unwrap();
    let body: Value = serde_json::from_slice(&from_base64(&header).unwrap()).unwrap();
    assert!(header.len() <= MAX_HEADER_BYTES, "{}", header.len());
    assert!(!body["accepts"].as_array().unwrap().is_empty());
}
