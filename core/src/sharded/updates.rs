//! What the shards of a journal tell each other.

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::ids::{PaymentId, StreamId};
use crate::session::fee::FeeCheck;
use crate::session::{FundsCheck, failure};
use crate::time::Timestamp;

/// What one attempt to claim a payment reserves in one shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub payment: PaymentId,
    /// The stream that claims the payment.
    pub stream: StreamId,
    /// The attempt's random name.
    pub attempt: String,
    pub at: Timestamp,
    /// The payment's cover; only the payer's shard is asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funds: Option<FundsCheck>,
    /// The network's fee; the payer's shard is asked for it first, then the merchant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Fee>,
    /// The seat; only the merchant's shard is asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<Seat>,
}

impl Reservation {
    /// Returns the request that takes this reservation back.
    #[must_use]
    pub fn release(&self) -> Release {
        Release { payment: self.payment.clone(), attempt: self.attempt.clone() }
    }

    /// Returns whether the merchant's shard has nothing to check of this: the payer's trust bears the fee, the sale earns at
    /// least twice its fee, no seat is taken, and no wallet guard of it depends on other fees.
    ///
    /// That shard is told later, because wallet guards of other payments depend on this fee. The message may get lost. Then
    /// such a guard is checked without this fee, until this payment has ended.
    #[must_use]
    pub(crate) fn is_only_told(&self) -> bool {
        let bears = |fee: &Fee| fee.is_trusted && fee.slack.is_none() && fee.check.unprofitable.is_none();
        self.seat.is_none() && self.fee.as_ref().is_some_and(bears)
    }
}

/// A payment's fee, with the limits that it must respect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// What it may cost.
    #[serde(flatten)]
    pub check: FeeCheck,
    /// Whether the payer's trust bears it.
    pub is_trusted: bool,
    /// The gateway's wallet that pays the fee.
    pub fee_payer: Account,
    /// What may still be spent from that wallet before a wallet guard on it fails, in lamports. `None` if no
    /// guard concerns it.
    pub slack: Option<u64>,
}

/// A seat of a shared asset with limited capacity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The asset's key in the journal.
    pub asset: String,
    /// The journal key of the stream that takes the seat.
    pub stream: String,
    /// How many seats the asset has.
    pub of: u64,
}

/// The answer to a request for a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reserved {
    /// The reservation is made and durable.
    Done,
    /// The same; and the payer's trust bears the fee. Only a payer's shard says so.
    Trusted,
    /// Another stream has this payment.
    Elsewhere,
    /// The balance does not cover the payment together with everything in flight from it.
    NotCovered,
    /// A budget for fees would be exceeded.
    OverBudget,
    /// A wallet guard would fail: either the payment's own, because of what is in flight, or the guard of a
    /// payment in flight from the same token account.
    GuardAtRisk,
    /// The asset has no free seat.
    Full,
    /// The payment has ended already: this is a copy of a message from before. Nothing is reserved.
    HasEnded,
}

/// A request to take one attempt's reservation back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub payment: PaymentId,
    pub attempt: String,
}

/// The end of a claimed payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub payment: PaymentId,
    /// When and why it failed; `None` if it landed.
    pub failed: Option<Failed>,
}

impl Ended {
    /// Returns how the payment has ended, as the tables name it; `None` if it never landed.
    #[must_use]
    pub(crate) fn ends(&self) -> Option<&'static str> {
        match &self.failed {
            None => Some("landed"),
            Some(failed) if failed.cost_nothing() => None,
            Some(_) => Some("failed"),
        }
    }
}

/// When and why a payment failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// When the failure was known.
    pub at: Timestamp,
    pub reason: String,
}

impl Failed {
    /// Returns whether the payment never landed, so that it cost no fee.
    #[must_use]
    pub(crate) fn cost_nothing(&self) -> bool {
        failure::cost_nothing(&self.reason)
    }

    /// Returns whether only the payer can have caused the failure.
    #[must_use]
    pub(crate) fn is_bounce(&self) -> bool {
        failure::is_bounce(&self.reason)
    }

    /// Returns whether the payer may have caused the failure.
    #[must_use]
    pub(crate) fn may_be_payers(&self) -> bool {
        failure::may_be_payers(&self.reason)
    }
}

/// What a payer's shard is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayerUpdate {
    pub payer: Account,
    /// The payer's payments that ended.
    pub ended: Vec<Ended>,
    /// The payer's sessions that are new or have changed, as they are now.
    pub sessions: Vec<SessionRow>,
    /// What is owed to the payer.
    pub owed: Vec<OwedRow>,
}

/// What is owed, as in the journal's table `owed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwedRow {
    pub id: String,
    pub payer: Account,
    /// When it became owed, in milliseconds since the epoch.
    pub at: u64,
    /// Whether the owner has something to do about it.
    pub is_open: bool,
    /// Its record as JSON text.
    pub record: String,
}

/// A session, as in the journal's table `session`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    pub id: String,
    pub asset: String,
    pub payer: Account,
    /// When the session began, in milliseconds since the epoch.
    pub starts: u64,
    /// The session's record as JSON text.
    pub record: String,
    /// Half of what it has earned, in lamports; 0 while it runs.
    #[serde(default)]
    pub earned: u64,
    /// The budget that gets as much; `None` while it runs.
    #[serde(default)]
    pub budget: Option<String>,
}

/// What a payment's shard is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentUpdate {
    pub ended: Ended,
    /// The stream that claimed the payment.
    pub stream: StreamId,
    /// When the end was known.
    pub at: Timestamp,
}

/// What the merchant's shard is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantUpdate {
    pub head: Head,
    /// The stream's payments that ended.
    pub ended: Vec<Ended>,
    /// The stream's sessions that are new or have changed, as they are now.
    pub sessions: Vec<SessionRow>,
    /// What became owed in the stream, or was decided about.
    #[serde(default)]
    pub owed: Vec<OwedRow>,
}

/// The current state of a stream, as in the journal's table `head`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The stream's key in the journal.
    pub stream: String,
    pub revision: u64,
    /// The stream's state as JSON text.
    pub state: String,
    /// When the paid time ends, in milliseconds since the epoch.
    pub due: Option<u64>,
    /// When to look after a payment in flight, in milliseconds since the epoch.
    pub unsettled: Option<u64>,
    /// Whether the stream's device has yet to report that it does what it should.
    pub unfulfilled: bool,
}
