//! What a payment's network fee may cost the owner, and which budget bears it.
//!
//! A payment that lands with an error costs its fee payer the fee and earns nothing, and its sender can make that happen.
//! So each payment in flight takes its highest fee out of a budget:
//!
//! * Half of what a wallet's sessions have earned here is its **trust**. While that covers the fee, it bears it. So failing
//!   payments of others do not keep this buyer from what earns enough.
//! * All other payments are **newcomers**. One budget bears the fees of those with wallet guards, one those without.
//! * A payment that lands puts its fee back, and so does one that can no longer land. One that lands with an error does not.
//! * A session earns when it is over: what is not owed back of its price, less its network fees. Before that, its buyer could spend the trust and
//!   then stop. Half of it goes to its wallet's trust, and as much to the budget for payments like the one that started it.
//!   Without that, who lets payments fail all the time would keep every newcomer out.
//! * Who stops leaves at least twice what the payments' fees may have cost. So buying and stopping costs the owner nothing.
//! * A sale that earns less than twice its fee takes the fee also out of the **unprofitable** budget, and leaves it there
//!   if it lands.
//!
//! The three budgets fill again with time. Of what they bear by themselves the owner loses at most
//! `max_fee_lamports_per_day` within 24 hours. What sessions have earned can be lost too: half of it as trust, half of it
//! from a budget. Each half can be lost once, and nothing beyond.

use serde::{Deserialize, Serialize};

use super::rail::Holds;
use crate::account::Account;
use crate::money::{Amount, Money};
use crate::time::Timestamp;

/// US dollars for one SOL, to compare prices with fees. A token counts as one dollar.
///
/// Nothing is fetched, and only the order of magnitude matters. It is above the price of most of SOL's history, so fees are
/// rather taken for too high.
pub const USD_PER_SOL: u64 = 200;
const LAMPORTS_PER_DOLLAR: u128 = 1_000_000_000 / USD_PER_SOL as u128;

/// The most that a payment counts as worth, in lamports. Many of these still add up in an integer of the database.
const MOST_WORTH: u64 = 1_000_000_000_000;

const HOUR_MS: u64 = 3_600_000;

/// How many of the highest fees of a payment `max_fee_lamports_per_day` has at least, so that each budget bears one.
pub(crate) const FEES_PER_DAY: u64 = 52;

/// The budget that bears the fee of a payment from a wallet without enough trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Payments without wallet guards that depend on what else is in flight.
    Newcomers,
    /// Payments with such guards. More people can make those fail.
    NewcomersGuarded,
}

impl Budget {
    /// Returns the name under which the tables have it. It is the same as in JSON.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Newcomers => "newcomers",
            Self::NewcomersGuarded => "newcomers_guarded",
        }
    }

    /// Returns the budget for payments with or without guards that depend on what else is in flight.
    #[must_use]
    pub(crate) const fn of(is_guarded: bool) -> Self {
        if is_guarded { Self::NewcomersGuarded } else { Self::Newcomers }
    }
}

/// How much of a budget may be spent at once, and how fast it fills again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What may be spent at once, in lamports.
    pub most: u64,
    /// What comes back in each period, in lamports.
    pub refill: u64,
    /// The period, in milliseconds.
    pub period: u64,
}

/// What the journal checks of a payment's fee when it is claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeCheck {
    /// The wallet that pays.
    pub payer: Account,
    /// The highest fee, in lamports.
    pub lamports: u64,
    /// When it is claimed.
    pub at: Timestamp,
    /// The budget that bears the fee if the payer's trust does not.
    pub budget: Budget,
    /// The limit of that budget.
    pub newcomers: Limit,
    /// The limit of the unprofitable budget; `None` for a sale that earns at least twice its fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unprofitable: Option<Limit>,
}

impl Limit {
    /// Returns the limit of each budget for newcomers, of what all may cost in a day. They may spend two hours' worth at
    /// once, and get a quarter of the day.
    #[must_use]
    pub(crate) const fn newcomers(per_day: u64) -> Self {
        Self::of(per_day / 4, 2)
    }

    /// Returns the limit of the unprofitable budget, of what all may cost in a day. It may spend twelve hours' worth at
    /// once, and gets half of the day.
    #[must_use]
    const fn unprofitable(per_day: u64) -> Self {
        Self::of(per_day / 2, 12)
    }

