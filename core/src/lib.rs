//! core
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod config;
pub mod encoding;
pub mod gateway;
pub mod grant;
pub mod http;
pub mod ids;
pub mod jws;
pub mod keys;
pub mod money;
pub mod ports;
pub mod pricing;
pub mod quote;
pub mod session;
pub mod settlement;
pub mod sign_in;
pub mod store;
pub mod svm;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod time;
pub mod x402;
