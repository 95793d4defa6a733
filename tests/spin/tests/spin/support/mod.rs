//! A chain, a relay in front of it, and a gateway on the stand-in.

mod buyer;
mod chain;
mod database;
mod http;
mod relay;
mod world;

pub(crate) use buyer::{Buyer, PaymentPayload, Sold};
pub(crate) use database::Database;
pub(crate) use http::{Answer, send};
pub(crate) use relay::{Relay, Rule};
pub(crate) use world::{World, manifest, runtime, stubbed};

use std::time::{Duration, Instant};

/// How long anything may take. It is far more than needed, because a busy machine may be slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again until `look` returns something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
