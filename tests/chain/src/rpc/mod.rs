//! JSON-RPC 2.0 over HTTP, in the forms of a Solana node.

mod accounts;
mod blocks;
mod history;
mod params;
mod show;
mod transactions;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use crate::ledger::Ledger;
use params::Params;

/// The largest request body, in bytes.
const BODY_LIMIT: usize = 1 << 20;
/// The version that the node reports. Clients parse it.
pub(crate) const VERSION: &str = "3.0.0";

/// The chain, shared between requests and the clock.
#[derive(Clone)]
pub(crate) struct Chain(Arc<Mutex<Ledger>>);

impl Chain {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self(Arc::new(Mutex::new(ledger)))
    }

    /// Locks the ledger for one method. A panic elsewhere does not end the chain.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(crate) struct RpcError {
    code: i64,
    message: String,
    data: Option<Value>,
}

impl RpcError {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// Returns the error for parameters that do not fit the method.
    fn params(message: impl Into<String>) -> Self {
        Self::new(-32602, message)
    }

    fn json(self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message});
        if let (Some(data), Some(fields)) = (self.data, error.as_object_mut()) {
            fields.insert("data".to_owned(), data);
        }
        error
    }
}

/// The result of a method.
pub(crate) type Answer = Result<Value, RpcError>;

/// Returns the HTTP service.
pub(crate) fn service(chain: Chain) -> Router {
    Router::new()
        .route("/", post(serve))
        .route("/health", get(async || "ok"))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(chain)
}

async fn serve(State(chain): State<Chain>, body: Bytes) -> Response {
    let answer = respond(&chain, &body).map_or_else(String::new, |answer| answer.to_string());
    ([(CONTENT_TYPE, "application/json")], answer).into_response()
}

/// Answers one request body, single or batch. Returns `None` if nothing in it wants an answer.
pub(crate) fn respond(chain: &Chain, body: &[u8]) -> Option<Value> {
    match serde_json::from_slice(body) {
        Err(_) => Some(failure(Value::Null, RpcError::new(-32700, "Parse error"))),
        Ok(Value::Array(calls)) if calls.is_empty() => Some(invalid(Value::Null)),
        Ok(Value::Array(calls)) => {
            let answers: Vec<Value> = calls.into_iter().filter_map(|one| call(chain, one)).collect();
            (!answers.is_empty()).then_some(Value::Array(answers))
        }
        Ok(one) => call(chain, one),
    }
}

fn failure(id: Value, error: RpcError) -> Value {
    json!({"jsonrpc": "2.0", "error": error.json(), "id": id})
}

fn invalid(id: Value) -> Value {
    failure(id, RpcError::new(-32600, "Invalid request"))
}

/// Carries out one call. A call without an id is a notification and gets no answer.
fn call(chain: &Chain, request: Value) -> Option<Value> {
    let Value::Object(mut fields) = request else {
        return Some(invalid(Value::Null));
    };
    let id = fields.remove("id");
    if matches!(id, Some(Value::Bool(_) | Value::Array(_) | Value::Object(_))) {
        return Some(invalid(Value::Null));
    }
    let shown = id.clone().unwrap_or(Value::Null);
    let version = fields.remove("jsonrpc");
    let Some(Value::String(method)) = fields.remove("method") else {
        return Some(invalid(shown));
    };
    if version != Some(Value::from("2.0")) {
        return Some(invalid(shown));
    }
    let result = match fields.remove("params") {
        None | Some(Value::Null) => dispatch(chain, &method, &Params::new(&[])),
        Some(Value::Array(params)) => dispatch(chain, &method, &Params::new(&params)),
        Some(_) => Err(RpcError::params("Invalid params: give them as an array, by position")),
    };
    let id = id?;
    Some(match result {
        Ok(result) => json!({"jsonrpc": "2.0", "result": result, "id": id}),
        Err(error) => failure(id, error),
    })
}

fn dispatch(chain: &Chain, method: &str, params: &Params<'_>) -> Answer {
    // Decoding and checking signatures takes longest, and needs no lock.
    match method {
        "sendTransaction" => return transactions::send(chain, params),
        "simulateTransaction" => return transactions::simulate(chain, params),
        _ => {}
    }
    let ledger = &mut *chain.lock();
    match method {
        "getHealth" => Ok(json!("ok")),
        "getVersion" => Ok(json!({"solana-core": VERSION, "feature-set": 3_604_001_754_u32})),
        "getGenesisHash" => Ok(json!(blocks::GENESIS_HASH)),
        "getSlot" => blocks::slot(ledger, params),
        "getBlockHeight" => blocks::height(ledger, params),
        "getLatestBlockhash" => blocks::latest_blockhash(ledger, params),
        "isBlockhashValid" => blocks::is_blockhash_valid(ledger, params),
        "getEpochInfo" => blocks::epoch_info(ledger, params),
        "getAccountInfo" => accounts::info(ledger, params),
        "getMultipleAccounts" => accounts::multiple(ledger, params),
        "getBalance" => accounts::balance(ledger, params),
        "getMinimumBalanceForRentExemption" => accounts::rent_exemption(ledger, params),
        "getTokenAccountBalance" => accounts::token_balance(ledger, params),
        "getTokenAccountsByOwner" => accounts::token_accounts(ledger, params),
        "getTokenSupply" => accounts::token_supply(ledger, params),
        "getFeeForMessage" => transactions::fee(ledger, params),
        "requestAirdrop" => transactions::airdrop(ledger, params),
        "getSignatureStatuses" => history::statuses(ledger, params),
        "getTransaction" => history::transaction(ledger, params),
        "getSignaturesForAddress" => history::of_address(ledger, params),
        "coinop_advanceBlocks" => blocks::advance(ledger, params),
        "coinop_setTokens" => accounts::set_tokens(ledger, params),
        "coinop_setLamports" => accounts::set_lamports(ledger, params),
        "coinop_stats" => Ok(json!({
            "transactions": ledger.history.len(),
            "sendTransactionCalls": ledger.sends,
        })),
        _ => Err(RpcError::new(-32601, "Method not found")),
    }
}

/// Wraps `value` with the slot at which it was read.
fn with_context(slot: u64, value: Value) -> Value {
    json!({"context": {"apiVersion": VERSION, "slot": slot}, "value": value})
}

/// An empty configuration object, for calls without one.
static NO_CONFIG: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
