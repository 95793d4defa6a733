//! What tests need: known keys, captured payments, and a test world in which gateways run.
//!
//! Other crates get it with the feature `testkit`, which no product enables.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "it is for tests, which fail where something is not as it should be"
)]

mod audit;
pub mod books;
pub mod claims;
pub mod gateway;
pub mod guards;
pub mod keys;
pub mod ledger;
#[cfg(feature = "oracle")]
pub mod oracle;
pub mod platform;
mod rails;
mod tables;
pub mod vectors;
pub mod world;
