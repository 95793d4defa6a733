//! Compares the core's decoder and verifier with Solana's own crates. What the core accepts, they accept with
//! equal fields. What they accept, the core accepts too, except for the reasons in [`reference::Stricter`].
//!
//! Other crates reach it with the feature `oracle`, which brings the testkit, as `testkit::oracle`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "it is for tests, which fail where something is not as it should be"
)]

pub(crate) mod agreement;
#[cfg(test)]
mod cases;
mod guards;
#[cfg(test)]
mod making;
mod reference;
#[cfg(test)]
mod tests;
