//! What each command does to a stream's state.

use super::claim::{Claim, Purchase};
use super::entitlement::{Allowance, Entitlement};
use super::event::Event;
use super::fulfilment::{Desired, Fulfilment, ReportedState};
use super::intent::{ClaimRequest, Intent};
use super::listing;
use super::rail::{Landing, Rail};
use super::reject::{IN_FLIGHT_MS, Reject};
use super::running::{MAX_CODES, Session};
#[cfg(test)]
use super::sketches;
use super::state::{StreamState, evolve};
use crate::ids::{PaymentId, SessionId};
use crate::listing::Listing;
use crate::quote::Operation;
use crate::time::{Now, Timestamp};

/// What is asked of a stream.
#[derive(Clone, Debug)]
pub enum Command {
    /// Claim a payment.
    Claim(Box<ClaimRequest>),
    /// A payment was sent, and its rail has told more about it.
    Submitted {
        /// The payment's id.
        payment: PaymentId,
        /// What the claim should keep of the payment from now on.
        rail: Box<Rail>,
    },
    /// The payment landed: its money has moved.
    Landed {
        /// The payment's id.
        payment: PaymentId,
        /// What its rail tells of the landing.
        landing: Landing,
    },
    /// The payment can no longer land, or it landed with an error.
    Failed {
        /// The payment's id.
        payment: PaymentId,
        /// One of the stable reasons in `failure`.
        reason: &'static str,
    },
    /// Use a one-time code to show the session on another device.
    UseCode {
        /// The session's id.
        session: SessionId,
        /// How many codes the session had used when this one was made.
        used: u32,
    },
    /// Time has passed, so that something may be over.
    EndDue,
    /// The host beside the device reports what the device is doing.
    Reported(ReportedState),
    /// Create the asset. Its generation is set here, whatever the listing says.
    Create(Box<Listing>),
    /// Change the asset's listing.
    Change {
        /// The listing as the caller has seen it.
        base: Box<Listing>,
        /// The listing as it should be. The generation stays as it is, whatever this says.
        next: Box<Listing>,
    },
    /// Delete the asset.
    Delete,
    /// Pause the session's time. See `sketches/pausing.rs`.
    #[cfg(test)]
    Pause {
        /// The session's id.
        session: SessionId,
    },
    /// Resume the session's time. See `sketches/pausing.rs`.
    #[cfg(test)]
    Resume {
        /// The session's id.
        session: SessionId,
    },
}

/// Returns the events that a command causes in this state; none if there is nothing to do.
///
/// # Errors
/// Returns a `Reject` if the command can't be followed. Only a claim, the use of a code, and the creation, change or
/// deletion of an asset can be refused: what is known of money and devices is always recorded.
pub fn decide(state: &StreamState, command: Command, now: &Now) -> Result<Vec<Event>, Reject> {
    let (mut events, state, now) = let_time_pass(state, now);
    events.extend(match command {
        Command::EndDue => Vec::new(),
        Command::Claim(ask) => claim_payment(&state, *ask, &now)?,
        Command::Submitted { payment, rail } => submitted(&state, payment, *rail, now.wall),
        Command::Landed { payment, landing } => landed(&state, &payment, landing, &now),
        Command::Failed { payment, reason } => failed(&state, &payment, reason, &now),
        Command::UseCode { session, used } => use_code(&state, session, used, now.wall)?,
        Command::Reported(report) => reported(&state, report, now.wall),
        Command::Create(new) => listing::create(&state, *new, now.wall)?,
        Command::Change { base, next } => listing::change(&state, &base, *next, now.wall)?,
        Command::Delete => listing::delete(&state, now.wall)?,
        #[cfg(test)]
        Command::Pause { session } => sketches::pausing::pause(&state, &session, &now)?,
        #[cfg(test)]
        Command::Resume { session } => sketches::pausing::resume(&state, &session, &now)?,
    });
    #[cfg(test)]
    events.extend(sketches::first_unlock::begun(&state, &events, &now));
    Ok(events)
}

/// Refuses a purchase that [`decide`] would not let be claimed in this state.
///
/// It is called before there is a claim, so that a buyer who can't have the asset does not cause a query to the chain.
///
/// # Errors
/// Those of [`decide`] for the claim.
pub(crate) fn precheck(state: &StreamState, intent: &Intent<'_>, now: &Now) -> Result<(), Reject> {
    let (_, state, now) = let_time_pass(state, now);
    ensure_free(&state, intent, &now)
}

