//! What strangers send, what nodes answer and what an operator writes, each as a target for a fuzzer.
//!
//! A target is a module with a function `check`. It reads bytes as it likes, and panics where something does not hold. The
//! programs in `bin/` hand it the inputs of libFuzzer; the test in `tests/` those of `corpus/`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a target fails where something is not as it should be"
)]

pub mod config;
pub mod guards;
pub mod http;
mod input;
pub mod jws;
mod patched;
pub mod payment_header;
pub mod rpc;
pub mod sign_in;
pub mod ticket;
pub mod transaction;

/// A target's name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 9] = [
    ("config", config::check),
    ("guards", guards::check),
    ("http", http::check),
    ("jws", jws::check),
    ("payment_header", payment_header::check),
    ("rpc", rpc::check),
    ("sign_in", sign_in::check),
    ("ticket", ticket::check),
    ("transaction", transaction::check),
];
