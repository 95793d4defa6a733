//! What web pages of other origins may use and read.

use super::assets::manage;
use super::*;

const DOOR: &str = "/api/v1/access/door-1";
const EXPOSED: &str = "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, WWW-Authenticate, Retry-After";
const SENT: &str = "Content-Type, Authorization, PAYMENT-SIGNATURE, X-PAYMENT, SIGN-IN-WITH-X, Access-Control-Expose-Headers";

/// Every path, with the methods that web pages may use there, and those that only the owner may use.
const PATHS: &[(&str, &str, &str)] = &[
    ("/health", "GET, HEAD, OPTIONS", ""),
    ("/ready", "GET, HEAD, OPTIONS", ""),
    ("/.well-known/jwks.json", "GET, HEAD, OPTIONS", ""),
    ("/api/v1/assets", "GET, HEAD, OPTIONS", "POST"),
    ("/api/v1/assets/door-1", "GET, HEAD, OPTIONS", "PATCH, DELETE"),
    ("/api/v1/assets/door-1/status", "GET, HEAD, OPTIONS", ""),
    (DOOR, "GET, POST, OPTIONS", ""),
    ("/api/v1/access/door-1/extend", "GET, POST, OPTIONS", ""),
    ("/api/v1/sessions/s_00/status", "GET, HEAD, OPTIONS", ""),
    ("/api/v1/payers/me/sessions", "GET, HEAD, OPTIONS", ""),
    ("/api/v1/merchant/sessions", "", "GET, HEAD"),
    ("/api/v1/merchant/owed", "", "GET, HEAD"),
    ("/api/v1/merchant/owed/door-1/o_1", "", "POST"),
    ("/api/v1/tick", "", "POST"),
];

fn methods(list: &str) -> impl Iterator<Item = &str> {
    list.split(", ").filter(|method| !method.is_empty() && *method != "OPTIONS")
}

fn is_readable(answer: &Answer) -> bool {
    let count = |name: &str| answer.headers.iter().filter(|(n, _)| *n == name).count();
    let names = ["access-control-allow-origin", "access-control-expose-headers"];
    let values = names.map(|name| answer.header(name));
    assert_eq!(count("access-control-allow-credentials"), 0);
    if values == ["*", EXPOSED] {
        assert_eq!(names.map(count), [1, 1]);
        return true;
    }
    assert_eq!(values, ["", ""]);
    false
}

