//! A payment that its rail has prepared, and what has to cover it when it is claimed.

use super::balances::Balances;
use super::refusal::Refusal;
use super::svm_exact;
use crate::account::Account;
use crate::money::{Amount, Money};
use crate::session::fee::FeeCheck;
use crate::session::{FundsCheck, Rail};
use crate::time::Timestamp;

/// A payment that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What the claim will keep of it.
    pub rail: Rail,
    /// The balances that the rail saw; `None` if no money is taken.
    pub balances: Option<Balances>,
}

impl Prepared {
    /// Returns why a payment that would succeed now is refused: it might fail a moment later.
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

    /// Returns what has to cover a payment of this amount when it is claimed; `None` if nothing has to.
    ///
    /// `per_day` is what fees may cost in a day, in lamports.
    #[must_use]
    pub(crate) fn funds(
        &self,
        price: &Money,
        payer: &Account,
        per_day: u64,
        at: Timestamp,
    ) -> Option<FundsCheck> {
        let balances = self.balances.as_ref()?;
        let holds = self.rail.holds(price.amount);
        let fee = FeeCheck::new(&holds, price, payer, per_day, at);
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
            fee,
        })
    }
}
