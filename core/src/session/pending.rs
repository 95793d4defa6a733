//! What is still to be done, from the state alone.

use super::claim::Claim;
use super::fulfilment::Desired;
use super::state::AssetState;
use crate::time::{Now, Timestamp};

/// How long the request that claimed a payment has it to itself, in milliseconds.
/// After that, recovery looks after it too.
const SETTLE_AFTER_MS: u64 = 5_000;

/// How far two clocks may be apart that agree: each is read at its own moment, in whole
/// milliseconds.
const ROUNDING_MS: u64 = 50;

/// What should be so at an asset now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredState {
    /// The order's number.
    pub sequence: u64,
    /// What should be so.
    pub desired: Desired,
}

impl DesiredState {
    /// Returns until when a lock should be unlocked at the latest; `None`: locked.
    #[must_use]
    pub const fn unlocked_until(&self) -> Option<Timestamp> {
        self.desired.unlocked_until()
    }
}

/// What is to be done for an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending<'a> {
    /// Time has brought something about: decide [`Command::Tick`](super::Command::Tick).
    pub tick: bool,
    /// Payments whose outcome is to be asked for, and sent again.
    pub settle: Vec<&'a Claim>,
    /// The order that the device has not reported as carried out.
    pub order: Option<DesiredState>,
    /// When the paid time ends, if a tick will be due then. An unfulfilled order is
    /// the box's to repeat, and has no date.
    pub due: Option<Timestamp>,
    /// When to look after a payment in flight.
    pub unsettled: Option<Timestamp>,
}

/// What should be so at the asset now. Never open past the paid time, even if
/// nobody has decided the session's end yet (invariant 4).
#[must_use]
pub(crate) fn desired_state(state: &AssetState, now: &Now) -> DesiredState {
    let over = state.session.as_ref().is_none_or(|session| session.is_over(now));
    let desired = state.fulfilment.ordered();
    let open_until = desired.open_until().filter(|until| !over && *until > now.wall);
    DesiredState { sequence: state.fulfilment.sequence, desired: desired.until(open_until) }
}

/// The same for the box beside the device, in that box's time. Its clock may be behind
/// what the asset has seen, and what counts is how long the device stays open: never
/// longer than is left of the paid time by any clock that can tell (invariant 4).
#[must_use]
pub(crate) fn desired_state_for_box(state: &AssetState, now: &Now) -> DesiredState {
    let clamped_now = state.clamped_now(now);
    let DesiredState { sequence, desired } = desired_state(state, &clamped_now);
    let lost = state.is_clock_untrusted(now);
    let open_until = desired.open_until().filter(|_| !lost);
    let open_until = open_until.zip(state.session.as_ref()).map(|(until, session)| {
        let left = until.millis_since(clamped_now.wall).min(session.entitlement.left(&clamped_now));
        let by_monotonic = session.entitlement.left_by_monotonic(now);
        let left = by_monotonic.filter(|ms| ms.saturating_add(ROUNDING_MS) < left).unwrap_or(left);
        now.wall.plus_millis(left)
    });
    DesiredState { sequence, desired: desired.until(open_until) }
}

/// Says what is still to be done.
#[must_use]
pub(crate) fn pending<'a>(state: &'a AssetState, now: &Now) -> Pending<'a> {
    let lost = state.is_clock_untrusted(now);
    let now = state.clamped_now(now);
    let over = state.session.as_ref().filter(|session| lost || session.is_over(&now));
    let tick = over.is_some() && (state.fulfilment.is_open() || !state.is_extending());
    let settle_at = |claim: &Claim| claim.at.plus_millis(SETTLE_AFTER_MS);
    let settle = state.claims.iter().filter(|claim| settle_at(claim) <= now.wall).collect();
    let order = desired_state(state, &now);
    let fulfilled =
        state.fulfilment.reported.as_ref().is_some_and(|report| {
            report.sequence == order.sequence && order.desired.is_met_by(report.observed)
        });
    let order = (!fulfilled).then_some(order);
    Pending { tick, settle, order, due: due(state), unsettled: unsettled(state) }
}

/// When time brings something about: the end of the paid time. In the past if it is
/// overdue; `None` while no time runs.
#[must_use]
pub(super) fn due(state: &AssetState) -> Option<Timestamp> {
    let ends = state.fulfilment.is_open() || !state.is_extending();
    state.session.as_ref().filter(|_| ends).and_then(|session| session.entitlement.runs_until())
}

/// When to look after a payment in flight. In the past if it is overdue.
#[must_use]
pub(super) fn unsettled(state: &AssetState) -> Option<Timestamp> {
    state.claims.iter().map(|claim| claim.at.plus_millis(SETTLE_AFTER_MS)).min()
}
