//! The model of the chain: blocks, accounts, and transactions that land, fail or die.
//!
//! It holds what settlement can tell apart and no more: slots with and without a block, the age of a blockhash, three
//! commitments, forks, balances, frozen accounts, and each transaction once. `tests/chain/src/ledger/simulator.rs` compares
//! it with the real programs.

mod blocks;
mod by_hand;
mod execution;
mod recording;
#[cfg(test)]
mod tests;
mod transaction;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use coinop_core::PaymentId;
use coinop_core::svm::Address;
use serde_json::Value;

pub(crate) use blocks::{Blocks, CONFIRMED_LAG, FINALIZED_LAG, LIFE};
pub(crate) use by_hand::by_hand;
pub(crate) use execution::Outcome;
pub(crate) use transaction::Transaction;

use recording::Recording;

use crate::random::Random;

/// What a signature costs, in lamports.
pub(crate) const SIGNATURE_LAMPORTS: u64 = 5_000;

/// A token account.
#[derive(Clone, Debug)]
pub(crate) struct TokenAccount {
    pub(crate) owner: Address,
    pub(crate) amount: u64,
    pub(crate) is_frozen: bool,
}

/// A transaction on the chain.
#[derive(Clone, Debug)]
pub(crate) struct Landed {
    pub(crate) transaction: Rc<Transaction>,
    pub(crate) slot: u64,
    pub(crate) error: Option<Value>,
}

/// What waits to get into a block.
enum Waiting {
    /// A payment that a gateway has signed.
    Payment(Rc<Transaction>),
    /// A transfer between two wallets, whose sender pays its fee.
    Transfer { from: Address, to: Address, amount: u64, payer: Address },
}

/// The chain.
pub(crate) struct Chain {
    pub(crate) blocks: Blocks,
    accounts: BTreeMap<Address, TokenAccount>,
    lamports: BTreeMap<Address, u64>,
    landed: BTreeMap<PaymentId, Landed>,
    /// What lands, by the slot from which on it can.
    waiting: BTreeMap<(u64, u64), Waiting>,
    numbered: u64,
    random: Random,
    /// How often a fork undoes what is not final, in 10,000 slots.
    fork_rate: u32,
    /// What became of each transaction, if somebody wants to know.
    recording: Option<RefCell<Recording>>,
}

impl Chain {
    pub(crate) fn new(random: Random, fork_rate: u32) -> Self {
        Self {
            blocks: Blocks::new(&random),
            accounts: BTreeMap::new(),
            lamports: BTreeMap::new(),
            landed: BTreeMap::new(),
            waiting: BTreeMap::new(),
            numbered: 0,
            random,
            fork_rate,
            recording: None,
        }
    }

    /// Lets the chain go on to this moment, in milliseconds since the world began.
    pub(crate) fn advance(&mut self, now: u64) {
        while let Some(slot) = self.blocks.next_slot(now) {
            self.add_slot(slot);
        }
    }

    /// Adds the next slot, with or without a block.
    fn add_slot(&mut self, slot: u64) {
        if self.random.happens(self.fork_rate) {
            self.fork();
        }
        if self.blocks.produce(slot, &self.random) {
            self.fill(slot);
        }
    }

    pub(crate) fn stop_forks(&mut self) {
        self.fork_rate = 0;
    }

    /// Opens a token account with this amount, in atomic units.
    pub(crate) fn open(&mut self, account: Address, owner: Address, amount: u64) {
        self.accounts.insert(account, TokenAccount { owner, amount, is_frozen: false });
    }

    pub(crate) fn account(&self, address: &Address) -> Option<&TokenAccount> {
        self.accounts.get(address)
    }

    pub(crate) fn freeze(&mut self, address: &Address, is_frozen: bool) {
        if let Some(account) = self.accounts.get_mut(address) {
            account.is_frozen = is_frozen;
        }
    }

    /// Gives a wallet lamports.
    pub(crate) fn fund(&mut self, wallet: Address, lamports: u64) {
        *self.lamports.entry(wallet).or_default() += lamports;
    }

    pub(crate) fn lamports(&self, wallet: &Address) -> u64 {
        self.lamports.get(wallet).copied().unwrap_or_default()
    }

    pub(crate) fn landed(&self, payment: &PaymentId) -> Option<&Landed> {
        self.landed.get(payment)
    }

    /// Returns all transactions on the chain.
    pub(crate) fn all_landed(&self) -> impl Iterator<Item = (&PaymentId, &Landed)> {
        self.landed.iter()
    }