#[test]
fn a_preflight_of_a_public_path_allows_its_public_methods_and_no_others() {
    let world = World::new();
    for (path, public, owner) in PATHS.iter().filter(|(_, public, _)| !public.is_empty()) {
        let answer = ask(&world, "OPTIONS", path, &[("origin", "https://page.example")], "");
        assert_eq!((answer.status, is_readable(&answer)), (204, true), "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), *public, "{path}");
        assert_eq!(answer.header("access-control-allow-headers"), SENT, "{path}");
        assert_eq!(answer.header("access-control-max-age"), "86400", "{path}");
        for method in methods(public).chain(methods(owner)).chain(["OPTIONS"]) {
            assert!(answer.header("allow").split(", ").any(|allowed| allowed == method), "{path} {method}");
        }
    }
}

#[test]
fn the_owners_api_is_closed_to_web_pages() {
    let world = World::new();
    let answer = ask(&world, "OPTIONS", "/api/v1/tick", &[("origin", "https://page.example")], "");
    assert_eq!((answer.status, answer.header("allow")), (204, "POST, OPTIONS"));
    assert!(
        answer.headers.iter().all(|(name, _)| !name.starts_with("access-control-")),
        "{:?}",
        answer.headers
    );
    for (path, _, owner) in PATHS {
        for method in methods(owner) {
            // Never, with or without a key, and with or without a body.
            for body in [Value::Null, json!({"id": "room-7", "price": "1", "unit": "minute"})] {
                assert!(!is_readable(&manage(&world, method, path, &body)), "{method} {path}");
            }
            assert!(!is_readable(&ask(&world, method, path, &[], "{")), "{method} {path}");
        }
    }
}

#[test]
fn a_web_page_can_read_every_answer_of_the_public_api() {
    let world = World::new();
    let offered = get(&world, DOOR);
    let bought = payment(&world, 1, &offered);
    let stranger = payment(&world, 2, &offered);
    let mut seen = std::collections::BTreeSet::new();
    let mut read = |method: &str, target: &str, headers: &[(&str, &str)], body: &str| {
        let answer = ask(&world, method, target, headers, body);
        assert!(is_readable(&answer), "{method} {target} {}", answer.status);
        seen.insert(answer.status);
    };
    read("POST", DOOR, &[], "");
    read("POST", DOOR, &[("payment-signature", &bought)], "");
    read("POST", DOOR, &[("payment-signature", &stranger)], "");
    read("POST", DOOR, &[("payment-signature", "x")], "");
    read("POST", DOOR, &[("x-payment", "x")], "{");
    read("PUT", DOOR, &[], "");
    read("GET", "/api/v1/access/nothing", &[], "");
    read("GET", "/api/v1/payers/me/sessions", &[], "");
    for (path, public, _) in PATHS {
        methods(public).for_each(|method| read(method, path, &[], ""));
    }
    world.database_is_gone();
    read("GET", "/api/v1/assets/door-1/status", &[], "");
    assert_eq!(Vec::from_iter(seen), [200, 400, 401, 402, 404, 405, 409, 503]);
}

#[test]
fn a_path_that_is_not_there_is_not_found_whatever_the_method() {
    let world = World::new();
    for path in ["/", "/api/v1", "/api/v1/access", "/api/v1/assets/door-1/x", "/metrics", "/health/", "*", ""]
    {
        for method in ["OPTIONS", "GET", "POST"] {
            let answer = ask(&world, method, path, &[], "");
            assert_eq!((answer.status, is_readable(&answer)), (404, false), "{method} {path}");
        }
    }
}

/// Not even if it fails at the first thing that it does.
#[test]
fn a_preflight_writes_nothing_and_calls_nobody_inv_8() {
    let world = World::new();
    let bought = payment(&world, 1, &get(&world, DOOR));
    let rows = world.count("journal");
    for (path, ..) in PATHS {
        let request = Request {
            method: "OPTIONS".to_owned(),
            path: (*path).to_owned(),
            headers: vec![("payment-signature".to_owned(), bought.clone())],
            ..Request::default()
        };
        assert!(!Route::parse(path).unwrap().may_run_due(&request), "{path}");
        let platform = Platform::new(&world);
        let context = Context::new(&world.deployment, &platform);
        world.blow_at(0);
        assert_eq!(
            world.run(handle(&context, &request)).map(|response| response.status),
            Some(204),
            "{path}"
        );
    }
    assert_eq!((world.charged(), world.count("journal")), (0, rows));
}

#[test]
fn a_platform_makes_its_own_refusals_readable_where_the_router_would() {
    for (path, public, owner) in PATHS {
        for method in methods(public).chain(["PUT"]) {
            let response = with_cors(method, path, Problem::body_too_large().into());
            let readable = response.headers.iter().any(|(name, _)| *name == "access-control-allow-origin");
            assert_eq!(readable, !public.is_empty(), "{method} {path}");
        }
        for method in methods(owner) {
            let response = with_cors(method, path, Problem::body_too_large().into());
            assert!(response.headers.iter().all(|(name, _)| !name.starts_with("access-control-")));
        }
    }
}

#[test]
fn a_preflight_for_a_method_of_the_owners_lets_no_page_in_inv_8() {
    let world = World::new();
    for (path, wanted, allowed) in [
        ("/api/v1/assets", "POST", false),
        ("/api/v1/assets", "GET", true),
        ("/api/v1/assets/door-1", "PATCH", false),
        ("/api/v1/assets/door-1", "DELETE", false),
        ("/api/v1/access/door-1", "POST", true),
        ("/api/v1/tick", "POST", false),
        ("/api/v1/merchant/sessions", "GET", false),
    ] {
        let answer = ask(&world, "OPTIONS", path, &[("access-control-request-method", wanted)], "");
        assert_eq!(answer.status, 204, "{path} {wanted}");
        let lets_in = answer.headers.iter().any(|(name, _)| *name == "access-control-allow-origin");
        assert_eq!(lets_in, allowed, "{path} {wanted}");
    }
}
