//! A record of what the model did with each transaction, for the comparison with the real programs.

use std::collections::HashSet;

use coinop_core::encoding::base64;
use serde_json::{Map, Value, json};

use super::execution::Outcome;
use super::{Chain, Transaction};

/// What was executed: each transaction once in each state of the chain.
#[derive(Default)]
pub(crate) struct Recording {
    entries: Vec<Value>,
    seen: HashSet<String>,
}

impl Recording {
    /// Adds a transaction with the state before and what became of it, unless the same is recorded already.
    ///
    /// Two that differ only in the age of a blockhash that is alive or dead in both are the same.
    pub(super) fn add(&mut self, chain: &Chain, transaction: &Transaction, slot: u64, outcome: &Outcome) {
        let bytes = base64(&transaction.bytes);
        let before = before(chain, transaction, slot);
        let after = json!({ "error": outcome.error, "fee": outcome.fee, "amounts": amounts(outcome) });
        let is_alive = chain.blocks.is_alive(&transaction.blockhash, slot);
        if self.seen.insert(json!([bytes, before, after, is_alive]).to_string()) {
            let age = chain.blocks.age(&transaction.blockhash, slot);
            self.entries.push(json!({
                "transaction": bytes, "blockhashAge": age, "before": before, "after": after,
            }));
        }
    }
}

/// Returns what the transaction depends on, but for the age of its blockhash.
fn before(chain: &Chain, transaction: &Transaction, slot: u64) -> Value {
    let named = transaction.wire.message.accounts.iter();
    let tokens = named.filter_map(|address| chain.account(address).map(|account| (address, account)));
    let tokens: Map<String, Value> = tokens
        .map(|(address, account)| {
            let held = json!({
                "owner": account.owner.to_string(), "amount": account.amount, "isFrozen": account.is_frozen,
            });
            (address.to_string(), held)
        })
        .collect();
    json!({
        "tokens": tokens,
        "feePayerLamports": chain.lamports(&transaction.fee_payer),
        "isOnChain": chain.landed(&transaction.id).is_some_and(|landed| landed.slot <= slot),
    })
}

fn amounts(outcome: &Outcome) -> Map<String, Value> {
    outcome.amounts.iter().map(|(address, amount)| (address.to_string(), json!(amount))).collect()
}

impl Chain {
    /// Records from now on what becomes of each transaction.
    pub(crate) fn start_recording(&mut self) {
        self.recording = Some(std::cell::RefCell::default());
    }

    /// Returns what was recorded, and records no more.
    pub(crate) fn stop_recording(&mut self) -> Vec<Value> {
        self.recording.take().map(|recording| recording.into_inner().entries).unwrap_or_default()
    }
}
