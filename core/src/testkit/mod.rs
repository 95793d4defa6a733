//! What the core's tests need: known keys, captured payments, and a small world to run a gateway in.

mod audit;
pub(crate) mod guards;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod platform;
pub(crate) mod vectors;
pub(crate) mod world;
