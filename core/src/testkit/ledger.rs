//! The test world's chain: its payments, and the balances of the paying accounts.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::ids::PaymentId;
use crate::ports::Outcome;
use crate::session::{Claim, Landing};
use crate::svm::Address;
use crate::time::Timestamp;

/// How long a fork may still undo an error, in milliseconds.
const FINAL_MS: u64 = 13_000;

/// A payment on the chain.
#[derive(Clone, Copy, Debug)]
pub struct Landed {
    /// When it was first sent, in milliseconds since the epoch.
    at: u64,
    /// What it moved or would have moved, in atomic units.
    amount: u64,
    /// Whether it landed with an error, because the account held too little by then.
    failed: bool,
}

impl Landed {
    /// Returns whether it has moved money, at this moment or later; in milliseconds since the epoch.
    pub const fn moved_since(self, since: u64) -> bool {
        !self.failed && self.at >= since
    }

    /// Returns when it landed.
    pub const fn at(self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }

    /// Returns what a node reports about it at this moment.
    pub fn outcome(self, now: u64) -> Outcome {
        match self.failed {
            false => Outcome::Landed(Landing::SvmExact { slot: 1 }),
            true if now < self.at + FINAL_MS => Outcome::Unclear,
            true => Outcome::Failed { reason: "invalid_exact_svm_transaction_failed" },
        }
    }
}

/// The chain's books.
#[derive(Default)]
pub struct Ledger {
    landed: RefCell<BTreeMap<PaymentId, Landed>>,
    /// The balance of each account, in atomic units. An account without an entry has more than enough.
    balances: RefCell<BTreeMap<Address, u64>>,
}

impl Ledger {
    /// Returns the payment with this id, if it is on the chain.
    pub fn landed(&self, payment: &PaymentId) -> Option<Landed> {
        self.landed.borrow().get(payment).copied()
    }

    /// Returns how many payments have moved money, or how many have failed.
    pub fn count(&self, failed: bool) -> usize {
        self.landed.borrow().values().filter(|landed| landed.failed == failed).count()
    }

    /// Gives an account exactly this much, in atomic units.
    pub fn fund(&self, account: Address, amount: u64) {
        self.balances.borrow_mut().insert(account, amount);
    }

    /// Returns what an account holds, in atomic units.
    pub fn balance(&self, account: &Address) -> u64 {
        self.balances.borrow().get(account).copied().unwrap_or(u64::MAX)
    }

    /// Returns what each payment has moved, in atomic units.
    pub fn moved(&self) -> BTreeMap<PaymentId, u64> {
        let landed = self.landed.borrow();
        let moved = landed.iter().filter(|(_, landed)| !landed.failed);
        moved.map(|(id, landed)| (id.clone(), landed.amount)).collect()
    }

    /// Adds a payment that came from elsewhere.
    pub fn put(&self, payment: PaymentId, amount: u64) {
        self.landed.borrow_mut().insert(payment, Landed { at: 0, amount, failed: false });
    }

    /// Executes a payment once: it moves money, or lands with an error.
    pub fn execute(&self, claim: &Claim, amount: u64, now: u64) {
        if self.landed(&claim.payment).is_some() {
            return;
        }
        let left = self.balance(&claim.rail.exact().source).checked_sub(amount);
        if let (Some(left), Some(balance)) =
            (left, self.balances.borrow_mut().get_mut(&claim.rail.exact().source))
        {
            *balance = left;
        }
        let landed = Landed { at: now, amount, failed: left.is_none() };
        self.landed.borrow_mut().insert(claim.payment.clone(), landed);
    }
}
