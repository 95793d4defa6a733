//! A payment that its rail has made ready, and what it is held against when it is claimed.

use super::balances::Balances;
use super::refusal::Refusal;
use super::svm_exact;
use crate::money::Amount;
use crate::session::{FundsCheck, Rail};

/// A payment that can be sent, and what its rail saw when it made it ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What its rail keeps of it.
    pub rail: Rail,
    /// What is left where money is taken from; `None` where none is taken.
    pub balances: Option<Balances>,
}

impl Prepared {
    /// Returns why the payment is refused although it would succeed now: it might not a moment later.
    ///
    /// `has_bought` says whether a payment of this payer has ever bought something.
    #[must_use]
    pub(crate) fn risk(&self, has_bought: bool) -> Option<Refusal> {
        let balances = self.balances.as_ref()?;
        match &self.rail {
            Rail::SvmExact(payment) => svm_exact::risk(payment, balances, has_bought),
            #[cfg(test)]
            Rail::LateId(_) | Rail::Unpaid => None,
        }
    }

    /// Returns what has to cover the payment of this amount when it is claimed; `None` where nothing has to.
    ///
    /// `budget` is what our fee payers may spend in a day.
    #[must_use]
    pub(crate) fn funds(&self, amount: Amount, budget: u64) -> Option<FundsCheck> {
        let balances = self.balances.as_ref()?;
        let holds = self.rail.holds(amount);
        let floor = match &self.rail {
            Rail::SvmExact(payment) => payment.guarded.fee_payer_floor,
            #[cfg(test)]
            Rail::LateId(_) | Rail::Unpaid => None,
        };
        let source = holds.source.as_ref();
        Some(FundsCheck {
            amount: source.map_or(Amount::ZERO, |source| source.amount),
            remaining: balances.remaining,
            exclusive: source.is_some_and(|source| source.exclusive),
            source: holds.source.map(|source| source.account),
            fee_payer: holds.fee.map(|fee| fee.payer),
            slack: floor.map(|floor| balances.fee_payer.saturating_sub(floor)),
            budget,
        })
    }
}
