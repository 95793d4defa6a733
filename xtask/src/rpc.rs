//! Asks a Solana chain.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::http;

/// The mint of USDC on devnet, and on a chain that plays devnet.
pub(crate) const DEVNET_USDC: &str = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU";

/// Calls `method` on the chain at a port of this machine.
fn call(port: u16, method: &str, params: &Value) -> Result<Value> {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer = http::post(port, "/", &request)?.json()?;
    if let Some(error) = answer.get("error") {
        bail!("the chain refuses {method}: {error}");
    }
    answer
        .get("result")
        .cloned()
        .with_context(|| format!("the chain's answer to {method} has no result: {answer}"))
}

/// Returns how much devnet USDC `owner` has in all its token accounts, in atomic units.
pub(crate) fn usdc_of(port: u16, owner: &str) -> Result<u64> {
    let params =
        json!([owner, { "mint": DEVNET_USDC }, { "encoding": "jsonParsed", "commitment": "confirmed" }]);
    let result = call(port, "getTokenAccountsByOwner", &params)?;
    let accounts =
        result.get("value").and_then(Value::as_array).context("the chain names no token accounts")?;
    accounts.iter().try_fold(0u64, |sum, account| {
        let amount = account
            .pointer("/account/data/parsed/info/tokenAmount/amount")
            .and_then(Value::as_str)
            .and_then(|amount| amount.parse::<u64>().ok())
            .context("a token account has no amount")?;
        sum.checked_add(amount).context("the token accounts add up to more than 64 bits")
    })
}
