//! JSON-RPC to a Solana node: the few methods that settlement needs.
//!
//! Every answer is read strictly. An unexpected shape is an error, never a guess.

use serde_json::{Value, json};

use super::recent::{self, RECENT_BLOCKHASHES};
use crate::encoding::{base58, base64, from_base58, from_base64, from_json};
use crate::error::{RpcError, TransportError, TransportFault};
use crate::ports::Http;
use crate::svm::{Address, RecentBlockhash};
use crate::time::Timestamp;

/// The time limit of one call, in milliseconds.
const TIMEOUT_MS: u64 = 5_000;

/// How certain the node's answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commitment {
    /// Most of the stake has voted for it.
    Confirmed,
    /// It can't be undone.
    Finalized,
}

impl Commitment {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Finalized => "finalized",
        }
    }
}

/// What a node knows about a transaction's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// How certain it is; `None` means less than confirmed.
    pub commitment: Option<Commitment>,
    /// Whether it landed with an error.
    pub failed: bool,
}

/// The part of a block that a search needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub slot: u64,
    /// How many blocks came before it.
    pub height: u64,
}

/// What a node knows about a blockhash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blockhash {
    /// Whether transactions with this blockhash can land.
    pub valid: bool,
    /// The slot up to which the node had seen the chain.
    pub slot: u64,
}

/// How old a blockhash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockhashAge {
    /// How many blocks have come after its own. One that is not listed any more is as old as a blockhash gets.
    pub(crate) blocks: u64,
    /// The slot up to which the node had seen the chain.
    pub(crate) slot: u64,
}

/// A transaction as it is on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnChain {
    /// The encoded transaction.
    pub transaction: Vec<u8>,
    /// The error with which the transaction landed, if any.
    pub error: Option<Value>,
    pub slot: u64,
    /// When its block was made; `None` if the node does not say.
    pub at: Option<Timestamp>,
}

/// An account as it is on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The program that owns the account.
    pub owner: Address,
    pub data: Vec<u8>,
    pub lamports: u64,
}

/// The result of simulating a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Simulation {
    /// The transaction would succeed and leave these accounts.
    Passes {
        /// The token account that pays.
        source: Account,
        /// The wallet that pays the fee.
        fee_payer: Account,
    },
    /// The transaction would fail with this error of the chain.
    Fails(Value),
}

/// A Solana node, over any HTTP client.
#[derive(Debug)]
pub struct Rpc<H> {
    http: H,
    url: String,
}

impl<H: Http> Rpc<H> {
    /// Returns the node at this URL.
    pub const fn new(http: H, url: String) -> Self {
        Self { http, url }
    }

    pub(super) async fn call(&self, method: &'static str, params: Value) -> Result<Value, RpcError> {
        let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let body = serde_json::to_string(&question)
            .map_err(|error| TransportError::new("the RPC", TransportFault::Unreadable(error.to_string())))?;
        let answer = self.http.post_json(&self.url, body, TIMEOUT_MS).await?;
        let unreadable = RpcError::Status { method, status: answer.status };
        let Some(mut json) = from_json::<Value>(&answer.body) else { return Err(unreadable) };
        if let Some(error) = json.get("error").filter(|error| !error.is_null()) {
            let code = error.get("code").and_then(Value::as_i64).ok_or(RpcError::Shape(method))?;
            return Err(RpcError::Refused { code });
        }
        if answer.status != 200 {
            return Err(unreadable);
        }
        json.get_mut("result").map(Value::take).ok_or(unreadable)
    }

    /// Returns the height of the latest block with this commitment.
    ///
    /// The node must have seen slot `since`, because behind a load balancer another node may lag.
    ///
    /// # Errors
    /// When there is no clear answer.
    pub(crate) async fn block_height(&self, commitment: Commitment, since: u64) -> Result<u64, RpcError> {
        let options = json!([{ "commitment": commitment.name(), "minContextSlot": since }]);
        let result = self.call("getBlockHeight", options).await?;
        result.as_u64().ok_or(RpcError::Shape("getBlockHeight"))
    }