    /// Takes a transaction that a node has sent on. It reaches a leader after some slots, or never.
    ///
    /// Returns whether it is a transaction at all, with all its signatures.
    pub(crate) fn send(&mut self, bytes: &[u8], loss_rate: u32) -> bool {
        let Some(transaction) = Transaction::read(bytes).filter(Transaction::is_signed) else { return false };
        if !self.random.happens(loss_rate) {
            self.wait(Waiting::Payment(Rc::new(transaction)));
        }
        true
    }

    /// Sends a transfer of tokens between two accounts, whose sender pays its fee.
    pub(crate) fn transfer(&mut self, from: Address, to: Address, amount: u64, payer: Address) {
        self.wait(Waiting::Transfer { from, to, amount, payer });
    }

    /// Sends the same by somebody whose transactions nearly always land at once.
    pub(crate) fn transfer_soon(&mut self, from: Address, to: Address, amount: u64, payer: Address) {
        let slots = 1 + self.random.within(0..2);
        self.numbered += 1;
        let what = Waiting::Transfer { from, to, amount, payer };
        self.waiting.insert((self.blocks.tip() + slots, self.numbered), what);
    }

    fn wait(&mut self, what: Waiting) {
        // Most land within two slots, some much later.
        let slots =
            if self.random.happens(8_000) { 1 + self.random.within(0..2) } else { self.random.within(1..40) };
        self.numbered += 1;
        self.waiting.insert((self.blocks.tip() + slots, self.numbered), what);
    }

    /// Puts into the block of this slot what has arrived by then.
    fn fill(&mut self, slot: u64) {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| entry.key().0 <= slot) {
            match entry.remove() {
                Waiting::Payment(transaction) => self.land(&transaction, slot),
                Waiting::Transfer { from, to, amount, payer } => {
                    let Some(lamports) =
                        self.lamports.get_mut(&payer).filter(|it| **it >= SIGNATURE_LAMPORTS)
                    else {
                        continue;
                    };
                    *lamports -= SIGNATURE_LAMPORTS;
                    self.move_tokens(&from, &to, amount);
                }
            }
        }
    }

    fn move_tokens(&mut self, from: &Address, to: &Address, amount: u64) {
        let holds =
            self.accounts.get(from).is_some_and(|account| account.amount >= amount && !account.is_frozen);
        if !holds || !self.accounts.contains_key(to) {
            return;
        }
        if let Some(account) = self.accounts.get_mut(from) {
            account.amount -= amount;
        }
        if let Some(account) = self.accounts.get_mut(to) {
            account.amount += amount;
        }
    }

    /// Puts a transaction into the block of this slot, if it can be there. What counts is the state after the block
    /// before, so a blockhash is still good in the block in which it dies.
    fn land(&mut self, transaction: &Rc<Transaction>, slot: u64) {
        if self.landed(&transaction.id).is_some_and(|landed| landed.slot == slot) {
            return;
        }
        let outcome = self.execute(transaction, slot - 1);
        let Outcome { error, fee: Some(fee), amounts } = outcome else { return };
        if let Some(lamports) = self.lamports.get_mut(&transaction.fee_payer) {
            *lamports -= fee;
        }
        for (address, amount) in amounts {
            if let Some(account) = self.accounts.get_mut(&address) {
                account.amount = amount;
            }
        }
        self.landed
            .insert(transaction.id.clone(), Landed { transaction: Rc::clone(transaction), slot, error });
    }

    /// Undoes blocks that are not final. What had succeeded in a confirmed block lands again, as clusters have done so
    /// far; all else returns to those that wait.
    fn fork(&mut self) {
        let depth = self.random.within(1..FINALIZED_LAG - 1);
        let tip = self.blocks.tip();
        let from = tip.saturating_sub(depth);
        let confirmed = tip.saturating_sub(CONFIRMED_LAG);
        let is_undone =
            |landed: &Landed| landed.slot > from && (landed.error.is_some() || landed.slot > confirmed);
        let undone: Vec<_> = self.landed.extract_if(.., |_, landed| is_undone(landed)).collect();
        for (_, Landed { transaction, error, .. }) in undone {
            *self.lamports.entry(transaction.fee_payer).or_default() += transaction.fee;
            if error.is_none() && transaction.source != transaction.destination {
                self.undo(&transaction);
            }
            if self.random.happens(8_000) {
                self.wait(Waiting::Payment(transaction));
            }
        }
    }

    /// Takes a transfer back, also between accounts that have been frozen since.
    fn undo(&mut self, transaction: &Transaction) {
        if let Some(account) = self.accounts.get_mut(&transaction.destination) {
            account.amount -= transaction.amount;
        }
        if let Some(account) = self.accounts.get_mut(&transaction.source) {
            account.amount += transaction.amount;
        }
    }
}
