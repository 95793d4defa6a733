//! The few HTTP requests that the commands make, all to this machine.
//!
//! They are written by hand on a socket, because an HTTP client with its dependencies would take longer to
//! compile than the rest of this program. They use HTTP/1.0, where an answer ends with the connection.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

const CONNECT: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer, in bytes. The expected answers are much smaller.
const LARGEST: u64 = 4 << 20;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {:?}", self.body))
    }
}

/// Sends a GET to a port of this machine.
pub(crate) fn get(port: u16, path: &str) -> Result<Answer> {
    send(port, &format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n"))
        .with_context(|| format!("GET http://127.0.0.1:{port}{path}"))
}

/// Sends a POST of JSON to a port of this machine.
pub(crate) fn post(port: u16, path: &str, body: &Value) -> Result<Answer> {
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    send(port, &format!("{head}{body}")).with_context(|| format!("POST http://127.0.0.1:{port}{path}"))
}

fn send(port: u16, request: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), CONNECT)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.take(LARGEST).read_to_end(&mut bytes)?;
    parse(&String::from_utf8_lossy(&bytes))
}

fn parse(text: &str) -> Result<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").context("the answer's head does not end")?;
    let status =
        head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("the answer has no status")?;
    ensure!(
        !head.to_ascii_lowercase().contains("\r\ntransfer-encoding:"),
        "the server answered an HTTP/1.0 request with a chunked body"
    );
    Ok(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read() {
        let answer = parse("HTTP/1.1 402 Payment Required\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (402, "{}"));
        assert!(parse("nonsense").is_err());
    }
}
