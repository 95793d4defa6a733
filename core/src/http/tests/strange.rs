//! Whatever strangers send, it never panics, grants nothing and writes nothing.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

use super::proofs::{history, proof};
use super::*;
use crate::grant;
use crate::x402::{PaymentPayload, Version};

pub(super) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// The codes that an unpaid request can meet.
const CODES: [&str; 18] = [
    "not_found",
    "method_not_allowed",
    "invalid_quantity",
    "quantity_mismatch",
    "malformed_body",
    "invalid_payload",
    "several_payments",
    "sign_in_required",
    "session_token_required",
    "api_key_required",
    "other_session",
    "session_over",
    "invalid_limit",
    "invalid_cursor",
    "unknown_parameter",
    "repeated_parameter",
    "invalid_account",
    "invalid_code",
];

/// The reasons that a 402 can give for what is not a payment.
const REASONS: [&str; 7] = [
    "payment_required",
    "invalid_x402_version",
    "unsupported_scheme",
    "ticket_missing",
    "ticket_invalid",
    "ticket_mismatch",
    "quote_expired",
];

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        "\\PC{0,20}",
        proptest::collection::vec(any::<u8>(), 0..60).prop_map(text),
        select(vec![
            "",
            " ",
            "%",
            "%00",
            "..",
            "null",
            "{}",
            "[]",
            "e30=",
            "bnVsbA==",
            "a.b.c",
            "\u{0}",
            "０",
            "door-1",
            "DOOR-1",
            "door-1%2f",
            "s_00",
        ])
        .prop_map(str::to_owned),
    ]
}

fn numbers() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        (0u64..300).prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        select(vec![
            "0",
            "-0",
            "-1",
            "+1",
            "1.0",
            "1.5",
            "1e1",
            "1E400",
            "0x10",
            " 1",
            "1 ",
            "1_000",
            "01",
            "1,5",
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999999999",
            "NaN",
            "infinity",
            "１",
        ])
        .prop_map(str::to_owned),
    ]
}

fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|b| json!(b)),
        any::<i64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| json!(n)),
        "\\PC{0,12}".prop_map(|s| json!(s)),
    ];
    let names = select(vec![
        "x402Version",
        "accepted",
        "payload",
        "transaction",
        "extra",
        "ticket",
        "scheme",
        "network",
        "amount",
        "asset",
        "payTo",
        "quantity",
        "address",
        "signature",
        "domain",
        "uri",
        "nonce",
        "alg",
        "typ",
        "kid",
    ]);
    let value = leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|list| json!(list)),
            proptest::collection::vec((names.clone(), inner), 0..6).prop_map(|members| {
                Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    });
    prop_oneof![
        8 => value.prop_map(|value| value.to_string()),
        1 => (1usize..20_000).prop_map(|depth| "[".repeat(depth)),
        1 => (1usize..3_000).prop_map(|depth| format!("{}1{}", "{\"accepted\":".repeat(depth), "}".repeat(depth))),
    ]
}

fn header_value() -> impl Strategy<Value = String> {
    prop_oneof![
        words(),
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| base64(&bytes)),
        json_text().prop_map(|json| base64(json.as_bytes())),
        json_text(),
        (1usize..60_000).prop_map(|count| "A".repeat(count)),
        (json_text(), json_text(), words()).prop_map(|(header, claims, signature)| {
            let part = |text: &str| crate::encoding::base64url(text.as_bytes());
            format!("Bearer {}.{}.{signature}", part(&header), part(&claims))
        }),
        words().prop_map(|word| format!("Bearer {word}")),
    ]
}

fn path() -> impl Strategy<Value = String> {
    let id = prop_oneof![
        4 => select(vec!["door-1", "door-2"]).prop_map(str::to_owned),
        1 => words(),
    ];
    prop_oneof![
        8 => (select(vec![
            "/api/v1/access/{}", "/api/v1/access/{}/extend", "/api/v1/assets/{}", "/api/v1/assets/{}/status",
            "/api/v1/sessions/{}/status", "/api/v1/payers/{}/sessions", "/api/v1/assets", "/health", "/ready",
            "/.well-known/jwks.json", "/api/v1/merchant/sessions", "/api/v1/tick", "/api/v1/{}", "/{}",
        ]), id).prop_map(|(template, id)| template.replace("{}", &id)),
        1 => words(),
    ]
}

fn query() -> impl Strategy<Value = Option<String>> {
    let names = select(vec!["quantity", "limit", "after", "before", "signin", "x"]);
    let value = prop_oneof![numbers(), words(), (numbers(), words()).prop_map(|(n, w)| format!("{n}.{w}"))];
    proptest::option::of(
        proptest::collection::vec((names, value).prop_map(|(n, v)| format!("{n}={v}")), 0..3)
            .prop_map(|pairs| pairs.join("&")),
    )
}