    /// Returns the limit with which `lamports` can be spent in 24 hours: `burst` hours' worth at once, and the rest as
    /// time passes.
    const fn of(lamports: u64, burst: u64) -> Self {
        let hours = 24 + burst;
        Self { most: lamports * burst / hours, refill: lamports, period: hours * HOUR_MS }
    }

    /// Returns how much has come back after this many milliseconds, in lamports.
    #[must_use]
    pub(crate) const fn refilled(self, ms: u64) -> u64 {
        let ms = if ms < self.period { ms } else { self.period };
        match self.refill.saturating_mul(ms).checked_div(self.period) {
            Some(lamports) => lamports,
            None => 0,
        }
    }

    /// Returns how long it takes until this much has come back, in milliseconds.
    #[must_use]
    pub(crate) const fn refill_ms(self, lamports: u64) -> u64 {
        match lamports.saturating_mul(self.period).checked_div(self.refill) {
            Some(ms) => ms,
            None => self.period,
        }
    }
}

impl FeeCheck {
    /// Returns what has to be checked of a payment that holds this; `None` if it costs the gateway nothing.
    ///
    /// `per_day` is `max_fee_lamports_per_day`.
    #[must_use]
    pub(crate) fn new(
        holds: &Holds,
        price: &Money,
        payer: &Account,
        per_day: u64,
        at: Timestamp,
    ) -> Option<Self> {
        let fee = holds.fee.as_ref()?;
        let worth = worth(price);
        let is_profitable = worth >= fee.amount.saturating_mul(2);
        Some(Self {
            payer: payer.clone(),
            lamports: fee.amount,
            at,
            budget: Budget::of(is_guarded(holds)),
            newcomers: Limit::newcomers(per_day),
            unprofitable: (!is_profitable).then(|| Limit::unprofitable(per_day)),
        })
    }

    /// Returns the same check with only half of the newcomers' budget.
    ///
    /// What is refused with half and taken with all has to pass another simulation first.
    #[must_use]
    pub(crate) fn with_half(self) -> Self {
        let newcomers = Limit { most: self.newcomers.most / 2, ..self.newcomers };
        Self { newcomers, ..self }
    }
}

/// What the fees of a session's payments may have cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionFees {
    /// The sum of the highest fees, in lamports.
    pub lamports: u64,
    /// The budget for payments like the one that started the session.
    pub budget: Budget,
}

impl SessionFees {
    /// Returns the fee of a payment that holds this; `None` if it costs the gateway nothing.
    #[must_use]
    pub(super) fn of(holds: &Holds) -> Option<Self> {
        let fee = holds.fee.as_ref()?;
        Some(Self { lamports: fee.amount, budget: Budget::of(is_guarded(holds)) })
    }

    /// Returns the fees of a session with one more payment.
    #[must_use]
    pub(super) fn with(fees: Option<Self>, more: Option<Self>) -> Option<Self> {
        let Some(fees) = fees else { return more };
        let lamports = fees.lamports.saturating_add(more.map_or(0, |more| more.lamports));
        Some(Self { lamports, ..fees })
    }

    /// Returns the least that a session has to earn in a token with so many decimals, in atomic units: twice its fees.
    #[must_use]
    pub(super) fn least(self, decimals: u8) -> Amount {
        let lamports = u128::from(self.lamports) * 2;
        let unit = 10u128.checked_pow(decimals.into());
        let atomic = unit
            .and_then(|unit| lamports.checked_mul(unit))
            .map(|atomic| atomic.div_ceil(LAMPORTS_PER_DOLLAR));
        Amount::new(atomic.and_then(|atomic| u64::try_from(atomic).ok()).unwrap_or(u64::MAX))
    }
}

/// What a session has earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earned {
    /// Half of what it is worth, in lamports.
    pub lamports: u64,
    /// The budget that gets as much as the trust of the session's payer.
    pub budget: Budget,
}

impl Earned {
    /// Returns what a session has earned, of what is kept of its price and what its fees cost.
    #[must_use]
    pub(super) fn of(fees: SessionFees, kept: &Money) -> Self {
        // The network took the fees of what has landed.
        Self { lamports: worth(kept).saturating_sub(fees.lamports) / 2, budget: fees.budget }
    }
}

/// Returns whether a payment has wallet guards that depend on what else is in flight.
fn is_guarded(holds: &Holds) -> bool {
    let is_fee_guarded = holds.fee.as_ref().is_some_and(|fee| fee.guarded);
    is_fee_guarded || holds.source.as_ref().is_some_and(|source| source.exclusive)
}

