//! What paths name, and which methods each path takes.

use proptest::prelude::*;
use proptest::sample::select;

use super::strange::{WORLD, config, handle, words};
use super::*;
use crate::ids::{AssetId, SessionId};

/// Every path, with `{}` for a segment that may be anything, and its methods in the order of `Allow`.
const PATHS: [(&str, &[&str]); 19] = [
    ("/health", &["GET", "HEAD"]),
    ("/ready", &["GET", "HEAD"]),
    ("/.well-known/jwks.json", &["GET", "HEAD"]),
    ("/api/v1/assets", &["GET", "HEAD", "POST"]),
    ("/api/v1/assets/{}", &["GET", "HEAD", "PATCH", "DELETE"]),
    ("/api/v1/assets/{}/status", &["GET", "HEAD"]),
    ("/api/v1/assets/{}/quote", &["GET", "HEAD"]),
    ("/api/v1/access/{}", &["GET", "POST"]),
    ("/api/v1/access/{}/transaction", &["POST"]),
    ("/api/v1/access/{}/code", &["POST"]),
    ("/api/v1/access/{}/extend", &["GET", "POST"]),
    ("/api/v1/access/{}/extend/transaction", &["POST"]),
    ("/api/v1/sessions/{}/status", &["GET", "HEAD"]),
    ("/api/v1/sessions/{}/code", &["POST"]),
    ("/api/v1/payers/{}/sessions", &["GET", "HEAD"]),
    ("/api/v1/merchant/sessions", &["GET", "HEAD"]),
    ("/api/v1/merchant/owed", &["GET", "HEAD"]),
    ("/api/v1/merchant/owed/{}/{}", &["POST"]),
    ("/api/v1/tick", &["POST"]),
];

const METHODS: [&str; 12] =
    ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "TRACE", "CONNECT", "PURGE", "get", "Post", ""];

fn request(method: &str, path: &str) -> Request {
    Request { method: method.to_owned(), path: path.to_owned(), ..Request::default() }
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.header(name).unwrap_or_default()
}

#[test]
fn an_id_is_read_once_and_what_has_not_its_shape_names_nothing() {
    let door = AssetId::parse("door-1").unwrap();
    let session = SessionId::from_bytes([7; 16]);
    let payer = keys::address(&keys::numbered(1));
    let parse = |path: &str| Route::parse(path).unwrap();
    assert_eq!(parse("/api/v1/assets/door-1"), Route::Asset(Some(door.clone())));
    assert_eq!(parse("/api/v1/assets/door-1/status"), Route::AssetStatus(Some(door.clone())));
    assert_eq!(parse("/api/v1/access/door-1"), Route::Access(Some(door.clone())));
    assert_eq!(parse("/api/v1/assets/door-1/quote"), Route::Quote(Some(door.clone())));
    assert_eq!(parse("/api/v1/access/door-1/transaction"), Route::Transaction(Some(door.clone())));
    assert_eq!(parse("/api/v1/access/door-1/code"), Route::UseCode(Some(door.clone())));
    assert_eq!(
        parse("/api/v1/access/door-1/extend/transaction"),
        Route::ExtendTransaction(Some(door.clone()))
    );
    assert_eq!(parse("/api/v1/access/door-1/extend"), Route::Extend(Some(door)));
    assert_eq!(parse(&format!("/api/v1/sessions/{session}/code")), Route::MakeCode(Some(session.clone())));
    assert_eq!(parse(&format!("/api/v1/sessions/{session}/status")), Route::Session(Some(session)));
    assert_eq!(parse(&format!("/api/v1/payers/{payer}/sessions")), Route::Payer(Some(payer)));
    for none in ["", "-", "door%2d1", "door-1;x", "ä", "0x", &"1".repeat(65)] {
        assert_eq!(parse(&format!("/api/v1/sessions/{none}/status")), Route::Session(None));
        assert_eq!(parse(&format!("/api/v1/payers/{none}/sessions")), Route::Payer(None));
        if none != "0x" {
            assert_eq!(parse(&format!("/api/v1/access/{none}")), Route::Access(None));
        }
    }
    for nothing in
        ["", "/", "health", "/health/", "//health", "/api/v1", "/api/v1/", "/api/v1/tick/", "/API/v1/tick"]
    {
        assert_eq!(Route::parse(nothing), None, "{nothing}");
    }
}

