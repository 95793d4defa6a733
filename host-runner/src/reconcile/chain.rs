//! Reads a token account's transactions from the RPC, page by page.

use std::time::Duration;

use coinop_core::config::AcceptedToken;
use coinop_core::encoding::from_base64;
use coinop_core::svm::{Address, Transaction};
use coinop_core::{Amount, Timestamp};
use serde_json::{Value, json};

use crate::settings::rpc;

/// How many transactions are listed at once, so that a long list needs little memory.
const PAGE: usize = 1_000;
/// How long to wait before a call that failed is made again, in seconds.
const PAUSES: [u64; 4] = [1, 2, 4, 8];

/// A transaction in an account's list that landed without an error.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) signature: String,
    /// When its block was made, if the node says so.
    pub(super) at: Option<Timestamp>,
}

/// A page of an account's transactions, the latest first.
pub(super) struct Page {
    pub(super) landed: Vec<Listed>,
    /// How many there were, with those that failed.
    pub(super) seen: usize,
    /// The last one; `None` if there are no more.
    pub(super) last: Option<String>,
    /// When the last one landed, if the node says so.
    pub(super) until: Option<Timestamp>,
}

/// What a transaction has changed.
pub(crate) struct Moved {
    pub(super) transaction: Vec<u8>,
    /// Whether it landed with an error.
    pub(crate) has_failed: bool,
    /// The network's fee, in lamports.
    pub(crate) fee: u64,
    /// The wallet that has paid the fee, if the transaction can be read.
    pub(crate) fee_payer: Option<String>,
    /// What the merchant's wallet gained or lost of the token, in atomic units.
    pub(crate) change: i128,
    /// What every other wallet gained or lost of it.
    pub(crate) others: Vec<(String, i128)>,
    pub(super) at: Option<Timestamp>,
}

impl Moved {
    /// Returns the wallet that has lost the token, if there is only one.
    pub(super) fn payer(&self) -> Option<&str> {
        let mut losers = self.others.iter().filter(|(_, change)| *change < 0);
        let (first, _) = losers.next()?;
        losers.next().is_none().then_some(first.as_str())
    }

    /// Returns what the merchant's wallet gained; `None` if it gained nothing.
    pub(super) fn gained(&self) -> Option<Amount> {
        u64::try_from(self.change).ok().filter(|gained| *gained > 0).map(Amount::new)
    }
}

/// Makes a call, and makes it again after a pause if it fails.
fn call(url: &str, method: &str, params: &Value) -> Result<Value, String> {
    for seconds in PAUSES {
        match rpc::call(url, method, params) {
            Ok(answer) => return Ok(answer),
            Err(_) => std::thread::sleep(Duration::from_secs(seconds)),
        }
    }
    let failed = |error| format!("the RPC failed when asked for {method}: {error}");
    rpc::call(url, method, params).map_err(failed)
}

fn unreadable(method: &str) -> String {
    format!("the RPC's answer to {method} cannot be read; use another RPC in `solana.rpc_url`")
}

fn time(value: Option<&Value>) -> Option<Timestamp> {
    let seconds = value.and_then(Value::as_u64)?;
    Some(Timestamp::from_millis(seconds.saturating_mul(1_000)))
}

/// Returns the next page of an account's final transactions.
pub(super) fn page(url: &str, account: &Address, before: Option<&str>) -> Result<Page, String> {
    const METHOD: &str = "getSignaturesForAddress";
    let mut options = json!({ "limit": PAGE, "commitment": "finalized" });
    if let (Some(before), Some(options)) = (before, options.as_object_mut()) {
        options.insert("before".to_owned(), Value::from(before));
    }
    let answer = call(url, METHOD, &json!([account, options]))?;
    let entries = answer.as_array().ok_or_else(|| unreadable(METHOD))?;
    let mut landed = Vec::with_capacity(entries.len());
    let mut last = None;
    for entry in entries {
        let signature = entry.get("signature").and_then(Value::as_str).ok_or_else(|| unreadable(METHOD))?;
        let error = entry.get("err").ok_or_else(|| unreadable(METHOD))?;
        if error.is_null() {
            landed.push(Listed { signature: signature.to_owned(), at: time(entry.get("blockTime")) });
        }
        last = Some(signature);
    }
    // A node may list fewer than it was asked for, so only an empty page is the end.
    let until = entries.last().and_then(|entry| time(entry.get("blockTime")));
    Ok(Page { landed, seen: entries.len(), last: last.map(str::to_owned), until })
}

/// Returns what a final transaction has changed of a token; `None` if the node does not have it.
pub(crate) fn found(
    url: &str,
    pay_to: &Address,
    accepted: &AcceptedToken,
    signature: &str,
) -> Result<Option<Moved>, String> {
    const METHOD: &str = "getTransaction";
    let options =
        json!({ "encoding": "base64", "commitment": "finalized", "maxSupportedTransactionVersion": 0 });
    let answer = call(url, METHOD, &json!([signature, options]))?;
    if answer.is_null() {
        return Ok(None);
    }
    let read = || {
        let meta = answer.get("meta")?;
        let has_failed = !meta.get("err")?.is_null();
        let transaction = answer.pointer("/transaction/0").and_then(Value::as_str).and_then(from_base64)?;
        let mut owners: Vec<(String, i128)> = Vec::new();
        for (list, sign) in [("preTokenBalances", -1), ("postTokenBalances", 1)] {
            for balance in meta.get(list)?.as_array()? {
                if balance.get("mint")?.as_str()? != accepted.token.mint.to_string() {
                    continue;
                }
                let owner = balance.get("owner")?.as_str()?;
                let amount = balance.pointer("/uiTokenAmount/amount")?.as_str()?.parse::<u64>().ok()?;
                let amount = sign * i128::from(amount);
                match owners.iter_mut().find(|(known, _)| known == owner) {
                    Some((_, change)) => *change += amount,
                    None => owners.push((owner.to_owned(), amount)),
                }
            }
        }
        let own = pay_to.to_string();
        let change = owners.iter().find(|(owner, _)| *owner == own).map_or(0, |(_, change)| *change);
        owners.retain(|(owner, _)| *owner != own);
        let fee = meta.get("fee")?.as_u64()?;
        let decoded = Transaction::decode(&transaction).ok();
        let fee_payer = decoded.and_then(|it| it.message.accounts.first().map(Address::to_string));
        Some(Moved {
            transaction,
            has_failed,
            fee,
            fee_payer,
            change,
            others: owners,
            at: time(answer.get("blockTime")),
        })
    };
    read().map(Some).ok_or_else(|| unreadable(METHOD))
}