    /// Returns the latest confirmed blockhash from a node that has seen slot `since`; `at` is the current time.
    ///
    /// # Errors
    /// When there is no clear answer.
    pub async fn latest_blockhash(&self, since: u64, at: Timestamp) -> Result<RecentBlockhash, RpcError> {
        let shape = || RpcError::Shape("getLatestBlockhash");
        let options = json!([{ "commitment": "confirmed", "minContextSlot": since }]);
        let result = self.call("getLatestBlockhash", options).await?;
        let value = result.get("value").ok_or_else(shape)?;
        let blockhash = value.get("blockhash").and_then(Value::as_str).and_then(from_base58);
        let height = value.get("lastValidBlockHeight").and_then(Value::as_u64);
        let slot = result.pointer("/context/slot").and_then(Value::as_u64).ok_or_else(shape)?;
        if slot < since {
            return Err(RpcError::Lagging("getLatestBlockhash"));
        }
        Ok(RecentBlockhash {
            blockhash: blockhash.ok_or_else(shape)?,
            last_valid_block_height: height.ok_or_else(shape)?,
            seen_at: at,
        })
    }

    /// Returns the latest block with this commitment.
    ///
    /// # Errors
    /// When there is no clear answer.
    pub(crate) async fn latest_block(&self, commitment: Commitment) -> Result<Block, RpcError> {
        let result = self.call("getEpochInfo", json!([{ "commitment": commitment.name() }])).await?;
        let number = |name| result.get(name).and_then(Value::as_u64).ok_or(RpcError::Shape("getEpochInfo"));
        Ok(Block { slot: number("absoluteSlot")?, height: number("blockHeight")? })
    }

    /// Returns whether transactions with this blockhash can land, according to a node that has seen slot `since`.
    ///
    /// # Errors
    /// When there is no clear answer.
    pub async fn blockhash(&self, blockhash: &[u8; 32], since: u64) -> Result<Blockhash, RpcError> {
        let hash = base58(blockhash);
        let options = json!({ "commitment": "confirmed", "minContextSlot": since });
        let result = self.call("isBlockhashValid", json!([hash, options])).await?;
        let valid = result.get("value").and_then(Value::as_bool);
        let slot = result.pointer("/context/slot").and_then(Value::as_u64);
        match (valid, slot) {
            (Some(_), Some(slot)) if slot < since => Err(RpcError::Lagging("isBlockhashValid")),
            (Some(valid), Some(slot)) => Ok(Blockhash { valid, slot }),
            _ => Err(RpcError::Shape("isBlockhashValid")),
        }
    }

    /// Returns how many blocks have come after that of a blockhash, according to a node that has seen slot `since`.
    ///
    /// `None` means that the node does not keep the list of recent blockhashes.
    ///
    /// # Errors
    /// When there is no clear answer.
    pub(crate) async fn blockhash_age(
        &self,
        blockhash: &[u8; 32],
        since: u64,
    ) -> Result<Option<BlockhashAge>, RpcError> {
        let shape = || RpcError::Shape("getAccountInfo");
        let options = json!({ "encoding": "base64", "commitment": "confirmed", "minContextSlot": since });
        let result = self.call("getAccountInfo", json!([RECENT_BLOCKHASHES, options])).await?;
        let slot = result.pointer("/context/slot").and_then(Value::as_u64).ok_or_else(shape)?;
        if slot < since {
            return Err(RpcError::Lagging("getAccountInfo"));
        }
        let value = result.get("value").ok_or_else(shape)?;
        if value.is_null() {
            return Ok(None);
        }
        let account = read_account(value).ok_or_else(shape)?;
        let blocks = recent::place(&account.data, blockhash).ok_or_else(shape)?;
        Ok(Some(BlockhashAge { blocks, slot }))
    }

    /// Simulates a transaction that the fee payer has not signed, and returns how it would leave two accounts.
    ///
    /// The node must have seen slot `since`.
    ///
    /// # Errors
    /// When there is no clear answer.
    pub async fn simulate(
        &self,
        transaction: &[u8],
        source: &Address,
        fee_payer: &Address,
        since: u64,
    ) -> Result<Simulation, RpcError> {
        let shape = || RpcError::Shape("simulateTransaction");
        let options = json!({
            "encoding": "base64", "sigVerify": false, "replaceRecentBlockhash": false, "commitment": "confirmed",
            "minContextSlot": since,
            "accounts": { "encoding": "base64", "addresses": [source, fee_payer] },
        });
        let mut result = self.call("simulateTransaction", json!([base64(transaction), options])).await?;
        let value = result.get_mut("value").ok_or_else(shape)?;
        match value.get_mut("err") {
            Some(Value::Null) => {}
            Some(error) => return Ok(Simulation::Fails(error.take())),
            None => return Err(shape()),
        }
        match value.get("accounts").and_then(Value::as_array).map(Vec::as_slice) {
            Some([source, fee_payer]) => Ok(Simulation::Passes {
                source: read_account(source).ok_or_else(shape)?,
                fee_payer: read_account(fee_payer).ok_or_else(shape)?,
            }),
            _ => Err(shape()),
        }
    }

