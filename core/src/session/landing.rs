//! What becomes of a payment that has landed.

use super::claim::Claim;
use super::delivery::Delivery;
use super::ending::end_due;
use super::event::Event;
use super::fee::SessionFees;
use super::fulfilment::Fulfilment;
use super::owed::{Owed, OwedReason};
use super::rail::Landing;
use super::running::Session;
use super::state::{StreamState, evolve};
use crate::ids::{OwedId, PaymentId};
use crate::quote::Operation;
use crate::time::{Now, Timestamp};

/// How late the outcome of a payment may be known, in milliseconds since its claim: the least and the most. In between it
/// is a tenth of the time that was bought.
const LATE_MS: (u64, u64) = (120_000, 3_600_000);

/// A payment that has landed, and whose record the journal has lost.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The claim as it would have been, at this moment.
    pub claim: Claim,
    /// When the payment landed, or the latest moment at which it can have.
    pub landed_at: Timestamp,
    pub landing: Landing,
    /// The generation of the asset's listing that it was quoted for.
    pub generation: u64,
    /// Whether it may buy something: the asset is still there and has a seat.
    pub may_start: bool,
}

/// Turns money that has moved into a session or an extension, or owes it, in the same append (invariant 2).
pub(super) fn landed(
    state: &StreamState,
    payment: &PaymentId,
    landing: Landing,
    is_awaited: bool,
    now: &Now,
) -> Vec<Event> {
    let Some(claim) = state.claim(payment) else { return Vec::new() };
    carried_out(state, claim, landing, use_of(state, claim, is_awaited, now), now)
}

/// Takes in a payment that has landed although the journal had no claim of it: its record was lost. Writes the claim and
/// what becomes of the payment.
///
/// It never starts a session that takes something away from another payment, nor one that nobody expects any more.
pub(super) fn restored(state: &StreamState, lost: Restored, now: &Now) -> Vec<Event> {
    let Restored { claim, landing, landed_at, may_start, .. } = lost;
    if state.claim(&claim.payment).is_some() {
        return Vec::new();
    }
    let event = Event::PaymentClaimed(claim.clone());
    let after = evolve(state.clone(), &event);
    // It is as late as it would have been then. Its record is of now, so that the stream does not begin in the past.
    let then = Claim { at: landed_at, ..claim.clone() };
    let used = match use_of(&after, &then, false, now) {
        Use::None(_) => Use::None(OwedReason::JournalLost),
        _ if !may_start => Use::None(OwedReason::JournalLost),
        used => used,
    };
    let landed = carried_out(&after, &claim, landing, used, now);
    [event].into_iter().chain(landed).collect()
}

/// Returns the events of a claimed payment that has landed and is used like this.
fn carried_out(state: &StreamState, claim: &Claim, landing: Landing, used: Use<'_>, now: &Now) -> Vec<Event> {
    let transaction = landing.transaction().or(claim.rail.transaction()).map(str::to_owned);
    let mut events = vec![Event::PaymentLanded {
        payment: claim.payment.clone(),
        payer: claim.payer.clone(),
        landing,
        at: now.wall,
    }];
    match used {
        Use::Start => events.extend(started(state, claim, transaction, now)),
        Use::Extend(session) => events.extend(extended(state, claim, session, now)),
        Use::None(reason) => {
            events.push(owed(claim, reason, now.wall));
            // The extension may have kept a session that is over.
            let after = events.iter().fold(state.clone(), evolve);
            events.extend(end_due(&after, now, false));
        }
    }
    events
}

/// What a payment that has landed can be used for.
enum Use<'s> {
    /// It starts a session.
    Start,
    /// It extends this session.
    Extend(&'s Session),
    /// Nothing, so that it is owed.
    None(OwedReason),
}

/// Returns what a payment can be used for now.
///
/// Nobody waits for a session whose payment is known to have landed only minutes after it was claimed, unless its buyer asks
/// for it at this moment. A session that still runs can be extended all the same.
fn use_of<'s>(state: &'s StreamState, claim: &Claim, is_awaited: bool, now: &Now) -> Use<'s> {
    let bought_ms = claim.purchase.allowance.seconds().unwrap_or(0).saturating_mul(1_000);
    let late = now.wall.millis_since(claim.at) > (bought_ms / 10).clamp(LATE_MS.0, LATE_MS.1) && !is_awaited;
    match (&claim.operation, &state.session) {
        (Operation::Access, None) if late => Use::None(OwedReason::TooLate),
        (Operation::Access, None) => Use::Start,
        (Operation::Extend { session: id }, Some(session)) if session.id == *id => {
            if late && session.is_over(now) { Use::None(OwedReason::TooLate) } else { Use::Extend(session) }
        }
        // A claim reserves the asset for its payment, so this can't happen. If it did, nobody else's session is taken away.
        (Operation::Access, Some(_)) | (Operation::Extend { .. }, _) => Use::None(OwedReason::GatewayError),
    }
}

/// Returns the event that owes a whole payment.
fn owed(claim: &Claim, reason: OwedReason, at: Timestamp) -> Event {
    Event::MoneyOwed(Owed {
        id: OwedId::of_payment(&claim.payment, &claim.session),
        session: claim.session.clone(),
        payment: Some(claim.payment.clone()),
        payer: claim.payer.clone(),
        source: claim.rail.source(),
        money: claim.purchase.price.clone(),
        reason,
        refund: claim.refund,
        undelivered_ms: 0,
        at,
    })
}

fn fees(claim: &Claim) -> Option<SessionFees> {
    SessionFees::of(&claim.rail.holds(claim.purchase.price.amount))
}

fn started(state: &StreamState, claim: &Claim, transaction: Option<String>, now: &Now) -> Vec<Event> {
    let (at, grant) = (now.wall, state.fulfilment.sequence + 1);
    let entitlement = claim.purchase.allowance.begin(now);
    let desired = claim.fulfilment.while_running(&entitlement);
    let session = Session {
        id: claim.session.clone(),
        payer: claim.payer.clone(),
        starts_at: at,
        entitlement,
        purchase: claim.purchase.clone(),
        codes_used: 0,
        transaction,
        fulfilment: claim.fulfilment,
        source: claim.rail.source(),
        fees: fees(claim),
        refund: claim.refund,
        delivery: Delivery::default(),
        epoch: state.epoch,
        grant,
    };
    let desired = desired.map(|desired| Event::desired(grant, desired, at));
    [Event::SessionStarted(session)].into_iter().chain(desired).collect()
}

fn extended(state: &StreamState, claim: &Claim, session: &Session, now: &Now) -> Vec<Event> {
    let (at, grant) = (now.wall, state.fulfilment.sequence + 1);
    let entitlement = session.entitlement.extended(claim.purchase.allowance, now);
    let purchase = session.purchase.checked_add(&claim.purchase);
    // A session that was sold before the asset had a device gets the device with its first extension.
    let none = session.fulfilment == Fulfilment::None;
    let fulfilment = if none { claim.fulfilment } else { session.fulfilment };
    let desired = fulfilment.while_running(&entitlement).map(|desired| Event::desired(grant, desired, at));
    let event = Event::SessionExtended {
        session: session.id.clone(),
        entitlement,
        purchase: purchase.unwrap_or_else(|| session.purchase.clone()),
        fees: SessionFees::with(session.fees, fees(claim)),
        grant,
        at,
    };
    [event].into_iter().chain(desired).collect()
}
