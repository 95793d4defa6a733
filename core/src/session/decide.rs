//! What each command does to a stream's state.

use super::claim::{Claim, Purchase};
use super::ending::{self, end_due, returned};
use super::entitlement::{Allowance, Entitlement};
use super::event::Event;
use super::fulfilment::{Fulfilment, LockState, ReportedState};
use super::intent::{ClaimRequest, Intent};
use super::landing::{Restored, landed, restored};
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
        /// Whether its buyer asks for it at this moment, so that it cannot be too late.
        is_awaited: bool,
    },
    /// The payment landed, and the journal has lost its claim.
    Restore(Box<Restored>),
    /// The payment can no longer land, or it landed with an error.
    Failed {
        /// The payment's id.
        payment: PaymentId,
        /// One of the stable reasons in `failure`.
        reason: &'static str,
    },
    /// Stop a session for its buyer.
    Stop {
        /// The session's id.
        session: SessionId,
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
    /// The host beside the device began anew. It reports this before anything else.
    Returned {
        /// What it found the device doing.
        found: LockState,
        /// Since when no host had worked the device.
        away_since: Timestamp,
    },
    /// The asset has no device any more, or is gone from the configuration.
    DeviceRemoved,
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
    if let Command::Returned { found, away_since } = command {
        return Ok(returned(state, found, away_since, now));
    }
    let (mut events, state, now) = let_time_pass(state, now);
    events.extend(match command {
        Command::EndDue => Vec::new(),
        Command::Claim(ask) => claim_payment(&state, *ask, &now)?,
        Command::Submitted { payment, rail } => submitted(&state, payment, *rail, now.wall),
        Command::Landed { payment, landing, is_awaited } => {
            landed(&state, &payment, landing, is_awaited, &now)
        }
        Command::Restore(lost) => {
            let ask =
                ClaimRequest { claim: lost.claim.clone(), waits_until: None, generation: lost.generation };
            // It buys only what it could buy now.
            let may_start = lost.may_start && ensure_free(&state, &ask.intent(), &now).is_ok();
            restored(&state, Restored { may_start, ..*lost }, &now)
        }
        Command::Failed { payment, reason } => failed(&state, &payment, reason, &now),
        Command::Stop { session } => ending::stop(&state, &session, &now)?,
        Command::DeviceRemoved => ending::removed(&state, &now),
        // It is decided above, before time passes.
        Command::Returned { .. } => Vec::new(),
        Command::UseCode { session, used } => use_code(&state, session, used, now.wall)?,
        Command::Reported(report) => reported(&state, report, &now),
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

/// Moves the end of the running session on the wall clock, if that clock was set forward past it.
///
/// The session goes on for what is left by the monotonic clock. Its grant is new, because a door without a network goes by
/// the wall clock.
fn retimed(state: &StreamState, now: &Now) -> Vec<Event> {
    let running = state.session.as_ref().filter(|session| session.delivery.stop.is_none());
    let Some(session) = running else { return Vec::new() };
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
    events.extend(desired.map(|desired| Event::desired(grant, desired, at)));
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
    let needs_device = |fulfilment| fulfilment == Fulfilment::Lock && state.fulfilment.is_out_of_order();
    let unreachable = Reject::unreachable(now);
    match (intent.operation, &state.session) {
        (Operation::Access, None) if state.claims.is_empty() && needs_device(intent.fulfilment) => {
            Err(unreachable)
        }
        (Operation::Access, None) if state.claims.is_empty() => Ok(()),
        (Operation::Access, None) => Err(Reject::Busy { until: in_flight }),
        (Operation::Access, Some(session)) if session.payer == *intent.payer => {
            Err(Reject::Yours { session: session.id.clone(), until: session.busy_until(now) })
        }
        (Operation::Access, Some(session)) => Err(Reject::Busy { until: session.busy_until(now) }),
        // A session has one extension in flight at a time, and only while it runs. Each keeps the asset for its
        // session, so a chain of them would keep it for nothing.
        (Operation::Extend { session }, Some(running))
            if running.id == *session && !running.is_over(clocks) && running.delivery.stop.is_none() =>
        {
            if state.is_extending() {
                return Err(Reject::Busy { until: in_flight });
            }
            if needs_device(running.fulfilment)
                || running.is_not_opened(state.fulfilment.reported.as_ref(), now)
            {
                return Err(unreachable);
            }
            if !running.purchase.price.is_like(&intent.purchase.price) {
                return Err(Reject::OtherToken);
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

fn reported(state: &StreamState, report: ReportedState, now: &Now) -> Vec<Event> {
    let current = state.fulfilment.reported.as_ref();
    let stale = current.is_some_and(|current| report.sequence < current.sequence);
    let is_same = |current: &ReportedState| {
        (current.sequence, current.observed, current.failed)
            == (report.sequence, report.observed, report.failed)
    };
    let same = current.is_some_and(is_same);
    // A report on a desired state that was never given is not believed.
    if stale || same || report.sequence > state.fulfilment.sequence {
        return Vec::new();
    }
    // A report's time is never in the future here, because that would stop this stream's clock.
    let event = Event::FulfilmentReported(ReportedState { at: report.at.min(now.wall), ..report });
    // The buyer may have stopped, and now the device says that it is locked.
    let after = evolve(state.clone(), &event);
    let mut events = vec![event];
    events.extend(end_due(&after, now, false));
    events
}