/// Lets time pass. Returns the events that this causes, the state after them, and the clocks as the stream takes them.
fn let_time_pass(state: &StreamState, now: &Now) -> (Vec<Event>, StreamState, Now) {
    let lost = state.is_clock_untrusted(now);
    let now = state.clamped_now(now);
    let mut events = end_due(state, &now, lost);
    if events.is_empty() {
        events = retimed(state, &now);
    }
    let state = events.iter().fold(state.clone(), evolve);
    (events, state, now)
}

/// Locks the device when the paid time is over, or when no clock can tell whether it is.
///
/// It also ends the session, unless an extension in flight may still bring it back.
fn end_due(state: &StreamState, now: &Now, lost: bool) -> Vec<Event> {
    let Some(session) = state.session.as_ref().filter(|session| lost || session.is_over(now)) else {
        return Vec::new();
    };
    let mut events = Vec::new();
    if let Some(desired) = state.fulfilment.desired.as_ref().filter(|desired| desired.is_open()) {
        events.push(desired_event(state.fulfilment.sequence + 1, desired.closed(), now.wall));
    }
    if !state.is_extending() {
        events.push(Event::SessionEnded { session: session.id.clone(), at: now.wall });
    }
    events
}

/// Moves the end of the running session on the wall clock, if that clock was set forward past it.
///
/// The session goes on for what is left by the monotonic clock. Its grant is new, because a door without a network goes by
/// the wall clock.
fn retimed(state: &StreamState, now: &Now) -> Vec<Event> {
    let Some(session) = state.session.as_ref() else { return Vec::new() };
    let Some(entitlement) = session.entitlement.retimed(now) else { return Vec::new() };
    entitlement_changed(state, session, entitlement, now)
}

/// Returns the events of an entitlement that changes without a purchase: what the session has now, with a new grant, and
/// what the device does from now on.
pub(super) fn entitlement_changed(
    state: &StreamState,
    session: &Session,
    entitlement: Entitlement,
    now: &Now,
) -> Vec<Event> {
    let (at, grant) = (now.wall, state.fulfilment.sequence + 1);
    let desired = session.fulfilment.while_running(&entitlement);
    let mut events = vec![Event::EntitlementChanged { session: session.id.clone(), entitlement, grant, at }];
    events.extend(desired.map(|desired| desired_event(grant, desired, at)));
    events
}

fn claim_payment(state: &StreamState, ask: ClaimRequest, now: &Now) -> Result<Vec<Event>, Reject> {
    ensure_free(state, &ask.intent(), now)?;
    Ok(vec![Event::PaymentClaimed(Claim { at: now.wall, ..ask.claim })])
}

/// Refuses a purchase that the asset's state or the payer's failures rule out.
fn ensure_free(state: &StreamState, intent: &Intent<'_>, clocks: &Now) -> Result<(), Reject> {
    let now = clocks.wall;
    listing::for_sale(state, intent)?;
    if let Some(until) = intent.waits_until.filter(|until| now < *until) {
        return Err(Reject::BackOff { until });
    }
    let in_flight = now.plus_millis(IN_FLIGHT_MS);
    // A second payment from the same account could make the first one fail.
    let shares_source = |other: &Claim| intent.source.is_some() && other.rail.source() == intent.source;
    if state.claims.iter().any(|other| shares_source(other) || other.payment == *intent.payment) {
        return Err(Reject::Busy { until: in_flight });
    }
    match (intent.operation, &state.session) {
        (Operation::Access, None) if state.claims.is_empty() => Ok(()),
        (Operation::Access, None) => Err(Reject::Busy { until: in_flight }),
        (Operation::Access, Some(session)) if session.payer == *intent.payer => {
            Err(Reject::Yours { session: session.id.clone(), until: session.busy_until(now) })
        }
        (Operation::Access, Some(session)) => Err(Reject::Busy { until: session.busy_until(now) }),
        // A session has one extension in flight at a time, and only while it runs. Each keeps the asset for its
        // session, so a chain of them would keep it for nothing.
        (Operation::Extend { session }, Some(running))
            if running.id == *session && !running.is_over(clocks) =>
        {
            if state.is_extending() {
                return Err(Reject::Busy { until: in_flight });
            }
            ensure_countable(&running.purchase, intent.purchase)
        }
        (Operation::Extend { .. }, _) => Err(Reject::SessionOver),
    }
}

/// Refuses an extension that would make the session longer than any may be, or make its sums overflow.
fn ensure_countable(so_far: &Purchase, more: &Purchase) -> Result<(), Reject> {
    let all = so_far.checked_add(more).map(|all| all.allowance);
    if all.is_some_and(Allowance::is_in_bounds) { Ok(()) } else { Err(Reject::TooLong) }
}

