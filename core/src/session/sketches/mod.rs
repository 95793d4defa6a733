//! Kinds of entitlement and fulfilment that nothing sells yet. They are small, but they run. They show what a new kind
//! costs, and prove that the model has room for it.
//!
//! Each has a file here, and variants under `cfg(test)`. The first two use the event `EntitlementChanged`, which is also
//! written when the wall clock was set.

pub(super) mod first_unlock;
pub(super) mod pausing;
mod proxy;
mod rig;

use super::decide::entitlement_changed as changed;
