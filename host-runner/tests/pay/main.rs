//! `coinop pay` against a server that says what the test wants it to say: what
//! it sends, what it sends again, and what it never does.

mod refusals;
mod server;

use coinop_core::encoding::from_base64;
use coinop_core::svm::{Address, Network, Transaction};
use coinop_core::{KeyRing, Secret, Timestamp, sign_in};
use serde_json::{Value, json};

use server::{Act, buyer, granted, offer, pay, pending, required, server, settled};

#[test]
fn a_pending_or_lost_answer_repeats_the_very_same_payment_inv_1() {
    let (origin, asked) =
        server(|_| vec![required("10000", &json!({"e": [1]})), Act::HangUp, pending(), pending(), granted()]);
    let said = pay(&format!("{origin}/buy?n=1"), &["--json", "{\"n\": 1}", "--header", "X-Mine: yes"]);
    assert!(said.success, "{}", said.stderr);
    assert_eq!(said.stdout, "{\n  \"ok\": true\n}\n");
    assert!(
        said.stderr.contains("paid 0.01 USDC to ") && said.stderr.contains("transaction 5id"),
        "{}",
        said.stderr
    );
    let asked = asked.join().unwrap();
    let payments: Vec<_> = asked.iter().skip(1).map(|a| a.header("payment-signature").unwrap()).collect();
    assert_eq!(payments.len(), 4);
    assert!(payments.iter().all(|payment| *payment == payments[0]));
    for request in &asked {
        assert_eq!(request.line, "POST /buy?n=1 HTTP/1.1");
        assert_eq!((request.body.as_str(), request.header("x-mine")), ("{\"n\": 1}", Some("yes")));
    }
    let payment = asked[1].payment();
    assert_eq!(payment["accepted"], offer(2, "10000"));
    assert_eq!(
        (&payment["resource"], &payment["extensions"]),
        (&json!({ "url": "http://x/" }), &json!({"e": [1]}))
    );
    let transaction = from_base64(payment["payload"]["transaction"].as_str().unwrap()).unwrap();
    assert_eq!(Transaction::decode(&transaction).unwrap().message.instructions[3].data, b"m0");
}

#[test]
fn version_1_is_paid_where_there_is_no_header() {
    let body =
        json!({ "x402Version": 1, "error": "X-PAYMENT header is required", "accepts": [offer(1, "10000")] });
    let paid = vec![("X-PAYMENT-RESPONSE", settled(true, None))];
    let (origin, asked) =
        server(|_| vec![Act::Answer(402, vec![], body), Act::Answer(200, paid, json!("sunny"))]);
    let said = pay(&origin, &[]);
    assert!(said.success && said.stdout == "\"sunny\"\n", "{}", said.stderr);
    let asked = asked.join().unwrap();
    assert_eq!(asked[1].line, "GET / HTTP/1.1");
    assert!(asked[1].header("payment-signature").is_none());
    let payment = asked[1].payment();
    assert_eq!((&payment["x402Version"], &payment["network"]), (&json!(1), &json!("solana-devnet")));
}

#[test]
fn above_the_limit_nothing_is_sent() {
    let (origin, asked) = server(|_| vec![required("1000001", &Value::Null)]);
    let said = pay(&origin, &[]);
    assert!(!said.success && said.stdout.is_empty());
    assert!(
        said.stderr.contains("1.000001 USDC") && said.stderr.contains("--max 1.000001"),
        "{}",
        said.stderr
    );
    assert_eq!(said.stderr.lines().count(), 1);
    assert_eq!(asked.join().unwrap().len(), 1);
}

#[test]
fn a_payment_follows_no_redirect() {
    let moved = |to: &str| Act::Answer(307, vec![("Location", to.to_owned())], Value::Null);
    let (origin, asked) = server(|_| vec![required("1", &Value::Null), moved("http://127.0.0.1:1/steal")]);
    assert!(!pay(&origin, &[]).success);
    assert_eq!(asked.join().unwrap().len(), 2);
    let (origin, _) = server(|_| vec![moved("http://127.0.0.1:1/elsewhere")]);
    let said = pay(&origin, &[]);
    assert!(!said.success && said.stderr.contains("http://127.0.0.1:1/elsewhere"), "{}", said.stderr);
}

#[test]
fn what_is_free_is_printed_and_nothing_paid() {
    let (origin, _) = server(|_| vec![Act::Answer(200, vec![], json!([1]))]);
    let said = pay(&origin, &["--sign-in"]);
    assert!(said.success && said.stdout == "[\n  1\n]\n" && said.stderr.contains("did not charge you"));
}

