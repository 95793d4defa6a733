//! The component: the same one that Spin runs.
//!
//! [`engine`] compiles it and sets the limits. [`state`] is what one instance owns. [`store`] bounds each of
//! its calls. [`imports`], [`outbound`] and [`rpc`] are what it may ask for. [`pool`] hands requests to
//! instances when [`admission`] has a place for them, and identical requests only once ([`coalesce`]). Who waits for a
//! payment's outcome waits without an instance ([`hold`]).
//! [`controller`] calls the extra export.

mod admission;
mod coalesce;
mod controller;
mod engine;
mod hold;
mod imports;
mod message;
mod outbound;
mod pool;
mod refusals;
mod rpc;
mod state;
mod stderr;
mod store;
mod tally;

use std::fmt;

pub(crate) use admission::carries_payment;
pub(crate) use controller::{Controller, Plan};
pub(crate) use engine::{Component, Limits};
pub(crate) use message::{Request, Response};
pub(crate) use pool::{LongList, Pool};
pub(crate) use refusals::RefusalLog;
pub(crate) use rpc::Rpc;
pub(crate) use state::{Host, Variables};
pub(crate) use tally::{Tallied, Tally};

/// Why the component gave no answer.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// Too many requests are waiting already.
    Busy,
    /// It took longer than it may.
    TimedOut,
    /// It trapped, exceeded a limit, or could not be started. The text is for the log only.
    Broken(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "all component instances are busy",
            Self::TimedOut => "the component took too long",
            Self::Broken(error) => error,
        })
    }
}

impl Failure {
    fn broken(what: &str, error: &wasmtime::Error) -> Self {
        // The backtrace through the component tells an operator little.
        tracing::debug!(target: "coinop::component", error = ?error, "{what}");
        Self::Broken(format!("{what}: {}", error.root_cause()))
    }
}
