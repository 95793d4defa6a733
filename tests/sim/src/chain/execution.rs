//! What becomes of a transaction in the next block: an error, a fee, and amounts that change.

use coinop_core::svm::Address;
use serde_json::{Value, json};

use super::{Chain, TokenAccount, Transaction};

/// The least that a wallet may keep unless it keeps nothing, in lamports.
pub(super) const EXEMPT: u64 = 890_880;

/// What becomes of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Why it fails, as nodes say it.
    pub(crate) error: Option<Value>,
    /// What its fee payer pays, in lamports; `None` if no leader takes the transaction.
    pub(crate) fee: Option<u64>,
    /// The token accounts that it changes, with their amounts afterwards in atomic units.
    pub(crate) amounts: Vec<(Address, u64)>,
}

impl Outcome {
    /// Returns a token account as it is afterwards.
    pub(crate) fn applied_to(&self, address: &Address, account: &TokenAccount) -> TokenAccount {
        let amount = self.amounts.iter().find(|(changed, _)| changed == address).map(|(_, amount)| *amount);
        TokenAccount { amount: amount.unwrap_or(account.amount), ..account.clone() }
    }
}

impl Chain {
    /// Returns what would become of a transaction in a block after this slot, and records it if that is wanted.
    pub(crate) fn execute(&self, transaction: &Transaction, slot: u64) -> Outcome {
        let outcome = self.outcome(transaction, slot);
        if let Some(recording) = &self.recording {
            recording.borrow_mut().add(self, transaction, slot, &outcome);
        }
        outcome
    }

    fn outcome(&self, transaction: &Transaction, slot: u64) -> Outcome {
        if let Err(error) = self.check(transaction, slot) {
            return Outcome { error: Some(error), fee: None, amounts: Vec::new() };
        }
        let (error, amounts) = match self.transfer_tokens(transaction) {
            Ok(amounts) => (None, amounts),
            Err(error) => (Some(json!({ "InstructionError": [transaction.transfer_at, error] })), Vec::new()),
        };
        Outcome { error, fee: Some(transaction.fee), amounts }
    }

    /// Checks what a leader checks before it takes a transaction. On the chain a dead blockhash comes first.
    fn check(&self, transaction: &Transaction, slot: u64) -> Result<(), Value> {
        if !self.blocks.is_alive(&transaction.blockhash, slot) {
            return Err(json!("BlockhashNotFound"));
        }
        if self.landed.get(&transaction.id).is_some_and(|landed| landed.slot <= slot) {
            return Err(json!("AlreadyProcessed"));
        }
        let held = self.lamports(&transaction.fee_payer);
        if held == 0 {
            return Err(json!("AccountNotFound"));
        }
        let Some(left) = held.checked_sub(transaction.fee) else {
            return Err(json!("InsufficientFundsForFee"));
        };
        // A wallet that has had less before may go on having less.
        if held >= EXEMPT && (1..EXEMPT).contains(&left) {
            return Err(json!({ "InsufficientFundsForRent": { "account_index": 0 } }));
        }
        Ok(())
    }

    /// Returns the amounts after the transfer, or the token program's error. It checks in the program's order.
    fn transfer_tokens(&self, transaction: &Transaction) -> Result<Vec<(Address, u64)>, Value> {
        let custom = |code: u32| Err(json!({ "Custom": code }));
        let account = |address| self.accounts.get(address).ok_or_else(|| json!("InvalidAccountData"));
        let (source, destination) = (account(&transaction.source)?, account(&transaction.destination)?);
        if source.is_frozen || destination.is_frozen {
            return custom(17);
        }
        let Some(left) = source.amount.checked_sub(transaction.amount) else { return custom(1) };
        if source.owner != transaction.authority {
            return custom(4);
        }
        if transaction.source == transaction.destination {
            return Ok(Vec::new());
        }
        // A mint's supply is a number of 64 bits too, so no account can hold more.
        let grown = destination.amount + transaction.amount;
        Ok(vec![(transaction.source, left), (transaction.destination, grown)])
    }
}