#[test]
fn an_assets_page_is_paid_for_where_programs_pay() {
    let sale = json!({ "startsAt": "2026-11-30T09:43:00.000Z", "endsAt": "2026-11-30T09:43:10.000Z" });
    let date = ("Date", "Mon, 30 Nov 2026 09:43:00 GMT".to_owned());
    let headers = vec![("PAYMENT-RESPONSE", settled(true, None)), date];
    let (origin, asked) =
        server(|_| vec![Act::Page, required("1", &Value::Null), Act::Answer(200, headers, sale)]);
    let said = pay(&format!("{origin}/p/lamp?quantity=7&kiosk"), &[]);
    assert!(said.success && !said.stdout.contains("<p>"), "{}", said.stderr);
    assert!(said.stderr.contains("yours until 09:43:10 UTC (10 seconds)"), "{}", said.stderr);
    let [page, access] = ["/p/lamp?quantity=7&kiosk", "/api/v1/access/lamp?quantity=7"];
    let lines: Vec<_> = asked.join().unwrap().into_iter().map(|asked| asked.line).collect();
    assert_eq!(lines, [page, access, access].map(|target| format!("GET {target} HTTP/1.1")));
}

#[test]
fn a_web_page_without_a_price_grants_nothing_and_is_not_printed() {
    let (origin, _) = server(|_| vec![Act::Page]);
    let said = pay(&origin, &[]);
    assert!(!said.success && said.stdout.is_empty() && said.stderr.contains("did not charge you"));
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
    let (origin, asked) = server(|_| vec![Act::Page, Act::Page]);
    let said = pay(&format!("{origin}/p/lamp"), &[]);
    assert!(!said.success && said.stdout.is_empty(), "{}", said.stderr);
    assert_eq!(asked.join().unwrap().len(), 2);
}

#[test]
fn signing_in_pays_nothing_and_serves_nobody_else_inv_9() {
    let keys = KeyRing::new(&Secret::new([1; 32]), None);
    let challenge = |origin: &str| {
        let uri = format!("{origin}/door");
        json!({ "sign-in-with-x":
            sign_in::challenge(&keys, origin, &uri, Network::Devnet, Timestamp::from_millis(1000), [5; 16]).unwrap() })
    };
    let (origin, asked) = server(|origin| {
        vec![required("1", &challenge(origin)), Act::Answer(200, vec![], json!({ "sessionId": "s" }))]
    });
    let said = pay(&format!("{origin}/door"), &["--sign-in"]);
    assert!(said.success && said.stdout.contains("sessionId"), "{}", said.stderr);
    assert!(said.stderr.contains("did not charge you"), "{}", said.stderr);
    let asked = asked.join().unwrap();
    let proof = asked[1].header("sign-in-with-x").unwrap();
    let place = (origin.as_str(), "/door");
    let proven = sign_in::verify(&keys, place, Network::Devnet, Timestamp::from_millis(1000), proof);
    assert_eq!(proven.unwrap().payer, Address::new(buyer().verifying_key().to_bytes()).into());
    assert!(asked[1].header("payment-signature").is_none());

    // Of a gateway that sends its challenge only to who asks for it, it is asked for.
    let (origin, asked) = server(|origin| {
        vec![
            required("1", &Value::Null),
            required("1", &challenge(origin)),
            Act::Answer(200, vec![], json!({ "sessionId": "s" })),
        ]
    });
    let said = pay(&format!("{origin}/door?quantity=2"), &["--sign-in"]);
    assert!(said.success && said.stdout.contains("sessionId"), "{}", said.stderr);
    let targets: Vec<_> = asked.join().unwrap().into_iter().map(|asked| asked.line).collect();
    let [plain, signin] = ["", "&signin"].map(|more| format!("GET /door?quantity=2{more} HTTP/1.1"));
    assert_eq!(targets, [plain, signin.clone(), signin]);

    // No session: an error, and no payment in its place.
    let (origin, asked) =
        server(|origin| vec![required("1", &challenge(origin)), required("1", &challenge(origin))]);
    assert!(!pay(&format!("{origin}/door"), &["--sign-in"]).success);
    assert!(asked.join().unwrap().iter().all(|a| a.header("payment-signature").is_none()));

    // A challenge of another server is not signed.
    let (origin, asked) = server(|_| vec![required("1", &challenge("https://bank.example"))]);
    let said = pay(&format!("{origin}/door"), &["--sign-in"]);
    assert!(!said.success && said.stderr.contains("bank.example"), "{}", said.stderr);
    assert_eq!(asked.join().unwrap().len(), 1);
}
