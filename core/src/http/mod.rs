//! The HTTP interface, version 1: it takes a request and returns a response. A platform only translates its own types.

mod access;
mod assets;
mod catalogue;
mod challenge;
mod client;
mod code;
mod context;
mod cors;
mod dispatch;
mod headers;
mod merchant;
mod one_time_code;
mod owed;
mod payment_response;
mod problem;
mod query;
mod refusal_line;
mod request;
mod response;
mod route;
mod sale;
mod sessions;
mod shard;
mod stop;
mod tick;
mod transaction;
mod views;

pub use client::network;
pub use context::Context;
pub use cors::with_cors;
pub use dispatch::{at_shard, handle, handle_stateless};
pub use headers::{AGAIN, HEADERS, NO_WAIT, RECENT_BLOCKHASH, WAIT};
pub use problem::Problem;
pub use refusal_line::refusal_reason;
pub use request::{MAX_BODY, Request};
pub use response::Response;
pub use route::Route;
pub use shard::{Shard, ShardTask, StatelessOutcome};
pub use tick::tick;

#[cfg(test)]
mod tests;
