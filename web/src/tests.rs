//! Tests of the pages.

mod conditions;
mod markup;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use coinop_core::http::{Request, Response};
use serde_json::{Value, json};

use crate::language::Language;

/// Returns the result of a future that never waits.
fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Request {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q.to_owned())));
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query,
        headers: headers.collect(),
        ..Request::default()
    }
}

fn price(display: &str) -> Value {
    json!({ "token": "USDC", "amount": "10000", "decimals": 6, "display": display, "mint": "4zMMC9" })
}

fn lamp() -> Value {
    json!({
        "id": "lamp", "name": "Reading lamp", "description": "On the desk.", "enabled": true, "available": true,
        "tariff": {
            "price": "0.001", "unit": "second", "unitSeconds": 1, "minQuantity": 1, "maxQuantity": 900,
            "prices": [price("0.001 USDC")],
            "presets": [
                { "quantity": 10, "seconds": 10, "prices": [price("0.01 USDC")] },
                { "quantity": 60, "seconds": 60, "prices": [price("0.06 USDC")] },
            ],
        },
        "network": "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1", "picture": "/pictures/lamp.png",
        "seller": { "name": "Lamps", "contact": "owner@lamps.example" },
        "page": "https://lamps.example/p/lamp",
    })
}

fn free() -> Value {
    json!({
        "id": "lamp", "available": true, "session": null, "device": { "state": "locked", "since": null },
        "now": "2026-11-30T09:00:00Z", "checkCode": "47",
    })
}

fn ten() -> Value {
    json!({ "quantity": 10, "seconds": 10, "prices": [price("0.01 USDC")] })
}