#[test]
fn only_who_may_leave_something_behind_carries_out_what_is_due_inv_8() {
    let may = |method: &str, path: &str, header: Option<&str>| {
        let mut request = request(method, path);
        request.headers.extend(header.map(|name| (name.to_owned(), "x".to_owned())));
        Route::parse(path).unwrap().may_run_due(&request)
    };
    for path in ["/health", "/ready", "/.well-known/jwks.json", "/api/v1/assets/door-1/quote"] {
        assert!(!may("GET", path, Some("payment-signature")), "{path}");
    }
    for path in ["/api/v1/access/door-1/transaction", "/api/v1/access/door-1/extend/transaction"] {
        assert!(!may("POST", path, Some("payment-signature")), "{path}");
    }
    for path in ["/api/v1/access/door-1", "/api/v1/access/door-1/extend", "/api/v1/access/-"] {
        assert!(!may("GET", path, None) && !may("POST", path, Some("authorization")), "{path}");
        assert!(
            may("GET", path, Some("payment-signature")) && may("POST", path, Some("x-payment")),
            "{path}"
        );
        assert!(!may("OPTIONS", path, Some("x-payment")), "{path}");
    }
    for path in
        ["/api/v1/assets", "/api/v1/assets/door-1/status", "/api/v1/sessions/s/status", "/api/v1/tick"]
    {
        assert!(may("GET", path, None) && !may("OPTIONS", path, None), "{path}");
    }
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn a_path_is_answered_405_exactly_for_the_methods_that_it_does_not_take(
        (template, methods) in select(PATHS.to_vec()),
        segment in words().prop_filter("one segment", |word| !word.contains('/')),
        method in prop_oneof![4 => select(METHODS.to_vec()).prop_map(str::to_owned), 1 => words()],
    ) {
        let world = WORLD.with(std::rc::Rc::clone);
        let path = template.replace("{}", &segment);
        let route = Route::parse(&path);
        prop_assert!(route.is_some(), "{}", path);
        let allow = [methods, &["OPTIONS"]].concat().join(", ");
        prop_assert_eq!(route.unwrap().allow(), allow.as_str());

        let response = handle(&world, &request(&method, &path));
        let takes = methods.contains(&method.as_str()) || method == "OPTIONS";
        prop_assert_eq!(response.status == 405, !takes, "{} {}", method, path);
        if !takes {
            prop_assert_eq!(header(&response, "allow"), allow.as_str());
        }
        let preflight = handle(&world, &request("OPTIONS", &path));
        prop_assert_eq!((preflight.status, header(&preflight, "allow")), (204, allow.as_str()));
    }

    #[test]
    fn a_path_that_names_nothing_is_answered_404_whatever_the_method(
        path in prop_oneof![
            words(),
            words().prop_map(|word| format!("/{word}")),
            words().prop_map(|word| format!("/api/v1/{word}")),
            (select(PATHS.to_vec()), words()).prop_map(|((path, _), word)| format!("{path}/{word}")),
            (select(PATHS.to_vec()), words()).prop_map(|((path, _), word)| format!("/{word}{path}")),
        ],
        method in prop_oneof![select(METHODS.to_vec()), Just("OPTIONS")],
    ) {
        let world = WORLD.with(std::rc::Rc::clone);
        let response = handle(&world, &request(method, &path));
        let unknown = serde_json::from_slice::<Value>(&response.body)
            .is_ok_and(|body| body["detail"] == "There is no such path.");
        prop_assert_eq!(unknown, Route::parse(&path).is_none(), "{} {}", method, path);
        prop_assert!(!unknown || response.status == 404);
    }
}
