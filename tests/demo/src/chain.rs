//! Asks the local chain for a transaction.

use std::net::SocketAddr;
use std::time::Duration;

use coinop_core::Timestamp;
use coinop_core::encoding::from_base64;
use coinop_core::svm::Transaction;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use serde_json::{Value, json};

use crate::forward::ask;

/// How long the chain may take. It is on this computer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of its answer. A transaction with all that is said of it has some thousand.
const LARGEST: usize = 256 << 10;

/// A transaction that is on the chain.
pub(crate) struct Landed {
    pub(crate) transaction: Transaction,
    pub(crate) slot: u64,
    pub(crate) at: Option<Timestamp>,
    /// Whether it has done what it says. If not, only its fee was paid.
    pub(crate) succeeded: bool,
}

/// Returns the transaction with this signature; `None` if the chain knows none.
///
/// # Errors
/// A sentence for people, when the chain does not answer or its answer cannot be read.
pub(crate) async fn find(chain: SocketAddr, signature: &str) -> Result<Option<Landed>, &'static str> {
    let answer = tokio::time::timeout(PATIENCE, call(chain, signature)).await;
    let answer = answer.ok().flatten().ok_or("The chain of the demo does not answer.")?;
    match answer.get("result") {
        Some(Value::Null) => Ok(None),
        Some(found) => landed(found).map(Some).ok_or("The chain's answer cannot be read."),
        // The signature is none.
        None => Ok(None),
    }
}

async fn call(chain: SocketAddr, signature: &str) -> Option<Value> {
    let options =
        json!({ "encoding": "base64", "commitment": "confirmed", "maxSupportedTransactionVersion": 0 });
    let params = json!([signature, options]);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "getTransaction", "params": params });
    let request = Request::builder()
        .method(Method::POST)
        .uri("/")
        .header(HOST, chain.to_string())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .ok()?;
    let response = ask(chain, request).await.ok()?;
    let body = Limited::new(response.into_body(), LARGEST).collect().await.ok()?;
    serde_json::from_slice(&body.to_bytes()).ok()
}

fn landed(found: &Value) -> Option<Landed> {
    let bytes = found.pointer("/transaction/0").and_then(Value::as_str).and_then(from_base64)?;
    let seconds = found.get("blockTime").and_then(Value::as_u64);
    Some(Landed {
        transaction: Transaction::decode(&bytes).ok()?,
        slot: found.get("slot")?.as_u64()?,
        at: seconds.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1_000))),
        succeeded: found.pointer("/meta/err")?.is_null(),
    })
}