/// What the API answers to each path and query.
type Answers<'a> = &'a [(&'a str, u16, Value)];

/// Returns the answer to `target`, where the API answers these questions and is asked no other.
fn shown(target: &str, headers: &[(&str, &str)], answers: Answers<'_>) -> Response {
    let api = |question: Request| {
        let asked =
            question.query.map_or(question.path.clone(), |query| format!("{}?{query}", question.path));
        let known = answers.iter().find(|(known, ..)| *known == asked);
        let (_, status, body) = known.unwrap_or_else(|| panic!("{asked} is asked for {target}"));
        let response = Response::json(*status, body);
        async move { response }
    };
    run(crate::answer(&request("GET", target, headers), api)).unwrap()
}

const LIST: &str = "/api/v1/assets";
const LAMP: &str = "/api/v1/assets/lamp";
const STATUS: &str = "/api/v1/assets/lamp/status";
const QUOTE: &str = "/api/v1/assets/lamp/quote?quantity=10";

fn html(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| value.as_str())
}

fn page(asset: Value, status: Value, quote: Value) -> Response {
    shown("/p/lamp?quantity=10", &[], &[(LAMP, 200, asset), (STATUS, 200, status), (QUOTE, 200, quote)])
}

#[test]
fn a_quantity_is_told_in_the_longest_unit_that_needs_no_fraction() {
    let told = |unit: &str, quantity| {
        let asset = json!({ "tariff": { "unit": unit } });
        crate::show::quantity(Language::of(&request("GET", "/", &[])), &asset, quantity)
    };
    for (unit, quantity, text) in [
        ("second", 0, "0 seconds"),
        ("second", 1, "1 second"),
        ("second", 59, "59 seconds"),
        ("second", 60, "1 minute"),
        ("second", 90, "90 seconds"),
        ("second", 300, "5 minutes"),
        ("second", 3_600, "1 hour"),
        ("second", 5_400, "90 minutes"),
        ("minute", 120, "2 hours"),
        ("hour", 60, "60 hours"),
        ("day", 60, "60 days"),
        ("session", 60, "60 sessions"),
    ] {
        assert_eq!(told(unit, quantity), text);
    }
}

#[test]
fn the_page_says_what_it_is_what_it_costs_and_who_sells_it() {
    let response = page(lamp(), free(), ten());
    assert_eq!(response.status, 200);
    let html = html(&response);
    for text in [
        "<h1>Reading lamp</h1>",
        "On the desk.",
        "0.001 USDC",
        "data-state=\"free\"",
        "data-quantity=\"60\"",
        "lamps.example",
        "owner@lamps.example",
        "<strong>47</strong>",
        "src=\"/pictures/lamp.png\"",
        "coinop pay &#39;https://lamps.example/api/v1/access/lamp?quantity=10&#39;",
        "https://phantom.app/ul/browse/https%3A%2F%2Flamps.example%2Fp%2Flamp%3Fquantity%3D10?ref=https%3A%2F%2Flamps.example",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
}

#[test]
fn whoever_has_not_chosen_yet_is_offered_the_first_preset() {
    let response = shown("/p/lamp", &[], &[(LAMP, 200, lamp()), (STATUS, 200, free())]);
    let html = html(&response);
    assert!(html.contains("value=\"10\"") && html.contains("10 seconds for <strong>0.01 USDC"), "{html}");
}

#[test]
fn a_gateway_that_cannot_tell_invites_nobody_to_pay() {
    let unknown = |target| shown(target, &[], &[(LAMP, 200, lamp()), (STATUS, 503, json!({}))]);
    assert!(html(&unknown("/p/lamp")).contains("data-state=\"unreachable\""));
    let kiosk = unknown("/p/lamp?kiosk");
    assert!(html(&kiosk).contains("data-state=\"unreachable\"") && !html(&kiosk).contains("<svg"));
    let later = shown("/p/lamp?kiosk", &[], &[(LAMP, 503, json!({}))]);
    assert_eq!((later.status, header(&later, "refresh")), (503, "10"), "a screen tries again by itself");
    assert_eq!(shown("/p/none?kiosk", &[], &[("/api/v1/assets/none", 404, json!({}))]).status, 404);
}

#[test]
fn over_plain_http_no_wallet_is_offered() {
    for (origin, warns) in [
        ("http://192.168.1.20:8402", true),
        ("http://lamp.local", true),
        ("http://127.0.0.1:8402", false),
        ("http://localhost:8402", false),
        ("http://[::1]:8402", false),
    ] {
        let mut asset = lamp();
        asset["page"] = json!(format!("{origin}/p/lamp"));
        let response = page(asset, free(), ten());
        assert!(!html(&response).contains("data-wallet"), "{origin}");
        assert_eq!(html(&response).contains("id=\"insecure\""), warns, "{origin}");
    }
}

#[test]
fn a_page_names_its_network_for_people_and_for_wallets() {
    for (network, title, chain, explorer) in [
        ("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "Solana", "solana:mainnet", "{transaction}"),
        (
            "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1",
            "Solana devnet",
            "solana:devnet",
            "{transaction}?cluster=devnet",
        ),
        (
            "solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z",
            "Solana testnet",
            "solana:testnet",
            "{transaction}?cluster=testnet",
        ),
        // No wallet has a chain without a name, so nobody pays on a network that the page does not know.
        ("eip155:1", "eip155:1", "", "{transaction}"),
    ] {
        let mut asset = lamp();
        asset["network"] = json!(network);
        let response = page(asset, free(), ten());
        let html = html(&response);
        assert!(html.contains(&format!("Paid in USDC on {title}.")), "{html}");
        assert!(html.contains(&format!("\"chain\":\"{chain}\"")), "{html}");
        assert!(html.contains(&format!("/tx/{explorer}\"")), "{html}");
    }
}

#[test]
fn a_page_runs_nothing_but_its_own_script_and_is_shown_in_no_frame() {
    let responses = [
        page(lamp(), free(), ten()),
        shown("/p/lamp?kiosk", &[], &[(LAMP, 200, lamp()), (STATUS, 200, free())]),
        shown("/", &[], &[(LIST, 200, json!({ "assets": [lamp()], "next": "lamp" }))]),
        shown("/p/none", &[], &[("/api/v1/assets/none", 404, json!({}))]),
    ];
    for response in &responses {
        let policy = header(response, "content-security-policy");
        for part in
            ["default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "trusted-types 'none'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(header(response, "referrer-policy"), "no-referrer");
        let html = html(response);
        let is_inline = |tag: &String| tag.contains("style=") || tag.contains(" on");
        assert!(!markup::skeleton(html).iter().any(is_inline), "{html}");
        for (at, _) in html.match_indices("<script") {
            let tag = &html[at..];
            assert!(
                tag.starts_with("<script type=\"module\" src=\"/static/")
                    || tag.starts_with("<script type=\"application/json\""),
                "{tag}"
            );
        }
        for (at, _) in html.match_indices("src=\"") {
            assert!(html[at + 5..].starts_with('/'), "nothing is loaded from elsewhere");
        }
    }
}

#[test]
fn the_list_names_each_asset_and_the_next_page() {
    let answer = json!({ "assets": [lamp()], "next": "lamp" });
    let response = shown("/", &[], &[(LIST, 200, answer)]);
    let html = html(&response);
    assert!(html.contains("href=\"/p/lamp\"") && html.contains("href=\"/?after=lamp\""), "{html}");
    let empty =
        shown("/?after=x", &[], &[("/api/v1/assets?after=x", 200, json!({ "assets": [], "next": null }))]);
    assert!(!self::html(&empty).contains("after="));
}

#[test]
fn a_cursor_that_the_api_does_not_take_leads_to_the_first_page_of_the_list() {
    let list = || json!({ "assets": [lamp()], "next": null });
    for after in ["zzz", "a.b"] {
        let (target, question) = (format!("/?after={after}&lang=de"), format!("{LIST}?after={after}"));
        let refused = shown(&target, &[], &[(&question, 400, json!({})), (LIST, 200, list())]);
        assert_eq!(refused.status, 200, "{after}");
        assert!(html(&refused).contains("href=\"/p/lamp\"") && html(&refused).contains("lang=\"de\""));
        assert_eq!(shown(&target, &[], &[(&question, 503, json!({}))]).status, 503, "{after}");
        let down = shown(&target, &[], &[(&question, 400, json!({})), (LIST, 503, json!({}))]);
        assert_eq!(down.status, 503, "{after}");
    }
}

#[test]
fn a_page_takes_no_other_method_and_asks_nothing_then() {
    let refused = run(crate::answer(&request("POST", "/p/lamp", &[]), |_| async { unreachable!() }));
    let refused = refused.unwrap();
    assert_eq!((refused.status, header(&refused, "allow")), (405, "GET, HEAD"));
    for path in ["/p/", "/p/a/b", "/p/ä", "/api/v1/assets", "/static/x", "/health"] {
        let answered = run(crate::answer(&request("GET", path, &[]), |_| async { unreachable!() }));
        assert!(answered.is_none(), "{path}");
    }
}

#[test]
fn the_language_is_the_one_that_the_reader_prefers() {
    for (accepted, expected) in [
        ("", Language::English),
        ("de", Language::German),
        ("de-AT,de;q=0.9,en;q=0.8", Language::German),
        ("fr-FR,fr;q=0.9,es;q=0.5,en;q=0.4", Language::Spanish),
        ("en;q=0.2, de;q=0.7", Language::German),
        ("de;q=0", Language::English),
        ("ja", Language::English),
        ("*;q=x,;;,de;q=nonsense", Language::German),
    ] {
        let request = request("GET", "/", &[("accept-language", accepted)]);
        assert_eq!(Language::of(&request), expected, "{accepted}");
    }
    assert_eq!(Language::of(&request("GET", "/?lang=es", &[("accept-language", "de")])), Language::Spanish);
}

#[test]
fn a_browser_is_sent_from_the_api_to_the_page_and_a_program_is_not() {
    let browser = ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
    let to = |method, target, headers: &[(&str, &str)]| {
        let redirect = crate::to_page(&request(method, target, headers))?;
        Some((redirect.status, header(&redirect, "location").to_owned()))
    };
    let page = |location: &str| Some((303, location.to_owned()));
    assert_eq!(to("GET", "/api/v1/access/lamp", &[browser]), page("/p/lamp"));
    assert_eq!(to("GET", "/api/v1/access/lamp?quantity=10&x=1", &[browser]), page("/p/lamp?quantity=10"));
    assert_eq!(to("GET", "/api/v1/access/lamp?quantity=%0d", &[browser]), page("/p/lamp"));
    assert_eq!(to("GET", "/api/v1/access/lamp", &[("accept", "*/*")]), None);
    assert_eq!(to("GET", "/api/v1/access/lamp", &[("accept", "application/json, text/html")]), None);
    assert_eq!(to("POST", "/api/v1/access/lamp", &[browser]), None);
    assert_eq!(to("GET", "/api/v1/access/lamp/extend", &[browser]), None);
    assert_eq!(to("GET", "/api/v1/assets/lamp", &[browser]), None);
    for of_program in ["payment-signature", "x-payment", "sign-in-with-x", "authorization"] {
        assert_eq!(to("GET", "/api/v1/access/lamp", &[browser, (of_program, "x")]), None, "{of_program}");
    }
}

#[cfg(feature = "files")]
#[test]
fn a_static_file_is_sent_compressed_to_who_can_read_that_and_kept_for_ever() {
    let path = crate::names::BUYER;
    let ask = |method, path, headers: &[(&str, &str)]| crate::file(&request(method, path, headers));
    let sent = ask("GET", path, &[("accept-encoding", "gzip, deflate, br")]).unwrap();
    assert_eq!((sent.status, header(&sent, "content-encoding")), (200, "gzip"));
    assert!(header(&sent, "cache-control").contains("immutable") && sent.body.starts_with(&[0x1f, 0x8b]));
    let tag = header(&sent, "etag").to_owned();
    for same in [tag.as_str(), tag.trim_start_matches("W/"), &format!("\"x\", {tag}"), "*"] {
        assert_eq!(ask("GET", path, &[("if-none-match", same)]).unwrap().status, 304, "{same}");
    }
    assert_eq!(ask("GET", path, &[("if-none-match", "\"x\"")]).unwrap().status, 200);
    for accepted in ["*", "gzip;q=0.5", "br, x-gzip", "*;q=0, gzip", "br, GZIP"] {
        let sent = ask("GET", path, &[("accept-encoding", accepted)]).unwrap();
        assert_eq!(header(&sent, "content-encoding"), "gzip", "{accepted}");
    }
    let plain = ask("GET", path, &[]).unwrap();
    assert!(std::str::from_utf8(&plain.body).unwrap().contains("=>"));
    for accepted in ["br", "identity", "gzip;q=0", "gzip;q=0, *", "*, gzip; Q=0.0", "*;q=0", ""] {
        let sent = ask("GET", path, &[("accept-encoding", accepted)]).unwrap();
        assert_eq!(sent.status, 200, "{accepted}");
        assert!(sent.headers.iter().all(|(name, _)| *name != "content-encoding"), "{accepted}");
        assert!(sent.body == plain.body && header(&sent, "vary") == "accept-encoding", "{accepted}");
    }
    let refused = ask("DELETE", path, &[]).unwrap();
    assert_eq!((refused.status, header(&refused, "allow")), (405, "GET, HEAD"));
    assert_eq!(header(&refused, "cache-control"), "no-store");
    assert!(ask("GET", "/static/none.js", &[]).is_none());
    assert!(ask("GET", crate::names::STYLE, &[]).is_some());
}