fn requests() -> impl Strategy<Value = Request> {
    let method = prop_oneof![
        8 => select(vec!["GET", "POST", "HEAD", "PATCH", "DELETE", "OPTIONS"]).prop_map(str::to_owned),
        1 => words(),
    ];
    let names = select(vec![
        "payment-signature",
        "x-payment",
        "sign-in-with-x",
        "authorization",
        "coinop-no-wait",
        "coinop-wait",
        "x-other",
    ]);
    let headers = proptest::collection::vec((names.prop_map(str::to_owned), header_value()), 0..3);
    let body = prop_oneof![
        3 => Just(Vec::new()),
        1 => numbers().prop_map(|n| format!(r#"{{"quantity": {n}}}"#).into_bytes()),
        1 => json_text().prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..50),
    ];
    (method, path(), query(), headers, body).prop_map(|(method, path, query, headers, body)| Request {
        method,
        path,
        query,
        headers,
        body,
    })
}

pub(super) fn handle(world: &World, request: &Request) -> Response {
    let platform = Platform::new(world);
    let context = Context::new(&world.deployment, &platform);
    world.run(crate::http::handle(&context, request)).unwrap()
}

pub(super) fn nothing_happened(world: &World) -> bool {
    let written =
        ["journal", "head", "payment", "session", "fee_budget", "trust"].map(|table| world.count(table));
    (world.charged(), world.sends.get(), written) == (0, 0, [0; 6])
}

/// Checks that every refusal has one of two forms, with a stable code or reason.
pub(super) fn check(response: &Response) -> Result<(), TestCaseError> {
    let header =
        |name: &str| response.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str());
    if response.status == 204 {
        prop_assert!(response.body.is_empty() && header("allow").is_some());
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    match response.status {
        200 => {
            prop_assert!(body.get("sessionToken").is_none() && body.get("grant").is_none());
            prop_assert!(header("payment-response").is_none() && header("x-payment-response").is_none());
        }
        402 => {
            let required = from_base64(header("payment-required").unwrap()).unwrap();
            let required: Value = serde_json::from_slice(&required).unwrap();
            prop_assert_eq!(&required["error"], &body["error"]);
            let reason = body["error"].as_str().unwrap();
            let known = REASONS.contains(&reason) || reason.starts_with("invalid_exact_svm_");
            prop_assert!(known, "{}", reason);
            for name in ["payment-response", "x-payment-response"] {
                let Some(value) = header(name) else { continue };
                let settlement = SettlementResponse::from_header(value).unwrap();
                prop_assert!(!settlement.success);
                prop_assert_eq!(settlement.error_reason.as_deref(), Some(reason));
            }
        }
        status => {
            prop_assert_eq!(header("content-type"), Some("application/problem+json"));
            prop_assert_eq!(&body["status"], &json!(status));
            let code = body["code"].as_str().unwrap();
            prop_assert!(CODES.contains(&code), "{}", code);
            prop_assert!((400..500).contains(&status), "{}", status);
        }
    }
    Ok(())
}

thread_local! {
    /// One world for all cases, because nothing ever happens in it.
    pub(super) static WORLD: std::rc::Rc<World> = std::rc::Rc::new(World::new());
}

proptest! {
    #![proptest_config(config(1_200))]

    #[test]
    fn strange_requests_never_panic_grant_nothing_and_write_nothing_inv_1_8(
        requests in proptest::collection::vec(requests(), 8)
    ) {
        let world = WORLD.with(std::rc::Rc::clone);
        for request in requests {
            check(&handle(&world, &request))?;
            prop_assert!(nothing_happened(&world));
        }
    }

    #[test]
    fn strange_pages_of_a_history_show_nothing_and_write_nothing_inv_8_9(
        query in query(),
        cursor in proptest::option::of((any::<u64>(), any::<[u8; 16]>()))
    ) {
        let world = WORLD.with(std::rc::Rc::clone);
        let proof = proof(&world, 1, &history(1));
        let page = cursor.map(|(at, id)| format!("before={at}.{}", crate::ids::SessionId::from_bytes(id)));
        let request = Request {
            method: "GET".to_owned(),
            path: history(1),
            query: page.or(query),
            headers: vec![("sign-in-with-x".to_owned(), proof)],
            body: Vec::new(),
        };
        let response = handle(&world, &request);
        check(&response)?;
        prop_assert!(matches!(response.status, 200 | 400), "{}", response.status);
        prop_assert!(nothing_happened(&world));
    }

    #[test]
    fn strange_texts_are_no_tickets_tokens_or_proofs_inv_1_9(text in header_value()) {
        let world = WORLD.with(std::rc::Rc::clone);
        let deployment = &world.deployment;
        let (keys, origin) = (&deployment.keys, &deployment.config.public_url);
        let ticket = Ticket::from_text(&text);
        prop_assert!(Quote::open(&ticket, keys, &deployment.config, &world.fee_payers).is_none());
        prop_assert!(grant::session_token(keys, origin, &text, world.now()).is_none());
        let place = (origin.as_str(), "/api/v1/access/door-1");
        let proof = sign_in::verify(keys, place, deployment.config.network, world.now(), &text);
        prop_assert!(proof.is_err());
        prop_assert!(PaymentPayload::read(Version::V1, &text, deployment.config.network).is_err());
    }
}
