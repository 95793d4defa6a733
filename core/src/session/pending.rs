//! What is still to be done for a stream, from its state alone.

use super::claim::Claim;
use super::ending::end_due;
use super::fulfilment::Desired;
use super::state::StreamState;
use crate::time::{Now, Timestamp};

/// How long only the request that claimed a payment looks after it, in milliseconds. After that, recovery does so too.
const SETTLE_AFTER_MS: u64 = 5_000;

/// The greatest difference between two clocks that still counts as none, in milliseconds. They are read at different
/// moments, and in whole milliseconds.
const ROUNDING_MS: u64 = 50;

/// What an asset's device should be doing now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredState {
    /// The desired state's number; the higher one rules.
    pub sequence: u64,
    pub desired: Desired,
}

impl DesiredState {
    /// Returns until when a lock should be unlocked at the latest; `None` means locked.
    #[must_use]
    pub const fn unlocked_until(&self) -> Option<Timestamp> {
        self.desired.unlocked_until()
    }
}

/// What is to be done for a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending<'a> {
    /// Whether something is over, so that [`Command::EndDue`](super::Command::EndDue) has to be decided.
    pub end_due: bool,
    /// Payments whose outcome has to be looked up, and which are sent again if it is unclear.
    pub settle: Vec<&'a Claim>,
    /// The desired state, if the device has not been reported to follow it.
    pub unmet: Option<DesiredState>,
    /// When the paid time ends, if the end is still to be decided. A desired state that is not followed yet has no date here,
    /// because the host beside the device repeats it.
    pub due: Option<Timestamp>,
    /// When to look after a payment in flight; `None` if there is none.
    pub unsettled: Option<Timestamp>,
}

/// Returns what the device should be doing now.
///
/// It is never open past the paid time, even if nothing has ended the session yet (invariant 4).
#[must_use]
pub(crate) fn desired_state(state: &StreamState, now: &Now) -> DesiredState {
    let over = state.session.as_ref().is_none_or(|session| session.is_over(now));
    let desired = state.fulfilment.ordered();
    // Where the monotonic clock measures the session, a wall clock that was set past its end says nothing.
    let measured =
        state.session.as_ref().is_some_and(|session| session.entitlement.measured_left(now).is_some());
    let open_until = desired.open_until().filter(|until| !over && (measured || *until > now.wall));
    DesiredState { sequence: state.fulfilment.sequence, desired: desired.until(open_until) }
}

/// Returns what the device should be doing now, in the time of the host beside it.
///
/// The host's clock may be behind what the asset has seen, or may have been set. What counts is how long the device stays
/// open: for what is left of the paid time by the monotonic clock, and by the wall clock if that one is gone (invariant 4).
#[must_use]
pub(crate) fn desired_state_for_host(state: &StreamState, now: &Now) -> DesiredState {
    let clamped_now = state.clamped_now(now);
    let DesiredState { sequence, desired } = desired_state(state, &clamped_now);
    let lost = state.is_clock_untrusted(now);
    let open_until = desired.open_until().filter(|_| !lost);
    let open_until = open_until.zip(state.session.as_ref()).map(|(until, session)| {
        let left = until.millis_since(clamped_now.wall).min(session.entitlement.left(&clamped_now));
        let by_monotonic = session.entitlement.measured_left(now);
        let left = by_monotonic.filter(|ms| ms.abs_diff(left) > ROUNDING_MS).unwrap_or(left);
        now.wall.plus_millis(left)
    });
    DesiredState { sequence, desired: desired.until(open_until) }
}

/// Returns what is still to be done.
#[must_use]
pub(crate) fn pending<'a>(state: &'a StreamState, now: &Now) -> Pending<'a> {
    let lost = state.is_clock_untrusted(now);
    let shown = now.wall;
    let now = state.clamped_now(now);
    let end_due = !end_due(state, &now, lost).is_empty();
    let is_due = |claim: &&Claim| {
        now.wall.millis_since(claim.at).max(shown.overdue_since(claim.at)) >= SETTLE_AFTER_MS
    };
    let settle = state.claims.iter().filter(is_due).collect();
    let desired = desired_state(state, &now);
    let fulfilled = state.fulfilment.reported.as_ref().is_some_and(|report| {
        report.sequence == desired.sequence && desired.desired.is_met_by(report.observed)
    });
    let unmet = (!fulfilled).then_some(desired);
    Pending { end_due, settle, unmet, due: due(state), unsettled: unsettled(state) }
}

/// Returns when the paid time ends, if the end is still to be decided. The moment may be in the past.
///
/// `None` means that no time runs, or that an extension is in flight for a session that holds nothing open.
#[must_use]
pub(super) fn due(state: &StreamState) -> Option<Timestamp> {
    let session = state.session.as_ref()?;
    let is_extending = state.is_extending();
    let report = state.fulfilment.reported.as_ref();
    let ends = Some(session.entitlement.runs_until()).filter(|_| state.fulfilment.is_open() || !is_extending);
    let gives_up = Some(session.gives_up_at(report)).filter(|_| !is_extending);
    [ends, gives_up, Some(session.stops_at(report))].into_iter().flatten().flatten().min()
}

/// Returns when to look after a payment in flight; `None` if there is none. The moment is in the past if it is overdue.
#[must_use]
pub(super) fn unsettled(state: &StreamState) -> Option<Timestamp> {
    state.claims.iter().map(|claim| claim.at.plus_millis(SETTLE_AFTER_MS)).min()
}