    /// Submits a transaction (base64) to the network.
    ///
    /// # Errors
    /// When the node does not accept it; it may have been sent anyway.
    pub async fn send(&self, transaction: &str) -> Result<(), RpcError> {
        let options =
            json!({ "encoding": "base64", "skipPreflight": true, "preflightCommitment": "confirmed" });
        self.call("sendTransaction", json!([transaction, options])).await.map(|_| ())
    }

    /// Returns what the node knows about a transaction's id. Without `history`, that covers only the last minutes.
    ///
    /// `None` counts only from a node that has seen slot `since`, because behind a load balancer another node may lag.
    ///
    /// # Errors
    /// When there is no clear answer.
    pub async fn status(
        &self,
        signature: &str,
        history: bool,
        since: u64,
    ) -> Result<Option<Status>, RpcError> {
        let shape = RpcError::Shape("getSignatureStatuses");
        let params = json!([[signature], { "searchTransactionHistory": history }]);
        let result = self.call("getSignatureStatuses", params).await?;
        let Some([status]) = result.get("value").and_then(Value::as_array).map(Vec::as_slice) else {
            return Err(shape);
        };
        if status.is_null() {
            let seen =
                result.pointer("/context/slot").and_then(Value::as_u64).ok_or_else(|| shape.clone())?;
            return if seen >= since { Ok(None) } else { Err(RpcError::Lagging("getSignatureStatuses")) };
        }
        let failed = !status.get("err").ok_or_else(|| shape.clone())?.is_null();
        let commitment = match status.get("confirmationStatus").and_then(Value::as_str) {
            Some("finalized") => Some(Commitment::Finalized),
            Some("confirmed") => Some(Commitment::Confirmed),
            Some("processed") => None,
            _ => return Err(shape),
        };
        Ok(Some(Status { commitment, failed }))
    }

    /// Returns a transaction that is on the chain with this commitment.
    ///
    /// # Errors
    /// When there is no clear answer.
    pub async fn transaction(
        &self,
        signature: &str,
        commitment: Commitment,
    ) -> Result<Option<OnChain>, RpcError> {
        let shape = || RpcError::Shape("getTransaction");
        let options = json!({
            "encoding": "base64", "commitment": commitment.name(), "maxSupportedTransactionVersion": 0,
        });
        let result = self.call("getTransaction", json!([signature, options])).await?;
        if result.is_null() {
            return Ok(None);
        }
        let bytes = result.pointer("/transaction/0").and_then(Value::as_str).and_then(from_base64);
        let error = result.pointer("/meta/err").ok_or_else(shape)?;
        let error = (!error.is_null()).then(|| error.clone());
        let slot = result.get("slot").and_then(Value::as_u64).ok_or_else(shape)?;
        let at = result.get("blockTime").and_then(Value::as_u64);
        let at = at.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1_000)));
        Ok(Some(OnChain { transaction: bytes.ok_or_else(shape)?, error, slot, at }))
    }

    /// Returns an account; `None` if it does not exist.
    ///
    /// # Errors
    /// When there is no clear answer.
    pub async fn account(&self, address: &Address) -> Result<Option<Account>, RpcError> {
        let shape = || RpcError::Shape("getAccountInfo");
        let params = json!([address, { "encoding": "base64", "commitment": "confirmed" }]);
        let result = self.call("getAccountInfo", params).await?;
        let value = result.get("value").ok_or_else(shape)?;
        if value.is_null() {
            return Ok(None);
        }
        read_account(value).map(Some).ok_or_else(shape)
    }
}

/// Reads an account with data in base64; `None` if it does not have the documented shape.
fn read_account(value: &Value) -> Option<Account> {
    Some(Account {
        owner: value.get("owner")?.as_str()?.parse().ok()?,
        data: from_base64(value.pointer("/data/0")?.as_str()?)?,
        lamports: value.get("lamports")?.as_u64()?,
    })
}