/// Keeps what the rail tells of a payment that was sent.
///
/// What is in flight is counted by what was claimed, so a change of what the payment holds is ignored.
fn submitted(state: &StreamState, payment: PaymentId, rail: Rail, at: Timestamp) -> Vec<Event> {
    let Some(claim) = state.claim(&payment) else { return Vec::new() };
    let amount = claim.purchase.price.amount;
    if claim.rail == rail || claim.rail.holds(amount) != rail.holds(amount) {
        return Vec::new();
    }
    vec![Event::PaymentSubmitted { payment, rail, at }]
}

/// Turns money that has moved into a session or an extension, in the same append (invariant 2).
fn landed(state: &StreamState, payment: &PaymentId, landing: Landing, now: &Now) -> Vec<Event> {
    let Some(claim) = state.claim(payment) else { return Vec::new() };
    let (at, grant) = (now.wall, state.fulfilment.sequence + 1);
    let transaction = landing.transaction().or(claim.rail.transaction()).map(str::to_owned);
    let mut events =
        vec![Event::PaymentLanded { payment: payment.clone(), payer: claim.payer.clone(), landing, at }];
    let (entitlement, fulfilment) = match (&claim.operation, &state.session) {
        (Operation::Extend { session: id }, Some(session)) if session.id == *id => {
            let entitlement = session.entitlement.extended(claim.purchase.allowance, now);
            let purchase = session.purchase.checked_add(&claim.purchase);
            events.push(Event::SessionExtended {
                session: id.clone(),
                entitlement: entitlement.clone(),
                purchase: purchase.unwrap_or_else(|| session.purchase.clone()),
                grant,
                at,
            });
            // A session that was sold before the asset had a device gets the device with its first extension.
            let none = session.fulfilment == Fulfilment::None;
            (entitlement, if none { claim.fulfilment } else { session.fulfilment })
        }
        // The session of an extension can't be gone, because the claim reserves the asset for it. If it were, the buyer
        // would get a session of its own rather than nothing.
        _ => {
            let entitlement = claim.purchase.allowance.begin(now);
            events.push(Event::SessionStarted(Session {
                id: claim.session.clone(),
                payer: claim.payer.clone(),
                starts_at: at,
                entitlement: entitlement.clone(),
                purchase: claim.purchase.clone(),
                codes_used: 0,
                transaction,
                fulfilment: claim.fulfilment,
                epoch: state.epoch,
                grant,
            }));
            (entitlement, claim.fulfilment)
        }
    };
    events.extend(fulfilment.while_running(&entitlement).map(|desired| desired_event(grant, desired, at)));
    events
}

fn failed(state: &StreamState, payment: &PaymentId, reason: &str, now: &Now) -> Vec<Event> {
    let Some(claim) = state.claim(payment) else { return Vec::new() };
    let event = Event::PaymentFailed {
        payment: payment.clone(),
        payer: claim.payer.clone(),
        reason: reason.to_owned(),
        at: now.wall,
    };
    // The last extension of a session that is over may just have failed. Then the session ends now.
    let after = evolve(state.clone(), &event);
    let mut events = vec![event];
    events.extend(end_due(&after, now, false));
    events
}

/// Counts the use of a code, if it is the latest of a running session.
fn use_code(state: &StreamState, session: SessionId, used: u32, at: Timestamp) -> Result<Vec<Event>, Reject> {
    let running = state.session.as_ref().filter(|running| running.id == session);
    match running {
        Some(running) if running.codes_used == used && used < MAX_CODES => {
            Ok(vec![Event::CodeUsed { session, at }])
        }
        _ => Err(Reject::InvalidCode),
    }
}

fn reported(state: &StreamState, report: ReportedState, now: Timestamp) -> Vec<Event> {
    let current = state.fulfilment.reported.as_ref();
    let stale = current.is_some_and(|current| report.sequence < current.sequence);
    let same = current.is_some_and(|c| c.sequence == report.sequence && c.observed == report.observed);
    // A report on a desired state that was never given is not believed.
    if stale || same || report.sequence > state.fulfilment.sequence {
        return Vec::new();
    }
    // A report's time is never in the future here, because that would stop this stream's clock.
    vec![Event::FulfilmentReported(ReportedState { at: report.at.min(now), ..report })]
}

const fn desired_event(sequence: u64, desired: Desired, at: Timestamp) -> Event {
    Event::FulfilmentDesired { sequence, desired, at }
}
