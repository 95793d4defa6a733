//! The demo's front before a gateway that says what the test wants it to say.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use coinop_core::Amount;
use coinop_core::encoding::base64;
use coinop_core::svm::{Address, Network, SigningKey, TokenProgram, Transfer, keypair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::caller::Origin;
use crate::server::{Demo, serve};
use crate::wallet::Wallet;

const PAGE: &str = "<!doctype html><html><head><title>Lamp</title></head><body>é</body></html>";
const SCRIPT: &str = "<link rel=\"stylesheet\" href=\"/demo/wallet.css\">\
    <script type=\"module\" src=\"/demo/wallet.js\"></script>";

/// A running front.
struct Front {
    port: u16,
    lamp: PathBuf,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Front {
    /// Starts a front of whatever listens on a port.
    async fn before(gateway: u16) -> Self {
        Self::between(gateway, 1).await
    }

    /// Starts a front of whatever listens on a port, with a chain on another.
    async fn between(gateway: u16, chain: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let key = keypair::to_json(&SigningKey::from_bytes(&[1; 32]));
        let lamp =
            std::env::temp_dir().join(format!("coinop-demo-{}-{}.lamp", std::process::id(), address.port()));
        let demo = Demo {
            origin: Origin::of(address).unwrap(),
            wallet: Wallet::read(&key, None).unwrap(),
            gateway: (Ipv4Addr::LOCALHOST, gateway).into(),
            chain: (Ipv4Addr::LOCALHOST, chain).into(),
            pay_options: "--max 1".to_owned(),
            lamp: lamp.clone(),
        };
        tokio::spawn(serve(listener, Arc::new(demo)));
        Self { port: address.port(), lamp }
    }

    /// Starts a front of nothing.
    async fn alone() -> Self {
        Self::before(1).await
    }

    /// Sends bytes, and reads the answer until its end.
    async fn send(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }

    async fn get(&self, path: &str, headers: &str) -> Answer {
        let host = format!("127.0.0.1:{}", self.port);
        self.send(
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n").as_bytes(),
        )
        .await
    }

    /// Sends JSON to the wallet as a page of `origin` does.
    async fn post(&self, path: &str, origin: &str, site: &str, body: &str) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nOrigin: {origin}\r\nSec-Fetch-Site: \
             {site}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        self.send(format!("{head}{body}").as_bytes()).await
    }

    /// Sends JSON to the wallet as the demo's own page does.
    async fn own(&self, path: &str, body: &Value) -> Answer {
        let origin = format!("http://127.0.0.1:{}", self.port);
        self.post(path, &origin, "same-origin", &body.to_string()).await
    }
}

/// A gateway that gives one answer to one request. Returns its port, and the request.
async fn gateway(answer: impl Into<Vec<u8>>) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = answer.into();
    let one = async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        loop {
            let mut part = [0; 4096];
            let count = stream.read(&mut part).await.unwrap();
            asked.extend_from_slice(&part[..count]);
            let text = String::from_utf8_lossy(&asked).into_owned();
            let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if text.contains("\r\n\r\n") && length.is_none_or(|length| length.parse() == Ok(body.len())) {
                break;
            }
        }
        stream.write_all(&answer).await.unwrap();
        String::from_utf8(asked).unwrap()
    };
    (port, tokio::spawn(one))
}

fn html(page: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-security-policy: script-src 'self'\r\n\
         content-length: {}\r\n\r\n{page}",
        page.len()
    )
}

#[tokio::test]
async fn a_page_gets_the_script_once_and_its_new_length() {
    let (port, _) = gateway(html(PAGE)).await;
    let answer = Front::before(port).await.get("/p/lamp", "").await;
    let expected = PAGE.replace("</head>", &format!("{SCRIPT}</head>"));
    assert_eq!(String::from_utf8(answer.body).unwrap(), expected);
    assert_eq!(answer.head.matches("content-length").count(), 1);
    assert!(answer.head.contains(&format!("content-length: {}", expected.len())), "{}", answer.head);
    assert!(answer.head.contains("content-security-policy: script-src 'self'"));
}

