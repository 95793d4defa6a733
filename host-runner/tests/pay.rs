//! `coinop pay` against a server that says what the test wants it to say: what
//! it sends, what it sends again, and what it never does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread::JoinHandle;

use coinop_core::encoding::{base64, from_base64};
use coinop_core::svm::{Address, Network, SigningKey, Transaction, keypair};
use coinop_core::{KeyRing, Secret, Timestamp, sign_in};
use serde_json::{Value, json};

/// What the server does with one request.
enum Act {
    Answer(u16, Vec<(&'static str, String)>, Value),
    /// A web page.
    Page,
    /// Closes the connection without a word.
    HangUp,
}

/// What the server got.
struct Asked {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Asked {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn payment(&self) -> Value {
        let header = self.header("payment-signature").or_else(|| self.header("x-payment")).unwrap();
        serde_json::from_slice(&from_base64(header).unwrap()).unwrap()
    }
}

fn read(stream: &TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut next = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let line = next();
    let mut headers = Vec::new();
    loop {
        let header = next();
        let Some((name, value)) = header.split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut asked = Asked { line, headers, body: String::new() };
    let length: u64 = asked.header("content-length").map_or(0, |text| text.parse().unwrap());
    reader.take(length).read_to_string(&mut asked.body).unwrap();
    asked
}

fn write(mut stream: &TcpStream, status: u16, headers: &[(&str, String)], body: &Value) {
    let body = body.to_string();
    let mut text = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: application/json\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(text.as_bytes()).unwrap();
}

fn write_page(mut stream: &TcpStream) {
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html; charset=utf-8";
    stream.write_all(format!("{head}\r\ncontent-length: 9\r\n\r\n<p>Hi</p>").as_bytes()).unwrap();
}

/// A server that plays the acts in turn, made for its own origin.
fn server(script: impl FnOnce(&str) -> Vec<Act>) -> (String, JoinHandle<Vec<Asked>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let acts = script(&origin);
    let play = move || {
        let one = |act| {
            let (stream, _) = listener.accept().unwrap();
            let asked = read(&stream);
            match act {
                Act::Answer(status, headers, body) => write(&stream, status, &headers, &body),
                Act::Page => write_page(&stream),
                Act::HangUp => {}
            }
            asked
        };
        acts.into_iter().map(one).collect()
    };
    (origin, std::thread::spawn(play))
}

fn buyer() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

struct Said {
    success: bool,
    stdout: String,
    stderr: String,
}

/// Runs `coinop pay`. Its RPC is nowhere: what it needs of the chain is in the offer.
fn pay(url: &str, more: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let key: PathBuf = folder.path().join("id.json");
    std::fs::write(&key, keypair::to_json(&buyer())).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_coinop"));
    command.args(["pay", url, "--rpc", "http://127.0.0.1:1", "--keypair"]).arg(&key).args(more);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { success: status.success(), stdout: text(stdout), stderr: text(stderr) }
}

fn offer(version: u8, amount: &str) -> Value {
    let address = |number| Address::new(SigningKey::from_bytes(&[number; 32]).verifying_key().to_bytes());
    let (network, amount_name) = if version == 1 {
        (Network::Devnet.v1_name(), "maxAmountRequired")
    } else {
        (Network::Devnet.caip2(), "amount")
    };
    json!({
        "scheme": "exact", "network": network, amount_name: amount,
        "asset": Network::Devnet.known_token("USDC").unwrap().mint, "payTo": address(1), "maxTimeoutSeconds": 60,
        "extra": { "feePayer": address(2), "recentBlockhash": address(3), "memo": "m0", "ticket": "t.1" },
    })
}

fn required(amount: &str, extensions: &Value) -> Act {
    let body = json!({
        "x402Version": 2, "error": "payment_required", "resource": { "url": "http://x/" },
        "accepts": [offer(2, amount)], "extensions": extensions,
    });
    Act::Answer(402, vec![("PAYMENT-REQUIRED", base64(body.to_string().as_bytes()))], json!({}))
}

fn settled(success: bool, reason: Option<&str>) -> String {
    let body =
        json!({ "success": success, "errorReason": reason, "transaction": if success { "5id" } else { "" } });
    base64(body.to_string().as_bytes())
}

fn granted() -> Act {
    Act::Answer(200, vec![("PAYMENT-RESPONSE", settled(true, None))], json!({ "ok": true }))
}

fn pending() -> Act {
    let body = json!({ "code": "settlement_pending", "transaction": "5id" });
    Act::Answer(202, vec![("Retry-After", "1".to_owned())], body)
}

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
fn a_refusal_is_one_line_with_its_reason() {
    let problem = json!({ "code": "asset_busy", "detail": "The asset is in use.\nYou were not charged." });
    let headers =
        vec![("PAYMENT-RESPONSE", settled(false, Some("asset_busy"))), ("Retry-After", "9".to_owned())];
    let (origin, _) = server(|_| vec![required("1", &Value::Null), Act::Answer(409, headers, problem)]);
    let said = pay(&origin, &[]);
    assert!(!said.success && said.stdout.is_empty());
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
    assert!(
        said.stderr.contains(
            "The asset is in use. You were not charged. Try again in 9 seconds. (HTTP 409, asset_busy)"
        ),
        "{}",
        said.stderr
    );
}

#[test]
fn a_taken_asset_says_until_when_and_the_own_wallet_how_to_get_its_token() {
    let busy = |yours: Value| {
        let detail = "In use. You were not charged. Try again later: `Retry-After` says when.";
        let headers =
            vec![("Retry-After", "18000".to_owned()), ("Date", "Mon, 30 Nov 2026 08:43:00 GMT".to_owned())];
        let until = "2026-11-30T13:43:00.000Z";
        let body = json!({ "code": "asset_busy", "detail": detail, "until": until, "yours": yours });
        Act::Answer(409, headers, body)
    };
    let (origin, _) = server(|_| vec![required("1", &Value::Null), busy(Value::Null)]);
    let said = pay(&origin, &[]).stderr;
    let expected =
        "In use. You were not charged. It is taken until 13:43:00 UTC (5 hours). (HTTP 409, asset_busy)";
    assert!(said.contains(expected), "{said}");
    let (origin, _) = server(|_| vec![required("1", &Value::Null), busy(json!(true))]);
    let said = pay(&origin, &[]).stderr;
    assert!(
        said.contains("yours until 13:43:00 UTC") && said.contains("--sign-in` prints its token"),
        "{said}"
    );
}

#[test]
fn what_is_not_known_of_a_payment_is_said_once() {
    let later = || {
        let body = json!({ "code": "unavailable", "detail": "It is not known yet. Do not sign another." });
        Act::Answer(503, vec![("Retry-After", "1".to_owned())], body)
    };
    let (origin, asked) = server(|_| {
        let mut acts = vec![required("1", &Value::Null)];
        acts.extend((0..5).map(|_| later()));
        acts
    });
    let said = pay(&origin, &[]);
    assert!(!said.success && said.stderr.contains("do not pay again"), "{}", said.stderr);
    assert_eq!(asked.join().unwrap().len(), 6);
    let lines: Vec<_> = said.stderr.lines().collect();
    assert_eq!(lines[1..4], [2, 3, 4].map(|n| format!("attempt {n} of 5: the same answer")), "{lines:?}");
    assert!(said.stderr.contains("HTTP 503, unavailable") && !said.stderr.contains("sign another"));
}

#[test]
fn a_payment_that_never_charged_may_be_tried_again() {
    let body = json!({ "code": "fee_budget_spent", "detail": "The budget is spent. You were not charged." });
    let later = Act::Answer(503, vec![("Retry-After", "200".to_owned())], body);
    let (origin, _) = server(|_| vec![required("1", &Value::Null), later]);
    let said = pay(&origin, &[]);
    assert!(!said.success && said.stderr.contains("run the same command again later"), "{}", said.stderr);
    assert!(!said.stderr.contains("not known"), "{}", said.stderr);
}

#[test]
fn a_server_that_cannot_take_the_payment_now_may_have_claimed_it() {
    // The pause is longer than the client's patience, so it gives up at once.
    let later = Act::Answer(503, vec![("Retry-After", "200".to_owned())], json!({ "code": "unavailable" }));
    let (origin, asked) = server(|_| vec![required("1", &Value::Null), later]);
    let said = pay(&origin, &[]);
    assert!(!said.success && said.stderr.contains("do not pay again"), "{}", said.stderr);
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
    assert_eq!(asked.join().unwrap().len(), 2);
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
    let proven = sign_in::verify(&keys, &origin, Network::Devnet, Timestamp::from_millis(1000), proof);
    assert_eq!(proven, Ok(Address::new(buyer().verifying_key().to_bytes())));
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
