//! The state of one stream, and how each event changes it.

use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::delivery::Stop;
use super::event::Event;
use super::fulfilment::{Fulfilment, FulfilmentState};
use super::owed::OwedReason;
use super::running::Session;
use crate::ids::PaymentId;
use crate::listing::Listing;
use crate::quote::Operation;
use crate::time::{Now, Timestamp};

/// Everything that has to be known of a stream to decide about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamState {
    /// The latest time that this stream has seen. Time never runs backwards here.
    pub last: Timestamp,
    /// When this stream began, in seconds since the epoch; 0 before its first event. A stream that was lost and began
    /// anew has a later one, so that its grants come after all earlier ones.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u64,
    /// The session that occupies the asset.
    pub session: Option<Session>,
    /// The payments in flight, in the order of their claims.
    pub claims: Vec<Claim>,
    /// Whether it has one of the seats of a shared asset.
    #[serde(default, skip_serializing_if = "is_not")]
    pub is_seated: bool,
    /// What the device should be doing, and what it was seen doing.
    pub fulfilment: FulfilmentState,
    /// What the asset is, if it was created by API and not deleted since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing: Option<Listing>,
    /// How many assets of this id were created by API so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u64,
}

const fn is_not(flag: &bool) -> bool {
    !*flag
}

const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How far the wall clock may be behind the latest time that a stream has seen, in milliseconds. A clock that is set
/// now and then falls behind by less.
const MAX_CLOCK_LAG_MS: u64 = 3_600_000;

impl StreamState {
    /// Returns the claim of a payment, if it is in flight.
    #[must_use]
    pub fn claim(&self, payment: &PaymentId) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.payment == *payment)
    }

    /// Returns the clocks as this stream takes them: the wall clock is never behind `last`.
    #[must_use]
    pub(crate) fn clamped_now(&self, now: &Now) -> Now {
        Now { wall: now.wall.max(self.last), mono: now.mono.clone() }
    }

    /// Returns whether no clock can tell how much of the session's time is over.
    ///
    /// That is so if the wall clock is far behind `last`, and the monotonic clock that saw the session begin is gone.
    /// It happens when the wall clock was ahead, the machine restarted, and the wall clock was corrected.
    #[must_use]
    pub(crate) fn is_clock_untrusted(&self, now: &Now) -> bool {
        let behind = self.last.millis_since(now.wall) > MAX_CLOCK_LAG_MS;
        behind
            && self
                .session
                .as_ref()
                .is_some_and(|session| session.entitlement.left_by_monotonic(now).is_none())
    }

    /// Returns whether a device delivers what is sold here, or ever had a desired or a reported state.
    #[must_use]
    pub(crate) fn needs_fulfilment(&self) -> bool {
        let sold = self.claims.iter().map(|claim| claim.fulfilment);
        let mut sold = sold.chain(self.session.as_ref().map(|session| session.fulfilment));
        self.fulfilment.desired.is_some()
            || self.fulfilment.reported.is_some()
            || sold.any(|fulfilment| fulfilment != Fulfilment::None)
    }

    /// Returns whether a payment in flight extends the session.
    #[must_use]
    pub(crate) fn is_extending(&self) -> bool {
        self.claims.iter().any(|claim| matches!(claim.operation, Operation::Extend { .. }))
    }
}

/// Applies an event to the state, and never fails.
///
/// An event about a payment or a session that the state does not have leaves payments and session as they are. No
/// journal that [`decide`](super::decide) has written contains one.
#[must_use]
pub(crate) fn evolve(mut state: StreamState, event: &Event) -> StreamState {
    state.last = state.last.max(event.at());
    if state.epoch == 0 {
        state.epoch = event.at().seconds();
    }
    match event {
        Event::PaymentClaimed(claim) => {
            state.is_seated |= claim.seats.is_some();
            state.claims.push(claim.clone());
        }
        Event::PaymentSubmitted { payment, rail, .. } => {
            if let Some(claim) = state.claims.iter_mut().find(|claim| claim.payment == *payment) {
                claim.rail.clone_from(rail);
            }
        }
        Event::PaymentLanded { payment, .. } | Event::PaymentFailed { payment, .. } => {
            state.claims.retain(|claim| claim.payment != *payment);
        }
        Event::SessionStarted(session) => {
            state.fulfilment.sequence = state.fulfilment.sequence.max(session.grant);
            state.session = Some(session.clone());
        }
        Event::SessionExtended { session: id, entitlement, purchase, fees, grant, .. } => {
            state.fulfilment.sequence = state.fulfilment.sequence.max(*grant);
            if let Some(session) = state.session.as_mut().filter(|session| session.id == *id) {
                session.entitlement.clone_from(entitlement);
                session.purchase.clone_from(purchase);
                session.fees = *fees;
                session.grant = *grant;
            }
        }
        Event::EntitlementChanged { session: id, entitlement, grant, .. } => {
            state.fulfilment.sequence = state.fulfilment.sequence.max(*grant);
            if let Some(session) = state.session.as_mut().filter(|session| session.id == *id) {
                session.entitlement.clone_from(entitlement);
                session.grant = *grant;
            }
        }
        Event::CodeUsed { session: id, .. } => {
            if let Some(session) = state.session.as_mut().filter(|session| session.id == *id) {
                session.codes_used = session.codes_used.saturating_add(1);
            }
        }
        Event::SessionEnded { session: id, .. } => {
            if state.session.as_ref().is_some_and(|session| session.id == *id) {
                state.session = None;
            }
        }
        Event::FulfilmentDesired { sequence, desired, .. } => {
            state.fulfilment.sequence = *sequence;
            state.fulfilment.desired = Some(desired.clone());
        }
        Event::FulfilmentReported(report) => {
            state.fulfilment.report(report.clone());
            if let Some(session) = &mut state.session {
                session.seen(report);
            }
        }
        Event::DeviceReturned { .. } => {
            state.fulfilment.broken_since = None;
            // What the last host had seen may not have been told.
            if let Some(session) = &mut state.session {
                session.delivery.is_doubtful |= session.delivery.opened_at.is_none();
            }
        }
        Event::SessionStopped { session: id, sequence, at } => {
            if let Some(session) = state.session.as_mut().filter(|session| session.id == *id) {
                session.delivery.stop = Some(Stop { sequence: *sequence, at: *at });
            }
        }
        Event::MoneyOwed(owed) => {
            let running = state.session.as_mut().filter(|session| session.id == owed.session);
            // A device might still have unlocked when its buyer stopped.
            let is_stopped = running.as_ref().is_some_and(|session| session.delivery.stop.is_some());
            if owed.reason == OwedReason::DeviceFailed && !is_stopped {
                state.fulfilment.broken_since.get_or_insert(owed.at);
            }
            if let Some(session) = running.filter(|_| owed.payment.is_none()) {
                session.delivery.owe(owed);
            }
        }
        Event::OwedDecided { .. } => {}
        Event::AssetCreated { listing, .. } | Event::AssetChanged { listing, .. } => {
            state.generation = state.generation.max(listing.generation);
            state.listing = Some(listing.clone());
        }
        Event::AssetDeleted { .. } => state.listing = None,
    }
    // A payment that has landed becomes a session in the same append, so the seat is kept between these two events.
    let is_left =
        matches!(event, Event::PaymentFailed { .. } | Event::SessionEnded { .. } | Event::MoneyOwed(_));
    if is_left && state.session.is_none() && state.claims.is_empty() {
        state.is_seated = false;
    }
    state
}
