//! The state of one asset, and what each event does to it.

use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::ids::{PaymentId, SessionId};
use crate::listing::Listing;
use crate::money::Amount;
use crate::quote::{Operation, TicketId};
use crate::svm::Address;
use crate::time::{Monotonic, Now, Timestamp};

/// What was bought and for how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// Units.
    pub quantity: u64,
    /// How long they last, in seconds.
    pub seconds: u64,
    /// What they cost.
    pub amount: Amount,
    /// In which mint.
    pub mint: Address,
    /// The mint's decimals.
    pub decimals: u8,
}

/// The durable reservation of one payment, made before any money moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The payment.
    pub payment: PaymentId,
    /// What it is for.
    pub operation: Operation,
    /// The session that it will start or extend.
    pub session: SessionId,
    /// What was quoted.
    pub paid: Paid,
    /// The ticket's name, where there was a ticket: whoever shows the ticket again is the buyer.
    pub ticket: Option<TicketId>,
    /// Who pays.
    pub payer: Address,
    /// From which token account.
    pub source: Address,
    /// The transaction with all signatures, base64: what is sent, again and again
    /// the same bytes.
    pub transaction: String,
    /// The transaction's id (our signature, base58): known before it is sent.
    pub signature: String,
    /// The block height at which the blockhash was seen valid: beyond this + 150
    /// the transaction can't land any more.
    pub height: u64,
    /// The wallet of ours that pays the network's fee.
    pub fee_payer: Address,
    /// What it costs our fee payer at most, in lamports.
    pub fee_lamports: u64,
    /// What its wallet guards depend on.
    #[serde(default, skip_serializing_if = "Guarded::is_nothing")]
    pub guarded: Guarded,
    /// When it was claimed.
    pub at: Timestamp,
}

/// What the wallet guards of a payment depend on, as far as other payments could break them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarded {
    /// The paying token account: no other payment may be in flight from it.
    pub source: bool,
    /// The least balance that our fee payer must have, in lamports.
    pub fee_payer_floor: Option<u64>,
}

impl Guarded {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// A session that occupies the asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Who paid for it.
    pub payer: Address,
    /// The moment of the grant.
    pub starts_at: Timestamp,
    /// The end of the paid time.
    pub ends_at: Timestamp,
    /// The same end on the monotonic clock of the boot in which it was set: it
    /// holds when the wall clock jumps back.
    pub deadline: Option<Monotonic>,
    /// Everything bought so far.
    pub paid: Paid,
    /// The transaction that started it.
    pub signature: String,
}

impl Session {
    /// Whether the paid time is over: by the wall clock, or by the monotonic
    /// clock if it is the one that saw the session begin (invariant 4).
    #[must_use]
    pub fn is_over(&self, now: &Now) -> bool {
        now.wall >= self.ends_at || self.left_by_monotonic(now) == Some(0)
    }

    /// What is left of the paid time by the monotonic clock, in milliseconds; `None` if
    /// it is not the one that saw the session begin.
    #[must_use]
    pub fn left_by_monotonic(&self, now: &Now) -> Option<u64> {
        let (deadline, mono) = (self.deadline.as_ref()?, now.mono.as_ref()?);
        (deadline.boot == mono.boot).then(|| deadline.ms.saturating_sub(mono.ms))
    }
}

/// What a device was last seen doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LockState {
    /// It is locked.
    Locked,
    /// It is unlocked.
    Unlocked,
    /// No answer, or one that can't be believed. Never read it as locked.
    Unknown,
}

impl LockState {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Unlocked => "unlocked",
            Self::Unknown => "unknown",
        }
    }

    /// Whether this is what an order asked for.
    #[must_use]
    pub const fn fulfils(self, unlocked: bool) -> bool {
        matches!((self, unlocked), (Self::Unlocked, true) | (Self::Locked, false))
    }
}

/// What the box beside the device says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The order that it answers.
    pub sequence: u64,
    /// What the device does.
    pub state: LockState,
    /// When that was seen.
    pub at: Timestamp,
}

/// What the device should be doing, and what it was last seen doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceState {
    /// Counts the orders; the latest rules.
    pub sequence: u64,
    /// Unlocked until then at the latest; `None`: locked.
    pub unlocked_until: Option<Timestamp>,
    /// The last report.
    pub reported: Option<Report>,
}

/// All that has to be known of an asset to decide about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetState {
    /// The latest moment that this asset has seen: time never runs backwards here.
    pub last: Timestamp,
    /// Who occupies it.
    pub session: Option<Session>,
    /// Payments in flight.
    pub claims: Vec<Claim>,
    /// The device.
    pub device: DeviceState,
    /// What the asset is, if it was made by API and not deleted since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing: Option<Listing>,
    /// How many assets of this id were made by API so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub incarnation: u64,
}

const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How far the wall clock may be behind what an asset has seen, in milliseconds: a clock
/// that is set now and then is.
const LOST_MS: u64 = 3_600_000;

impl AssetState {
    /// The claim of this payment, if it is in flight.
    #[must_use]
    pub fn claim(&self, payment: &PaymentId) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.payment == *payment)
    }

    /// The clocks as this asset takes them: the wall never behind what it has seen.
    #[must_use]
    pub fn steady(&self, now: &Now) -> Now {
        Now { wall: now.wall.max(self.last), mono: now.mono.clone() }
    }

    /// Whether nobody can tell how much of the session's time is over: the wall clock is
    /// far behind what this asset has seen, and the monotonic clock that saw the session
    /// begin is gone. (A clock was ahead, the machine was started anew, and the clock is
    /// right again.)
    #[must_use]
    pub fn has_lost_its_time(&self, now: &Now) -> bool {
        let behind = self.last.millis_since(now.wall) > LOST_MS;
        behind && self.session.as_ref().is_some_and(|session| session.left_by_monotonic(now).is_none())
    }

    /// Whether payments are in flight that extend the session.
    #[must_use]
    pub fn is_extending(&self) -> bool {
        self.claims.iter().any(|claim| matches!(claim.operation, Operation::Extend { .. }))
    }
}

/// What an event does to the state. Total: an event that does not fit (which no
/// journal written by [`decide`](super::decide) contains) changes nothing it can't.
#[must_use]
pub fn evolve(mut state: AssetState, event: &Event) -> AssetState {
    state.last = state.last.max(event.at());
    match event {
        Event::PaymentClaimed(claim) => state.claims.push(claim.clone()),
        Event::PaymentLanded { payment, .. } | Event::PaymentFailed { payment, .. } => {
            state.claims.retain(|claim| claim.payment != *payment);
        }
        Event::SessionStarted(session) => state.session = Some(session.clone()),
        Event::SessionExtended { session: id, ends_at, deadline, paid, .. } => {
            if let Some(session) = state.session.as_mut().filter(|session| session.id == *id) {
                session.ends_at = *ends_at;
                session.deadline.clone_from(deadline);
                session.paid.clone_from(paid);
            }
        }
        Event::SessionEnded { session: id, .. } => {
            if state.session.as_ref().is_some_and(|session| session.id == *id) {
                state.session = None;
            }
        }
        Event::DeviceOrdered { sequence, unlocked_until, .. } => {
            state.device.sequence = *sequence;
            state.device.unlocked_until = *unlocked_until;
        }
        Event::DeviceReported(report) => state.device.reported = Some(report.clone()),
        Event::AssetCreated { listing, .. } | Event::AssetChanged { listing, .. } => {
            state.incarnation = state.incarnation.max(listing.incarnation);
            state.listing = Some(listing.clone());
        }
        Event::AssetDeleted { .. } => state.listing = None,
    }
    state
}