/// Returns what money counts as worth, in lamports.
fn worth(price: &Money) -> u64 {
    let lamports = u128::from(price.amount.atomic()) * LAMPORTS_PER_DOLLAR;
    let worth = 10u128.checked_pow(price.decimals.into()).map_or(0, |unit| lamports / unit);
    u64::try_from(worth).unwrap_or(MOST_WORTH).min(MOST_WORTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Amount;
    use crate::session::rail::FeeHold;
    use crate::testkit::keys;

    #[test]
    fn a_budget_has_the_same_name_in_json_and_in_the_tables() {
        for budget in [Budget::Newcomers, Budget::NewcomersGuarded] {
            assert_eq!(serde_json::to_value(budget).unwrap(), budget.name());
        }
    }

    fn money(atomic: u64, decimals: u8) -> Money {
        Money {
            network: "solana:x".to_owned(),
            token: keys::account(7),
            amount: Amount::new(atomic),
            decimals,
        }
    }

    fn check(atomic: u64, fee: u64) -> FeeCheck {
        let fee = Some(FeeHold { payer: keys::account(9), amount: fee, guarded: false });
        let holds = Holds { source: None, fee };
        let at = Timestamp::from_millis(1);
        FeeCheck::new(&holds, &money(atomic, 6), &keys::account(1), 100_000_000, at).unwrap()
    }

    #[test]
    fn a_dollar_is_worth_five_million_lamports_whatever_its_decimals_inv_5() {
        for decimals in [0u8, 2, 6, 9, 18] {
            let dollar = 10u64.checked_pow(decimals.into()).unwrap();
            assert_eq!(worth(&money(dollar, decimals)), 5_000_000);
        }
        assert_eq!(worth(&money(u64::MAX, 0)), MOST_WORTH);
        assert_eq!(worth(&money(u64::MAX, 255)), 0);
    }

    #[test]
    fn only_a_sale_that_earns_twice_its_fee_costs_the_unprofitable_budget_nothing_inv_5() {
        // 0.004 USDC is worth 20,000 lamports.
        assert_eq!(check(4_000, 10_000).unprofitable, None);
        assert!(check(3_999, 10_000).unprofitable.is_some());
    }

    #[test]
    fn what_a_stop_leaves_is_worth_twice_the_fees_and_no_more_inv_5() {
        for (lamports, decimals, least) in
            [(12_000, 6, 4_800), (10_001, 6, 4_001), (5_000, 0, 1), (10_000, 9, 4_000_000)]
        {
            let fees = SessionFees { lamports, budget: Budget::Newcomers };
            assert_eq!(fees.least(decimals), Amount::new(least));
            assert!(worth(&money(least, decimals)) >= 2 * lamports);
            assert!(worth(&money(least - 1, decimals)) < 2 * lamports);
        }
        let fees = SessionFees { lamports: u64::MAX, budget: Budget::Newcomers };
        assert_eq!(fees.least(u8::MAX), Amount::new(u64::MAX), "then nothing is given back");
    }

    #[test]
    fn all_budgets_together_let_no_more_go_in_a_day_than_the_owner_has_allowed_inv_5() {
        for per_day in [FEES_PER_DAY * 20_000, 100_000_000, 10_000_000_000] {
            let in_a_day = |limit: Limit| limit.most + limit.refill * (24 * HOUR_MS) / limit.period;
            let newcomers = in_a_day(Limit::newcomers(per_day));
            assert!(2 * newcomers + in_a_day(Limit::unprofitable(per_day)) <= per_day);
            assert!(newcomers >= per_day / 4 - 30, "and nearly all of it");
        }
    }

    #[test]
    fn the_smallest_budget_bears_the_highest_fee_of_a_payment() {
        for fee in [10_000, 10_001, 20_000, 10_000_000] {
            assert!(Limit::newcomers(FEES_PER_DAY * fee).most >= fee);
            assert!(Limit::unprofitable(FEES_PER_DAY * fee).most >= fee);
        }
    }

    #[test]
    fn a_fee_comes_back_with_time() {
        let limit = Limit::newcomers(100_000_000);
        assert_eq!(limit.refill_ms(limit.refill), limit.period);
        assert_eq!(limit.refill_ms(10_000), 37_440, "some 38 s for a fee");
        assert_eq!(Limit { refill: 0, ..limit }.refill_ms(1), limit.period);
    }
}