#[tokio::test]
async fn the_head_of_a_page_does_not_tell_the_wrong_length() {
    let head = html(PAGE);
    let (port, _) = gateway(head.split(PAGE).next().unwrap()).await;
    let front = Front::before(port).await;
    let host = format!("127.0.0.1:{}", front.port);
    let request = format!("HEAD /p/lamp HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let answer = front.send(request.as_bytes()).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.header("content-length"), None);
}

#[tokio::test]
async fn every_other_body_stays_the_same_byte_for_byte() {
    for kind in ["application/json", "text/javascript", "image/svg+xml", "text/plain"] {
        let body = [PAGE.as_bytes(), b"\0\xff\r\n"].concat();
        let head =
            format!("HTTP/1.1 402 X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
        let (port, _) = gateway([head.as_bytes(), &body].concat()).await;
        let answer = Front::before(port).await.get("/x", "").await;
        assert_eq!((answer.status, answer.body), (402, body), "{kind}");
    }
}

#[tokio::test]
async fn a_compressed_page_is_not_touched_and_browsers_get_none() {
    let page = html(PAGE).replace("content-type", "content-encoding: br\r\ncontent-type");
    let (port, asked) = gateway(page).await;
    let headers = "Accept: text/html,*/*\r\nAccept-Encoding: br\r\n";
    let answer = Front::before(port).await.get("/p/lamp", headers).await;
    assert_eq!(answer.body, PAGE.as_bytes());
    assert!(!asked.await.unwrap().contains("accept-encoding"));
    let (port, asked) = gateway(html(PAGE)).await;
    Front::before(port).await.get("/static/x.js", "Accept: */*\r\nAccept-Encoding: br\r\n").await;
    assert!(asked.await.unwrap().contains("accept-encoding: br"));
}

#[tokio::test]
async fn a_request_arrives_as_it_was_sent_and_says_that_it_was_forwarded() {
    let (port, asked) = gateway("HTTP/1.1 204 No Content\r\n\r\n").await;
    let front = Front::before(port).await;
    let answer = front
        .send(
            b"POST /api/v1/access/lamp?quantity=10&x=%2F HTTP/1.1\r\nHost: a.example\r\nConnection: close, X-Drop\r\n\
              X-Drop: 1\r\nKeep-Alive: 5\r\nUpgrade: websocket\r\nTE: trailers\r\nPAYMENT-SIGNATURE: abc\r\nX-Two: 1\r\n\
              X-Two: 2\r\nX-Forwarded-For: 192.0.2.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        )
        .await;
    assert_eq!(answer.status, 204);
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("POST /api/v1/access/lamp?quantity=10&x=%2F HTTP/1.1\r\n"), "{asked}");
    for kept in [
        "host: a.example",
        "payment-signature: abc",
        "x-two: 1",
        "x-two: 2",
        "x-forwarded-for: 192.0.2.1, 127.0.0.1",
        "content-length: 5",
    ] {
        assert!(asked.contains(&format!("{kept}\r\n")), "{kept}: {asked}");
    }
    for dropped in ["x-drop", "keep-alive", "upgrade", "te:", "connection", "transfer-encoding"] {
        assert!(!asked.contains(&format!("\r\n{dropped}")), "{dropped}: {asked}");
    }
    assert!(asked.ends_with("\r\n\r\nhello"));
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_the_gateway_sees_it() {
    let front = Front::alone().await;
    let head = "POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let known = format!("{head}Content-Length: 300000\r\n\r\n");
    assert_eq!(front.send(known.as_bytes()).await.status, 413);
    // Just too large, so that the front has read all of it when it answers.
    let size = (256 << 10) + 1;
    let unknown = format!("{head}Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{}", "a".repeat(size));
    assert_eq!(front.send(unknown.as_bytes()).await.status, 413);
    let answer = front.own("/demo/sign", &json!({ "transaction": "a".repeat(16 << 10) })).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn a_gateway_that_is_gone_is_a_clear_answer() {
    let answer = Front::alone().await.get("/p/lamp", "").await;
    assert_eq!(answer.status, 502);
    assert!(answer.json()["detail"].as_str().unwrap().contains("send the same one again"));
}

#[tokio::test]
async fn a_page_of_another_origin_cannot_have_anything_signed() {
    let front = Front::alone().await;
    let own = format!("http://127.0.0.1:{}", front.port);
    let body = json!({ "message": base64(b"hello"), "transaction": "AA==" }).to_string();
    for path in ["/demo/read", "/demo/sign", "/demo/sign-message"] {
        for (origin, site) in [
            ("https://a.example", "cross-site"),
            ("http://127.0.0.1:1", "same-site"),
            ("https://a.example", "same-origin"),
            (own.as_str(), "cross-site"),
            ("null", "none"),
        ] {
            let answer = front.post(path, origin, site, &body).await;
            assert_eq!(answer.status, 403, "{path} {origin} {site}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
        assert_eq!(front.get(path, "").await.status, 405);
        let ask =
            format!("OPTIONS {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", front.port);
        let answer = front.send(ask.as_bytes()).await;
        assert!(answer.status == 405 && answer.header("access-control-allow-origin").is_none());
    }
    assert_eq!(front.get("/demo/lamp", "Sec-Fetch-Site: cross-site\r\n").await.status, 403);
}

#[tokio::test]
async fn the_own_page_has_texts_signed_and_nothing_that_is_no_payment() {
    let front = Front::alone().await;
    let answer = front.own("/demo/sign-message", &json!({ "message": base64(b"hello") })).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json()["signature"].is_string());
    assert_eq!(front.own("/demo/sign", &json!({ "transaction": base64(b"hello") })).await.status, 422);
    for body in
        [json!({}), json!({ "message": "AA==" }), json!({ "transaction": 1 }), json!({ "transaction": "?" })]
    {
        assert_eq!(front.own("/demo/sign", &body).await.status, 400, "{body}");
    }
}

/// The answer of a chain.
fn rpc(result: &Value) -> String {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "result": result }).to_string();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// A payment of 0.01 USDC, as the chain shows it.
fn payment(error: &Value) -> Value {
    let buyer = SigningKey::from_bytes(&[1; 32]);
    let transfer = Transfer {
        fee_payer: Address::new([9; 32]),
        pay_to: Address::new([2; 32]),
        mint: Network::Devnet.known_token("USDC").unwrap().mint,
        decimals: 6,
        program: TokenProgram::Spl,
        amount: Amount::new(10_000),
        blockhash: [7; 32],
        memo: None,
    };
    let bytes = transfer.sign(&buyer).unwrap().encode().unwrap();
    json!({
        "slot": 4711,
        "blockTime": 1_795_165_429,
        "meta": { "err": error },
        "transaction": [base64(&bytes), "base64"],
    })
}

#[tokio::test]
async fn the_page_of_a_transaction_says_what_moved_from_whom_to_whom_and_when() {
    let path = format!("/demo/transaction/{}", "5".repeat(88));
    for (error, fails) in [(Value::Null, false), (json!({ "InstructionError": [2, "Custom"] }), true)] {
        let (chain, asked) = gateway(rpc(&payment(&error))).await;
        let answer = Front::between(1, chain).await.get(&path, "Sec-Fetch-Site: same-origin\r\n").await;
        assert!(asked.await.unwrap().contains("getTransaction"));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'; style-src 'self'"));
        let page = String::from_utf8(answer.body).unwrap();
        let buyer = Address::new(SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes()).to_string();
        for part in ["0.01 USDC", &buyer, "token account ", "2026-11-20 09:03:49", ">4711<", &"5".repeat(88)]
        {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(page.contains("has failed"), fails, "{page}");
    }
}

#[tokio::test]
async fn a_transaction_that_the_chain_does_not_know_and_a_chain_that_is_gone_are_clear_pages() {
    let path = format!("/demo/transaction/{}", "5".repeat(88));
    let (chain, _) = gateway(rpc(&Value::Null)).await;
    let answer = Front::between(1, chain).await.get(&path, "").await;
    assert_eq!(answer.status, 404);
    assert!(String::from_utf8(answer.body).unwrap().contains("does not know this transaction"));
    assert_eq!(Front::alone().await.get(&path, "").await.status, 502);
    assert_eq!(Front::alone().await.get(&path, "Sec-Fetch-Site: cross-site\r\n").await.status, 403);
}

#[tokio::test]
async fn the_lamp_is_on_while_its_file_exists() {
    let front = Front::alone().await;
    assert_eq!(front.get("/demo/lamp", "").await.json(), json!({ "on": false }));
    std::fs::write(&front.lamp, "").unwrap();
    assert_eq!(front.get("/demo/lamp", "").await.json(), json!({ "on": true }));
    std::fs::remove_file(&front.lamp).unwrap();
    assert_eq!(front.get("/demo/lamp", "").await.json(), json!({ "on": false }));
}

#[tokio::test]
async fn the_wallets_files_are_served_and_nothing_else_is_the_demos() {
    let front = Front::alone().await;
    let script = front.get("/demo/wallet.js", "").await;
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert!(String::from_utf8(script.body).unwrap().contains("wallet-standard:register-wallet"));
    assert_eq!(front.get("/demo/wallet.css", "").await.status, 200);
    assert!(front.get("/demo/account", "").await.json()["address"].is_string());
    assert_eq!(front.get("/demo/buyer.json", "").await.status, 404);
    assert_eq!(front.get("/demo/", "").await.status, 404);
    assert_eq!(front.own("/demo/lamp", &json!({})).await.status, 405);
}
