//! The server of these tests, and the command that buys from it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread::JoinHandle;

use coinop_core::encoding::{base64, from_base64};
use coinop_core::svm::{Address, Network, SigningKey, keypair};
use serde_json::{Value, json};

/// What the server does with one request.
pub(crate) enum Act {
    Answer(u16, Vec<(&'static str, String)>, Value),
    /// A web page.
    Page,
    /// Closes the connection without a word.
    HangUp,
}

/// What the server got.
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn payment(&self) -> Value {
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
pub(crate) fn server(script: impl FnOnce(&str) -> Vec<Act>) -> (String, JoinHandle<Vec<Asked>>) {
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

pub(crate) fn buyer() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub(crate) struct Said {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `coinop pay`. Its RPC is nowhere: what it needs of the chain is in the offer.
pub(crate) fn pay(url: &str, more: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let key: PathBuf = folder.path().join("id.json");
    std::fs::write(&key, keypair::to_json(&buyer())).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_coinop"));
    command.args(["pay", url, "--rpc", "http://127.0.0.1:1", "--keypair"]).arg(&key).args(more);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { success: status.success(), stdout: text(stdout), stderr: text(stderr) }
}

pub(crate) fn offer(version: u8, amount: &str) -> Value {
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

pub(crate) fn required(amount: &str, extensions: &Value) -> Act {
    let body = json!({
        "x402Version": 2, "error": "payment_required", "resource": { "url": "http://x/" },
        "accepts": [offer(2, amount)], "extensions": extensions,
    });
    Act::Answer(402, vec![("PAYMENT-REQUIRED", base64(body.to_string().as_bytes()))], json!({}))
}

pub(crate) fn settled(success: bool, reason: Option<&str>) -> String {
    let body =
        json!({ "success": success, "errorReason": reason, "transaction": if success { "5id" } else { "" } });
    base64(body.to_string().as_bytes())
}

pub(crate) fn granted() -> Act {
    Act::Answer(200, vec![("PAYMENT-RESPONSE", settled(true, None))], json!({ "ok": true }))
}

pub(crate) fn pending() -> Act {
    let body = json!({ "code": "settlement_pending", "transaction": "5id" });
    Act::Answer(202, vec![("Retry-After", "1".to_owned())], body)
}
