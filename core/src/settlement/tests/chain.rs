//! The chain of the tests: what is on it, and what an honest node says of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::encoding::{base64, from_base64};
use crate::settlement::recent::RECENT_BLOCKHASHES;
use crate::svm::Address;
use crate::svm::transaction::Transaction;

pub(super) const STATUSES: &str = "getSignatureStatuses";
pub(super) const VALID: &str = "isBlockhashValid";
pub(super) const HEIGHT: &str = "getBlockHeight";
pub(super) const LATEST: &str = "getLatestBlockhash";
pub(super) const EPOCH: &str = "getEpochInfo";
pub(super) const SIMULATE: &str = "simulateTransaction";
pub(super) const SEND: &str = "sendTransaction";
pub(super) const TRANSACTION: &str = "getTransaction";
pub(super) const SIGNATURES: &str = "getSignaturesForAddress";
pub(super) const ACCOUNT: &str = "getAccountInfo";

/// How many blocks a blockhash lives.
const LIFE: u64 = 150;
/// How many slots had no block. A block's height is this much less than its slot.
const SKIPPED: u64 = 1_000;
/// How many blocks the latest confirmed block is behind the latest one.
const CONFIRMED_LAG: u64 = 2;
/// How many blocks the latest final block is behind the latest one.
const FINALIZED_LAG: u64 = 32;

/// A transaction that is on the chain.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    pub(super) bytes: Vec<u8>,
    pub(super) slot: u64,
    pub(super) error: Option<Value>,
}

/// The true state of the chain.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// The slot of the latest block.
    pub(super) tip: u64,
    /// The payment's blockhash, and the slot of its block.
    pub(super) blockhash: ([u8; 32], u64),
    pub(super) landed: Vec<Landed>,
    /// Transactions that were sent and are in no block yet.
    pub(super) pool: Vec<Vec<u8>>,
    /// The error with which transactions fail.
    pub(super) fails_with: Option<Value>,
    /// What the paying account holds, in atomic units.
    pub(super) funds: u64,
    /// What the fee payer holds after a payment, in lamports.
    pub(super) fee_payer_lamports: u64,
    pub(super) accounts: BTreeMap<String, Value>,
    /// Whether the node does not know the list of recent blockhashes.
    pub(super) keeps_no_list: bool,
}

fn id(bytes: &[u8]) -> String {
    bs58::encode(Transaction::decode(bytes).unwrap().signatures[0]).into_string()
}

impl Chain {
    /// Advances blocks without taking anything from the pool.
    pub(super) fn pass(&mut self, blocks: u64) {
        self.tip += blocks;
    }

    /// Adds a block with everything from the pool that can still land.
    pub(super) fn land(&mut self) {
        self.tip += 1;
        for bytes in std::mem::take(&mut self.pool) {
            let message = Transaction::decode(&bytes).unwrap().message;
            if message.blockhash == self.blockhash.0 && self.is_alive(self.tip) && self.held(&bytes).is_none()
            {
                self.landed.push(Landed { bytes, slot: self.tip, error: self.fails_with.clone() });
            }
        }
    }

    /// Forks the chain: transactions that are not final return to the pool.
    pub(super) fn fork(&mut self) {
        let final_slot = self.tip - FINALIZED_LAG;
        let undone = self.landed.extract_if(.., |landed| landed.slot > final_slot);
        self.pool.extend(undone.map(|landed| landed.bytes));
    }

    /// Returns the transaction on the chain with the same message, if any.
    pub(super) fn held(&self, bytes: &[u8]) -> Option<&Landed> {
        let message = |bytes: &[u8]| Transaction::decode(bytes).unwrap().message_bytes;
        self.landed.iter().find(|landed| message(&landed.bytes) == message(bytes))
    }

    /// Returns the last height at which the payment can land.
    pub(super) fn last_height(&self) -> u64 {
        self.blockhash.1 + LIFE - SKIPPED
    }

    pub(super) fn is_alive(&self, slot: u64) -> bool {
        (self.blockhash.1..=self.blockhash.1 + LIFE).contains(&slot)
    }

    /// Returns an account as a payment would leave it.
    pub(super) fn after(&self, bytes: &[u8], address: &Value) -> Value {
        let message = Transaction::decode(bytes).unwrap().message;
        let transfer = &message.instructions[2];
        let account = |place: usize| message.accounts[usize::from(transfer.accounts[place])];
        if *address == message.accounts[0].to_string() {
            return self::account("11111111111111111111111111111111", &[], self.fee_payer_lamports);
        }
        if *address != account(0).to_string() {
            return self.accounts.get(address.as_str().unwrap()).cloned().into();
        }
        let left = self.funds - u64::from_le_bytes(transfer.data[1..9].try_into().unwrap());
        let data = token_account(&account(1), &account(3), left, None);
        let program = message.accounts[usize::from(transfer.program)];
        self::account(&program.to_string(), &data, 2_039_280)
    }

    /// Returns the list of recent blockhashes as of this slot.
    fn recent_blockhashes(&self, slot: u64) -> Value {
        if self.keeps_no_list {
            return Value::Null;
        }
        let hash_at = |at: u64| if at == self.blockhash.1 { self.blockhash.0 } else { [0; 32] };
        let entries =
            (slot + 1 - LIFE..=slot).rev().flat_map(|at| [hash_at(at).to_vec(), vec![0; 8]].concat());
        let data: Vec<u8> = LIFE.to_le_bytes().into_iter().chain(entries).collect();
        account("Sysvar1111111111111111111111111111111111111", &data, 1)
    }

