//! Kinds of entitlement and fulfilment that nothing sells yet. They are small, but they run. They show what a new kind
//! costs, and prove that the model has room for it.
//!
//! Each has a file here, and variants under `cfg(test)`. The first two share one event, `EntitlementChanged`. Its
//! members are in `event.rs`, its effect in `state.rs`, and the change of the session's record in `index.rs`.

pub(super) mod first_unlock;
pub(super) mod pausing;
mod proxy;
mod rig;

use super::entitlement::Entitlement;
use super::event::Event;
use super::running::Session;
use super::state::StreamState;
use crate::time::Now;

/// Gives the running session another entitlement, with the desired state that follows from it.
fn changed(state: &StreamState, session: &Session, entitlement: Entitlement, now: &Now) -> Vec<Event> {
    let (at, grant) = (now.wall, state.fulfilment.sequence + 1);
    let desired = session.fulfilment.while_running(&entitlement);
    let id = session.id.clone();
    let mut events = vec![Event::EntitlementChanged { session: id, entitlement, grant, at }];
    events.extend(desired.map(|desired| Event::FulfilmentDesired { sequence: grant, desired, at }));
    events
}
