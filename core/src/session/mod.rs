//! The life of what was bought, from claim to expiry, as a pure decider.
//!
//! * [`decide`] says what a command means in a state: events, or a [`Reject`].
//! * [`evolve`] is what an event does to the state; it is total.
//! * [`pending`] says, from the state alone, what is still to be done. Recovery
//!   after a crash is the same code as normal running: load, `pending`, carry out.
//!
//! One aggregate is one stream: an exclusive asset, or one session of a shared asset. Its state says who is inside, which
//! payments are in flight for it, and what whoever fulfils it should be doing. It stays as small as that, whatever the
//! stream's history; what is past is kept in the journal's indexes ([`index`](mod@index)).
//!
//! ```text
//! claimed -> landed  -> session started or extended -> ended
//!         -> failed (purged)
//! ```
//!
//! An asset that was made by API has its [`Listing`](crate::listing::Listing) in its own
//! state, so that what it costs and whether it is for sale is decided with the claim. A
//! shared one is sold as the catalogue has it, so that its sessions ask nobody.
//!
//! While an extension is in flight the asset stays reserved for its session, even
//! past the session's end (the device is locked then): so money that lands late
//! always finds the session that it was paid for (invariant 2).

mod batch;
mod claim;
mod decide;
mod entitlement;
mod event;
pub(crate) mod failure;
mod fulfilment;
pub(crate) mod index;
mod intent;
mod listing;
mod pending;
mod rail;
mod reject;
mod running;
mod state;

pub use batch::Batch;
pub(crate) use batch::{FundsCheck, Snapshot};
pub use claim::{Claim, Purchase};
pub use decide::{Command, decide};
pub(crate) use decide::{FAILURES_ALLOWED, precheck};
pub use entitlement::Allowance;
#[cfg(test)]
pub(crate) use entitlement::Entitlement;
pub(crate) use entitlement::MAX_SECONDS;
#[cfg(any(test, feature = "testkit"))]
pub(crate) use event::Event;
#[cfg(any(test, feature = "testkit"))]
pub(crate) use fulfilment::Desired;
#[cfg(test)]
pub(crate) use fulfilment::FulfilmentState;
pub use fulfilment::{Fulfilment, LockState, ReportedState};
pub use intent::ClaimRequest;
pub(crate) use intent::Intent;
pub(crate) use pending::{DesiredState, desired_state, desired_state_for_box, pending};
#[cfg(test)]
pub(crate) use rail::LateId;
pub use rail::{Guarded, Landing, Rail, SvmExact};
pub(crate) use reject::Reject;
pub(crate) use running::Session;
pub use state::AssetState;
#[cfg(any(test, feature = "testkit"))]
pub(crate) use state::evolve;

#[cfg(test)]
mod sketches;
#[cfg(test)]
mod tests;
