//! How sessions end: at the paid end, when their buyer stops them, and when they cannot be delivered.

use super::event::Event;
use super::fulfilment::{Fulfilment, LockState};
use super::owed::OwedReason;
use super::reject::{IN_FLIGHT_MS, Reject};
use super::running::Session;
use super::state::StreamState;
use crate::ids::SessionId;
use crate::time::{Now, Timestamp};

/// How long the box beside a device may be away without owing anything, in milliseconds.
const AWAY_MS: u64 = 60_000;

/// Locks the device when the paid time is over, or when no clock can tell whether it is.
///
/// It also ends the session, unless an extension in flight may still bring it back. A session whose buyer has stopped, or
/// whose device cannot unlock, ends before its time.
pub(super) fn end_due(state: &StreamState, now: &Now, lost: bool) -> Vec<Event> {
    let Some(session) = &state.session else { return Vec::new() };
    let report = state.fulfilment.reported.as_ref();
    if let Some(moment) = session.stopped_at(report, now.wall) {
        // What was counted as an outage already is not counted again.
        let moment = session.delivery.counted_until.map_or(moment, |counted| counted.max(moment));
        return end(state, session, Some((session.left_at(moment, now), OwedReason::Stopped)), now.wall);
    }
    let gives_up = session.gives_up_at(report).is_some_and(|at| at <= now.wall) && !state.is_extending();
    if !(lost || gives_up || session.is_over(now)) {
        return Vec::new();
    }
    if state.is_extending() {
        return lock(state, now.wall).into_iter().collect();
    }
    end(state, session, undelivered(state, session), now.wall)
}

/// Returns what of a session that ends was not delivered, in milliseconds, and why.
fn undelivered(state: &StreamState, session: &Session) -> Option<(u64, OwedReason)> {
    if session.is_locked_out(state.fulfilment.reported.as_ref()) {
        return Some((session.bought_ms(), OwedReason::DeviceFailed));
    }
    let report = state.fulfilment.reported.as_ref();
    session.is_unclear(report).then(|| (session.bought_ms(), OwedReason::DeviceUnclear))
}

/// Locks the device, owes what was not delivered, and ends the session.
fn end(
    state: &StreamState,
    session: &Session,
    undelivered: Option<(u64, OwedReason)>,
    at: Timestamp,
) -> Vec<Event> {
    let owed = undelivered.and_then(|(ms, reason)| session.owe(ms, reason, at));
    let ended = Event::SessionEnded { session: session.id.clone(), at };
    lock(state, at).into_iter().chain(owed).chain([ended]).collect()
}

fn lock(state: &StreamState, at: Timestamp) -> Option<Event> {
    let open = state.fulfilment.desired.as_ref().filter(|desired| desired.is_open())?;
    Some(Event::desired(state.fulfilment.sequence + 1, open.closed(), at))
}

/// Begins to stop a session for its buyer: orders its device to lock. The session ends once the device says that it has.
///
/// A grant that a door checks without a network cannot be taken back, so a session that has only that cannot be stopped.
pub(super) fn stop(state: &StreamState, id: &SessionId, now: &Now) -> Result<Vec<Event>, Reject> {
    let running = state.session.as_ref().filter(|session| session.id == *id && !session.is_over(now));
    let session = running.ok_or(Reject::SessionOver)?;
    if session.delivery.stop.is_some() {
        return Ok(Vec::new());
    }
    if session.fulfilment != Fulfilment::Lock {
        return Err(Reject::CannotStop);
    }
    if state.is_extending() {
        return Err(Reject::Busy { until: now.wall.plus_millis(IN_FLIGHT_MS) });
    }
    let (at, sequence) = (now.wall, state.fulfilment.sequence + 1);
    let stopped = Event::SessionStopped { session: id.clone(), sequence, at };
    // Nothing was delivered if the device says that it did not unlock.
    if session.is_locked_out(state.fulfilment.reported.as_ref()) {
        let ended = end(state, session, Some((session.bought_ms(), OwedReason::DeviceFailed)), at);
        return Ok([stopped].into_iter().chain(ended).collect());
    }
    let closed = state.fulfilment.ordered().closed();
    Ok(vec![stopped, Event::desired(sequence, closed, at)])
}

/// Ends a session whose asset has no device any more, and owes what is left of it.
pub(super) fn removed(state: &StreamState, now: &Now) -> Vec<Event> {
    let running = |session: &&Session| session.fulfilment == Fulfilment::Lock && !state.is_extending();
    let Some(session) = state.session.as_ref().filter(running) else { return Vec::new() };
    end(state, session, Some((session.left_at(now.wall, now), OwedReason::AssetRemoved)), now.wall)
}

/// Takes in that the host beside the device began anew: what it found the device doing, and since when nobody had worked
/// it.
///
/// The time away is owed only if the device was found locked. Otherwise the buyer may have been inside.
pub(super) fn returned(
    state: &StreamState,
    found: LockState,
    away_since: Timestamp,
    now: &Now,
) -> Vec<Event> {
    let at = now.wall;
    let mut events = Vec::new();
    if let Some(session) = state.session.as_ref().filter(|session| session.fulfilment == Fulfilment::Lock)
        && let Some(ends_at) = session.ends_at()
        && found == LockState::Locked
    {
        let counted = session.delivery.counted_until.unwrap_or(session.starts_at);
        let since = away_since.max(session.starts_at).max(counted);
        let away = at.millis_since(since);
        let missed = ends_at.millis_since(since).saturating_sub(ends_at.millis_since(at));
        events.extend((away > AWAY_MS).then(|| session.owe(missed, OwedReason::Outage, at)).flatten());
    }
    let is_unopened = |session: &Session| {
        session.fulfilment == Fulfilment::Lock
            && session.delivery.opened_at.is_none()
            && !session.delivery.is_doubtful
    };
    if state.fulfilment.broken_since.is_some() || state.session.as_ref().is_some_and(is_unopened) {
        events.push(Event::DeviceReturned { at });
    }
    events
}
