//! The life of a purchase, from claim to expiry, as pure functions.
//!
//! * [`decide`] turns a command into events, or refuses it with a [`Reject`].
//! * [`evolve`] applies an event to the state. It never fails.
//! * [`pending`] says, from the state alone, what is still to be done. Recovery after a crash is therefore the same
//!   code as normal running: load the state, call `pending`, and do what it says.
//!
//! A state belongs to one stream: an exclusive asset, a shared asset's listing, or one session of a shared asset. It
//! holds the running session, the payments in flight, and what the device should be doing. It stays that small however
//! long the stream's history is, because past payments and sessions are in the journal's indexes
//! ([`index`](mod@index)).
//!
//! ```text
//! claimed -> landed  -> session started or extended -> ended
//!         -> failed (purged)
//! ```
//!
//! An exclusive asset that was created by API has its [`Listing`](crate::listing::Listing) in its own state, so that
//! the claim, the price and whether the asset is for sale are decided together. A shared one is sold as the catalogue
//! shows it, so that its sessions need not read another stream.
//!
//! While an extension is in flight, the asset stays reserved for its session even past the session's end. The device is
//! locked then. Money that lands late therefore always finds the session that it was paid for (invariant 2).

mod back_off;
mod batch;
mod claim;
mod decide;
mod decision;
mod delivery;
mod ending;
mod entitlement;
mod event;
pub(crate) mod failure;
pub(crate) mod fee;
mod fulfilment;
pub(crate) mod index;
mod intent;
mod landing;
pub(crate) mod ledger;
mod listing;
mod owed;
mod pending;
mod rail;
mod reject;
mod running;
mod state;
mod undelivered;

pub(crate) use back_off::{FAILURES_COUNTED, PastFailure, waits_until};
pub use batch::Batch;
pub(crate) use batch::{FundsCheck, Snapshot};
pub use claim::{Claim, Purchase};
pub(crate) use decide::precheck;
pub use decide::{Command, decide};
pub(crate) use decision::decide_owed;
pub use decision::{NOTE_BYTES, is_note};
pub use entitlement::Allowance;
#[cfg(test)]
pub(crate) use entitlement::Entitlement;
pub(crate) use entitlement::MAX_SECONDS;
pub(crate) use event::Event;
#[cfg(any(test, feature = "testkit"))]
pub(crate) use fulfilment::Desired;
#[cfg(test)]
pub(crate) use fulfilment::FulfilmentState;
pub use fulfilment::{Fulfilment, LockState, Report, ReportedState};
pub use intent::ClaimRequest;
pub(crate) use intent::Intent;
pub(crate) use landing::Restored;
pub use owed::{Decision, Owed, OwedReason, OwedStatus, Refund};
pub(crate) use pending::{DesiredState, desired_state, desired_state_for_host, pending};
#[cfg(test)]
pub(crate) use rail::LateId;
pub use rail::{Guarded, Landing, Rail, SvmExact};
pub(crate) use reject::Reject;
pub(crate) use running::Session;
pub use state::StreamState;
pub(crate) use state::evolve;

#[cfg(test)]
mod sketches;
#[cfg(test)]
mod tests;