    /// Returns the answer of an honest node that is `lag` blocks behind, or an error code.
    pub(super) fn answer(&mut self, method: &str, params: &Value, lag: u64) -> Result<Value, i64> {
        let options = if params[0].is_object() { &params[0] } else { &params[1] };
        let tip = self.tip - lag;
        let (confirmed, final_slot) = (tip - CONFIRMED_LAG, tip - FINALIZED_LAG);
        let slot = match options["commitment"].as_str() {
            Some("processed") => tip,
            Some("confirmed") => confirmed,
            Some("finalized") | None => final_slot,
            Some(_) => return Err(-32602),
        };
        if options["minContextSlot"].as_u64().is_some_and(|least| slot < least) {
            return Err(-32016);
        }
        let with_context =
            |value: Value| json!({ "context": { "apiVersion": "3.0.0", "slot": slot }, "value": value });
        let seen = |landed: &&Landed| landed.slot <= tip;
        let by_id = |signature: &Value| self.landed.iter().filter(seen).find(|l| *signature == id(&l.bytes));
        let finality = |landed: &Landed| match landed.slot {
            at if at <= final_slot => "finalized",
            at if at <= confirmed => "confirmed",
            _ => "processed",
        };
        Ok(match method {
            STATUSES => {
                let everything = options["searchTransactionHistory"] == true;
                let status = |signature: &Value| {
                    by_id(signature).filter(|l| everything || l.slot + LIFE >= tip).map(|l| {
                        json!({
                            "slot": l.slot, "confirmations": null, "err": l.error,
                            "status": { "Ok": null }, "confirmationStatus": finality(l),
                        })
                    })
                };
                let statuses: Vec<_> = params[0].as_array().ok_or(-32602i64)?.iter().map(status).collect();
                json!({ "context": { "slot": tip }, "value": statuses })
            }
            VALID => {
                let known = params[0] == bs58::encode(self.blockhash.0).into_string();
                with_context(json!(known && self.is_alive(slot)))
            }
            HEIGHT => json!(slot - SKIPPED),
            LATEST => {
                let blockhash = bs58::encode(self.blockhash.0).into_string();
                with_context(json!({ "blockhash": blockhash, "lastValidBlockHeight": slot - SKIPPED + LIFE }))
            }
            EPOCH => json!({ "absoluteSlot": slot, "blockHeight": slot - SKIPPED, "epoch": 3 }),
            SIMULATE => {
                let bytes = params[0].as_str().and_then(from_base64).ok_or(-32602i64)?;
                let error = if self.held(&bytes).is_some_and(|landed| landed.slot <= slot) {
                    json!("AlreadyProcessed")
                } else if self.is_alive(slot) {
                    json!(self.fails_with)
                } else {
                    json!("BlockhashNotFound")
                };
                let shown = |address: &Value| match error {
                    Value::Null => self.after(&bytes, address),
                    _ => Value::Null,
                };
                let accounts = options["accounts"]["addresses"].as_array().ok_or(-32602i64)?;
                let accounts: Vec<_> = accounts.iter().map(shown).collect();
                with_context(json!({
                    "accounts": accounts, "err": error, "logs": [], "unitsConsumed": 6_500,
                }))
            }
            SEND => {
                let bytes = params[0].as_str().and_then(from_base64).ok_or(-32602i64)?;
                let signature = id(&bytes);
                self.pool.push(bytes);
                json!(signature)
            }
            TRANSACTION => by_id(&params[0]).filter(|l| l.slot <= slot).map_or(Value::Null, shown),
            SIGNATURES => {
                let touches = |landed: &&Landed| {
                    let message = Transaction::decode(&landed.bytes).unwrap().message;
                    landed.slot <= slot
                        && message.accounts.iter().any(|account| params[0] == account.to_string())
                };
                let entry = |l: &Landed| listed(&id(&l.bytes), l.slot, &l.error);
                self.landed.iter().rev().filter(touches).map(entry).collect()
            }
            ACCOUNT if params[0] == RECENT_BLOCKHASHES => with_context(self.recent_blockhashes(slot)),
            ACCOUNT => with_context(self.accounts.get(params[0].as_str().unwrap()).cloned().into()),
            _ => return Err(-32601),
        })
    }
}

/// Returns a transaction as `getTransaction` shows it.
pub(super) fn shown(landed: &Landed) -> Value {
    json!({
        "slot": landed.slot, "blockTime": 1_700_000_000, "version": 0,
        "transaction": [base64(&landed.bytes), "base64"],
        "meta": { "err": landed.error, "fee": 10_001 },
    })
}

/// Returns an entry of `getSignaturesForAddress`.
pub(super) fn listed(signature: &str, slot: u64, error: &Option<Value>) -> Value {
    json!({
        "signature": signature, "slot": slot, "blockTime": 1_700_000_000 + slot, "err": error,
        "memo": null, "confirmationStatus": "finalized",
    })
}

/// Returns an account as `getAccountInfo` shows it.
pub(super) fn account(owner: &str, data: &[u8], lamports: u64) -> Value {
    json!({
        "owner": owner, "data": [base64(data), "base64"], "lamports": lamports,
        "executable": false, "rentEpoch": 0, "space": data.len(),
    })
}

/// Returns the data of a token account with this amount; `delegated` names a delegate and its amount.
pub(super) fn token_account(
    mint: &Address,
    owner: &Address,
    amount: u64,
    delegated: Option<(&Address, u64)>,
) -> Vec<u8> {
    let mut data = [mint.as_bytes().as_slice(), owner.as_bytes(), &amount.to_le_bytes()].concat();
    data.resize(165, 0);
    data[108] = 1;
    if let Some((delegate, amount)) = delegated {
        data[72] = 1;
        data[76..108].copy_from_slice(delegate.as_bytes());
        data[121..129].copy_from_slice(&amount.to_le_bytes());
    }
    data
}
