//! Searches the list of an account's transactions.

use serde_json::{Map, Value, json};

use super::rpc::{Commitment, Rpc};
use crate::error::RpcError;
use crate::ports::Http;
use crate::svm::Address;
use crate::time::Timestamp;

/// The most transactions that a node lists in one answer.
const PER_PAGE: usize = 1_000;
/// The most pages that are searched for one transaction.
const MAX_PAGES: usize = 20;
/// The most pages that are searched for a memo. It is few, because strangers can cause a search.
const MEMO_PAGES: usize = 3;
/// By how much the chain's clock and ours may differ, in seconds.
const TOLERANCE: u64 = 3_600;
/// The most transactions with the same memo that are told. Anybody can copy a memo and name the account.
pub(super) const MAX_ALIKE: usize = 5;

/// A transaction in the list.
struct Entry<'a> {
    signature: &'a str,
    /// Whether it landed with an error, if the node says so.
    failed: Option<bool>,
    memo: Option<&'a str>,
}

fn entry(value: &Value) -> Option<Entry<'_>> {
    Some(Entry {
        signature: value.get("signature")?.as_str()?,
        failed: value.get("err").map(|error| !error.is_null()),
        memo: value.get("memo").and_then(Value::as_str),
    })
}

impl<H: Http> Rpc<H> {
    /// Searches the transactions that touch an account for one of them, back to `from`. Returns whether it landed with an
    /// error; `None` if it is not there.
    ///
    /// The node must have seen slot `since`.
    ///
    /// # Errors
    /// When there is no clear answer.
    pub(crate) async fn touches(
        &self,
        address: &Address,
        signature: &str,
        from: Timestamp,
        since: u64,
    ) -> Result<Option<bool>, RpcError> {
        let mut found = None;
        self.each_listed(address, from, since, MAX_PAGES, |entry| {
            found = (entry.signature == signature).then_some(entry.failed);
            found.is_some()
        })
        .await?;
        match found {
            Some(None) => Err(RpcError::Shape("getSignaturesForAddress")),
            found => Ok(found.flatten()),
        }
    }

    /// Returns the ids of the transactions that touch an account, carry this memo and landed without an error, back to
    /// `from`.
    ///
    /// # Errors
    /// When there is no clear answer.
    pub(crate) async fn with_memo(
        &self,
        address: &Address,
        memo: &str,
        from: Timestamp,
    ) -> Result<Vec<String>, RpcError> {
        let mut found = Vec::new();
        self.each_listed(address, from, 0, MEMO_PAGES, |entry| {
            let carries = entry.memo.is_some_and(|memos| memos.contains(memo));
            found.extend((carries && entry.failed == Some(false)).then(|| entry.signature.to_owned()));
            found.len() >= MAX_ALIKE
        })
        .await?;
        Ok(found)
    }

    /// Goes through the transactions that touch an account, the latest first and back to `from`, until `is_enough`.
    async fn each_listed(
        &self,
        address: &Address,
        from: Timestamp,
        since: u64,
        pages: usize,
        mut is_enough: impl FnMut(Entry<'_>) -> bool,
    ) -> Result<(), RpcError> {
        let shape = || RpcError::Shape("getSignaturesForAddress");
        let mut options = Map::new();
        for (name, value) in [
            ("limit", Value::from(PER_PAGE)),
            ("commitment", Value::from(Commitment::Confirmed.name())),
            ("minContextSlot", Value::from(since)),
        ] {
            options.insert(name.to_owned(), value);
        }
        for _ in 0..pages {
            let result = self.call("getSignaturesForAddress", json!([address, options])).await?;
            let page = result.as_array().ok_or_else(shape)?;
            for value in page {
                if is_enough(entry(value).ok_or_else(shape)?) {
                    return Ok(());
                }
            }
            let Some(last) = page.last().filter(|_| page.len() >= PER_PAGE) else { return Ok(()) };
            let time = last.get("blockTime").and_then(Value::as_u64);
            if time.is_some_and(|time| time.saturating_add(TOLERANCE) < from.seconds()) {
                return Ok(());
            }
            let last = last.get("signature").cloned().ok_or_else(shape)?;
            options.insert("before".to_owned(), last);
        }
        Err(shape())
    }
}
