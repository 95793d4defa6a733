//! What the shards of a journal tell each other.

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::ids::{PaymentId, StreamId};
use crate::session::{FundsCheck, failure};
use crate::time::Timestamp;

/// What one attempt to claim a payment wants to be sure of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The payment.
    pub payment: PaymentId,
    /// In which stream.
    pub stream: StreamId,
    /// Names this attempt; random.
    pub attempt: String,
    /// When it is made.
    pub at: Timestamp,
    /// What has to cover the payment (asked of the payer's shard).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funds: Option<FundsCheck>,
    /// What it costs our fee payer (asked of the merchant's shard).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Fee>,
    /// The seat that it takes (asked of the merchant's shard).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<Seat>,
}

impl Reservation {
    /// Takes it back.
    #[must_use]
    pub fn release(&self) -> Release {
        Release { payment: self.payment.clone(), attempt: self.attempt.clone() }
    }
}

/// A fee of a day, in lamports, and what it must fit into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// The UTC day, in days since the epoch.
    pub day: u64,
    /// The fee.
    pub lamports: u64,
    /// The budget of the day, for all fee payers together.
    pub budget: u64,
    /// The wallet of ours that pays it.
    pub fee_payer: Account,
    /// What may still be spent from that wallet before a wallet guard on it fails. `None` if no guard speaks of it.
    pub slack: Option<u64>,
}

/// A seat of a shared asset of limited capacity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The asset's key in the journal.
    pub asset: String,
    /// The key of the stream that takes it.
    pub stream: String,
    /// How many there are.
    pub of: u64,
}

/// What came of asking for a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reserved {
    /// It is reserved, durably.
    Done,
    /// Another stream has this payment.
    Elsewhere,
    /// The balance does not cover it beside everything in flight from there.
    NotCovered,
    /// The day's budget is spent.
    OverBudget,
    /// A wallet guard of the payment would fail beside what is in flight, or one in flight from the same token account
    /// would.
    GuardAtRisk,
    /// As many sessions of the asset run as may.
    Full,
}

/// Takes one attempt's reservation back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The payment.
    pub payment: PaymentId,
    /// The attempt.
    pub attempt: String,
}

/// What became of a payment that was claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The payment.
    pub payment: PaymentId,
    /// When it was known that it failed, and why; `None` if it landed.
    pub failed: Option<Failed>,
}

/// A payment that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// When that was known.
    pub at: Timestamp,
    /// The reason.
    pub reason: String,
}

impl Failed {
    /// Whether it never landed, and so cost no fee.
    #[must_use]
    pub(crate) fn cost_nothing(&self) -> bool {
        failure::cost_nothing(&self.reason)
    }
}

/// What a payer's shard is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayerUpdate {
    /// The payer.
    pub payer: Account,
    /// Payments of this payer that ended.
    pub ended: Vec<Ended>,
    /// Sessions of this payer that are new or have changed, as they stand now.
    pub sessions: Vec<SessionRow>,
}

/// A session: a row of the journal's `session`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Its id.
    pub id: String,
    /// When it began, in milliseconds since the epoch.
    pub starts: u64,
    /// Its record, as JSON text.
    pub record: String,
}

/// What the shard of a payment is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentUpdate {
    /// What became of it.
    pub ended: Ended,
    /// In which stream.
    pub stream: StreamId,
    /// When that was known.
    pub at: Timestamp,
}

/// What the merchant's shard is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantUpdate {
    /// Where the stream stands.
    pub head: Head,
    /// Payments that ended.
    pub ended: Vec<Ended>,
}

/// Where a stream stands: a row of the journal's `head`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The stream's key in the journal.
    pub stream: String,
    /// Its revision.
    pub revision: u64,
    /// Its state, as JSON text.
    pub state: String,
    /// When its paid time ends, in milliseconds since the epoch.
    pub due: Option<u64>,
    /// When to look after a payment in flight.
    pub unsettled: Option<u64>,
    /// Whether its device has not reported yet.
    pub unfulfilled: bool,
}
