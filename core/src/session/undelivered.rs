//! What a session's device reports, and what of the session is owed back.
//!
//! Only what is known for certain is owed: the device says that it did not unlock, or that it is locked again. Where the
//! device may have been open, time counts as delivered. Otherwise a buyer could cut the wire and stay inside.

use super::event::Event;
use super::fulfilment::{Fulfilment, LockState, ReportedState};
use super::owed::{Owed, OwedReason};
use super::running::Session;
use crate::ids::OwedId;
use crate::money::{Amount, Money};
use crate::pricing;
use crate::time::{Now, Timestamp};

/// After how long a device that says that it cannot unlock is given up, in milliseconds since the session began.
const GIVE_UP_MS: u64 = 30_000;

/// How long a device that answers but does not lock may still count against a buyer who has stopped, in milliseconds.
const CANNOT_LOCK_MS: u64 = 60_000;

/// How long a device may take to unlock before the session counts as not opened, in milliseconds.
const OPENS_WITHIN_MS: u64 = 10_000;

impl Session {
    /// Takes in what the session's device reports.
    pub(super) fn seen(&mut self, report: &ReportedState) {
        if self.delivery.opened_at.is_some() || !self.is_reported_by(report) {
            return;
        }
        match report.lock() {
            LockState::Unlocked => self.delivery.opened_at = Some(report.at),
            LockState::Unknown if !report.failed => self.delivery.is_doubtful = true,
            LockState::Locked | LockState::Unknown => {}
        }
    }

    /// Returns whether a report is about this session: by the desired state that it answers, or by when it was seen. An
    /// extension may give the session a new desired state before the first one was answered.
    fn is_reported_by(&self, report: &ReportedState) -> bool {
        report.sequence >= self.grant || report.at >= self.starts_at
    }

    /// Returns whether the session's device has never let its buyer in, and says so.
    #[must_use]
    pub(super) fn is_locked_out(&self, report: Option<&ReportedState>) -> bool {
        let failed = |report: &ReportedState| report.failed && self.is_reported_by(report);
        self.fulfilment == Fulfilment::Lock
            && self.delivery.opened_at.is_none()
            && !self.delivery.is_doubtful
            && report.is_some_and(failed)
    }

    /// Returns whether the session's device may have let its buyer in or not: it has not answered, or not for certain.
    #[must_use]
    pub(super) fn is_unclear(&self, report: Option<&ReportedState>) -> bool {
        let answered = report.is_some_and(|report| self.is_reported_by(report));
        self.fulfilment == Fulfilment::Lock
            && self.delivery.opened_at.is_none()
            && (self.delivery.is_doubtful || !answered)
    }

    /// Returns when to give up a device that says that it cannot unlock; `None` if it does not say so.
    #[must_use]
    pub(super) fn gives_up_at(&self, report: Option<&ReportedState>) -> Option<Timestamp> {
        let is_stopped = self.delivery.stop.is_some();
        (!is_stopped && self.is_locked_out(report)).then(|| self.starts_at.plus_millis(GIVE_UP_MS))
    }

    /// Returns whether an extension has to be refused, because the device has not let the buyer in by now.
    #[must_use]
    pub(super) fn is_not_opened(&self, report: Option<&ReportedState>, now: Timestamp) -> bool {
        let late = now.millis_since(self.starts_at) >= OPENS_WITHIN_MS;
        let unanswered = self.delivery.opened_at.is_none() && report.is_some();
        self.fulfilment == Fulfilment::Lock
            && (self.is_locked_out(report) || self.delivery.is_doubtful || (late && unanswered))
    }

    /// Returns from when a stop counts: from the device's report that it is locked, or a while after the order if it
    /// answers that it is not. `None` while it has not answered, because the buyer may still be inside.
    #[must_use]
    pub(super) fn stopped_at(&self, report: Option<&ReportedState>, now: Timestamp) -> Option<Timestamp> {
        let stop = self.delivery.stop?;
        let report = report.filter(|report| report.sequence >= stop.sequence)?;
        match report.lock() {
            LockState::Locked => Some(report.at.max(stop.at)),
            LockState::Unlocked => Some(stop.at.plus_millis(CANNOT_LOCK_MS)).filter(|at| *at <= now),
            LockState::Unknown => None,
        }
    }

    /// Returns when a stop is to be looked at, if the device answers that it is not locked.
    #[must_use]
    pub(super) fn stops_at(&self, report: Option<&ReportedState>) -> Option<Timestamp> {
        let stop = self.delivery.stop?;
        let answers =
            |report: &ReportedState| report.sequence >= stop.sequence && report.lock() == LockState::Unlocked;
        report.is_some_and(answers).then(|| stop.at.plus_millis(CANNOT_LOCK_MS))
    }

    /// Returns how much of the paid time had not passed at `moment`, in milliseconds.
    #[must_use]
    pub(super) fn left_at(&self, moment: Timestamp, now: &Now) -> u64 {
        let left = match self.entitlement.left(now) {
            0 => self.ends_at().map_or(0, |end| end.millis_since(moment)),
            left => left.saturating_add(now.wall.millis_since(moment)),
        };
        left.min(self.bought_ms())
    }

    /// Returns how much time was bought in all, in milliseconds.
    #[must_use]
    pub(super) fn bought_ms(&self) -> u64 {
        self.purchase.allowance.seconds().unwrap_or(0).saturating_mul(1_000)
    }

    /// Returns what of the price is not owed back.
    #[must_use]
    pub(crate) fn kept(&self) -> Money {
        let Money { amount, .. } = &self.purchase.price;
        let kept = amount.atomic().saturating_sub(self.delivery.owed.atomic());
        Money { amount: Amount::new(kept), ..self.purchase.price.clone() }
    }

    /// Returns the event that owes what `more_ms` milliseconds have cost that were not delivered; `None` if that is nothing.
    ///
    /// What is earned is what the delivered time costs, rounded up as every price is. After a stop it is at least twice the
    /// network fees.
    #[must_use]
    pub(super) fn owe(&self, more_ms: u64, reason: OwedReason, at: Timestamp) -> Option<Event> {
        let bought = self.bought_ms();
        let undelivered_ms = self.delivery.undelivered_ms.saturating_add(more_ms).min(bought);
        let price = &self.purchase.price;
        let mut earned = pricing::part(price.amount, bought - undelivered_ms, bought);
        if reason == OwedReason::Stopped {
            earned = earned.max(self.fees.map_or(Amount::ZERO, |fees| fees.least(price.decimals)));
        }
        let all = price.amount.atomic().saturating_sub(earned.atomic());
        let amount = Amount::new(all.saturating_sub(self.delivery.owed.atomic()));
        (amount > Amount::ZERO).then(|| {
            Event::MoneyOwed(Owed {
                id: OwedId::of_session(&self.id, self.delivery.times_owed),
                session: self.id.clone(),
                payment: None,
                payer: self.payer.clone(),
                source: self.source.clone(),
                money: Money { amount, ..price.clone() },
                reason,
                refund: self.refund,
                undelivered_ms,
                at,
            })
        })
    }
}
