//! Coinop as a Spin component: WASI on one side, the core on the other.
//!
//! It has two exports: HTTP (`wasi:http/incoming-handler`), and the device controller (`wit/device.wit`),
//! which Spin ignores and `coinop serve` calls.
#![cfg(target_arch = "wasm32")]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod blockhash;
mod controller;
mod deployment;
mod fetch;
mod hooks;
mod http;
mod platform;
mod runtime;
mod sql;
