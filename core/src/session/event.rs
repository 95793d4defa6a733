//! What happened, in its one canonical encoding.
//!
//! An event is written once and must be readable for ever: members are only ever
//! added, with a default; a new meaning is a new event.

use serde::{Deserialize, Serialize};

use super::index::{self, IndexChange};
use super::pending::pending;
use super::state::{AssetState, Claim, Paid, Report, Session, evolve};
use crate::ids::{AssetId, PaymentId, SessionId};
use crate::listing::Listing;
use crate::money::Amount;
use crate::svm::Address;
use crate::time::{Monotonic, Now, Timestamp};

/// Something that happened to an asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A payment is reserved for this asset. No money has moved yet.
    PaymentClaimed(Claim),
    /// The chain shows the payment.
    PaymentLanded {
        /// Which.
        payment: PaymentId,
        /// Who paid.
        payer: Address,
        /// The slot in which it landed.
        slot: u64,
        /// When that was seen.
        at: Timestamp,
    },
    /// The payment can't land any more, or landed with an error: nobody was charged.
    PaymentFailed {
        /// Which.
        payment: PaymentId,
        /// Who would have paid.
        payer: Address,
        /// A stable reason.
        reason: String,
        /// When that was known.
        at: Timestamp,
    },
    /// A session began.
    SessionStarted(Session),
    /// A session was extended.
    SessionExtended {
        /// Which.
        session: SessionId,
        /// The new end.
        ends_at: Timestamp,
        /// The new end on the monotonic clock.
        deadline: Option<Monotonic>,
        /// Everything bought so far.
        paid: Paid,
        /// When.
        at: Timestamp,
    },
    /// A session is over.
    SessionEnded {
        /// Which.
        session: SessionId,
        /// When that was decided; the paid time ended at the session's end.
        at: Timestamp,
    },
    /// The device is to do something else from now on.
    DeviceOrdered {
        /// The order's number.
        sequence: u64,
        /// Unlocked until then at the latest; `None`: locked.
        unlocked_until: Option<Timestamp>,
        /// When.
        at: Timestamp,
    },
    /// The device was seen doing something else than before.
    DeviceReported(Report),
    /// The asset was made by API.
    AssetCreated {
        /// What it is.
        listing: Listing,
        /// When.
        at: Timestamp,
    },
    /// The asset was changed by API.
    AssetChanged {
        /// What it is from now on.
        listing: Listing,
        /// When.
        at: Timestamp,
    },
    /// The asset was deleted by API. Nobody was inside, and no payment was in flight.
    AssetDeleted {
        /// When.
        at: Timestamp,
    },
}

impl Event {
    /// When it happened.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::PaymentClaimed(claim) => claim.at,
            Self::SessionStarted(session) => session.starts_at,
            Self::DeviceReported(report) => report.at,
            Self::PaymentLanded { at, .. }
            | Self::PaymentFailed { at, .. }
            | Self::SessionExtended { at, .. }
            | Self::SessionEnded { at, .. }
            | Self::DeviceOrdered { at, .. }
            | Self::AssetCreated { at, .. }
            | Self::AssetChanged { at, .. }
            | Self::AssetDeleted { at } => *at,
        }
    }
}

/// The version of the encoding that is written.
const ENCODING: u8 = 1;

/// What has to cover a payment that is claimed: the journal refuses the claim unless the
/// balance is enough for all that is in flight from there at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// The account that pays.
    pub source: Address,
    /// What the payment takes from it.
    pub amount: Amount,
    /// What could still be paid from it after this payment alone.
    pub left: Amount,
    /// Whether no other payment may be in flight from the account, because a wallet guard speaks of it.
    pub exclusive: bool,
    /// The wallet of ours that pays the fee.
    pub fee_payer: Address,
    /// What may still be spent from that wallet before a wallet guard on it fails, in lamports. `None` if no
    /// guard speaks of it.
    pub slack: Option<u64>,
    /// What our fee payers may spend on the payment's day, with all payments, in lamports.
    pub budget: u64,
}

/// What one append writes: the events, the state after them, what changes in the
/// indexes, and when something is due next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The version of the encoding: 1.
    pub v: u8,
    /// What happened.
    pub events: Vec<Event>,
    /// The state after it.
    pub state: AssetState,
    /// What changes in the indexes.
    pub index: Vec<IndexChange>,
    /// When the paid time ends, if somebody is inside.
    pub due: Option<Timestamp>,
    /// When to look after a payment in flight, if there is one.
    pub unsettled: Option<Timestamp>,
    /// Whether the device still has to report that it does what it should.
    pub unfulfilled: bool,
    /// What has to cover the payment that is claimed here, if one is. It is held against
    /// the journal and not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<Cover>,
}

impl Batch {
    /// The batch of these events, which happened to `before`. `None` if there are none.
    #[must_use]
    pub fn new(asset: &AssetId, before: &AssetState, events: Vec<Event>, now: &Now) -> Option<Self> {
        if events.is_empty() {
            return None;
        }
        let state = events.iter().fold(before.clone(), evolve);
        let index = index::changes(asset, before, &state, &events);
        let pending = pending(&state, now);
        let (due, unsettled) = (pending.due, pending.unsettled);
        let unfulfilled = pending.order.is_some();
        Some(Self { v: ENCODING, events, state, index, due, unsettled, unfulfilled, cover: None })
    }

    /// The same, to be written only if the paying balance covers what is claimed.
    #[must_use]
    pub fn covered_by(self, cover: Option<Cover>) -> Self {
        Self { cover, ..self }
    }
}

/// A state as the journal holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// How many batches there are; 0 for an asset that nothing has happened to.
    pub revision: u64,
    /// The state after them.
    pub state: AssetState,
}
