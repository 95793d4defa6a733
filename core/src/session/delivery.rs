//! How far a session has been delivered, as it is kept with the session.

use serde::{Deserialize, Serialize};

use super::owed::{Owed, OwedReason};
use crate::money::Amount;
use crate::time::Timestamp;

/// How far a session has been delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// When the device was first seen unlocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    /// Whether the device may have been open although it was never seen so.
    #[serde(default, skip_serializing_if = "is_not")]
    pub is_doubtful: bool,
    /// The buyer's order to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// How much of the paid time was not delivered, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub undelivered_ms: u64,
    /// Up to when the time without a host was counted as not delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_until: Option<Timestamp>,
    /// What of the price is owed back, or may be.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub owed: Amount,
    /// How often something became owed.
    #[serde(default, skip_serializing_if = "is_never")]
    pub times_owed: u32,
}

/// A buyer's order to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The number of the desired state that locks the device.
    pub sequence: u64,
    pub at: Timestamp,
}

const fn is_not(flag: &bool) -> bool {
    !*flag
}

const fn is_zero(ms: &u64) -> bool {
    *ms == 0
}

const fn is_never(times: &u32) -> bool {
    *times == 0
}

fn is_nothing(amount: &Amount) -> bool {
    *amount == Amount::ZERO
}

impl Delivery {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Takes in what becomes owed of the session.
    pub(super) fn owe(&mut self, owed: &Owed) {
        self.undelivered_ms = self.undelivered_ms.max(owed.undelivered_ms);
        if owed.reason == OwedReason::Outage {
            self.counted_until = Some(owed.at);
        }
        self.owed = self.owed.checked_add(owed.money.amount).unwrap_or(self.owed);
        self.times_owed = self.times_owed.saturating_add(1);
    }
}
