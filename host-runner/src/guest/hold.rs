//! Holds the connections of buyers whose payments have no outcome yet.
//!
//! The chain may take half a minute to show a payment. If the component waited for it, some dozens of slow payments would
//! take all instances, and a payment for a free asset would be turned away. So the component is asked to answer soon. If
//! that answer is 202, the buyer waits here, which takes a connection and the bytes of one request. Meanwhile the
//! component is asked again from time to time, and when the settlement of payments in flight has written something. Each
//! time it asks the chain once.
//!
//! The component is told that this host vouches for the sender. That is true, because it has answered the very same
//! request with 202, and it says that only to the buyer of a payment (invariant 1).

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::Failure;
use super::message::Response;
use super::tally::{Tallied, Tally};
use crate::metrics::{Held, Metrics};

/// How many requests may wait for one payment. One buyer's repeats must not take all places.
const MOST_OF_ONE_PAYMENT: usize = 8;

/// How soon and how often the component is asked again.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// The shortest pause, and the first one. Each is twice as long as the one before.
    shortest: Duration,
    /// The longest pause.
    longest: Duration,
    /// How long a pause is at least for each connection that is held. It bounds how often all of them ask together.
    of_each: Duration,
    /// How long a buyer waits in all, from the request to the answer.
    whole: Duration,
}

const PACE: Pace = Pace {
    shortest: Duration::from_millis(500),
    longest: Duration::from_secs(2),
    of_each: Duration::from_millis(10),
    whole: Duration::from_secs(30),
};

/// The places for connections that wait, and what they wait for.
pub(super) struct Holding {
    pace: Pace,
    most: usize,
    places: Semaphore,
    /// The turns to ask the component. Those who wait never take all places of those who pay.
    turns: Semaphore,
    payments: Tally<Arc<str>>,
    settled: watch::Receiver<u64>,
    metrics: Metrics,
}

/// A connection's place. Dropping it frees the place.
struct Place<'a> {
    _one: SemaphorePermit<'a>,
    _payment: Tallied<Arc<str>>,
    _counted: Held,
}

impl Holding {
    /// Makes `most` places. Of those who wait, `at_once` may ask the component at the same time. `settled` changes when
    /// the settlement of payments in flight has written something.
    pub(super) fn new(most: usize, at_once: usize, settled: watch::Receiver<u64>, metrics: Metrics) -> Self {
        Self {
            pace: PACE,
            most,
            places: Semaphore::new(most),
            turns: Semaphore::new(at_once.max(1)),
            payments: Tally::default(),
            settled,
            metrics,
        }
    }

    /// Returns whether there are any places.
    pub(super) const fn is_on(&self) -> bool {
        self.most > 0
    }

    /// Returns until when a buyer waits whose request comes now.
    pub(super) fn until(&self) -> Instant {
        Instant::now() + self.pace.whole
    }

    /// Returns the answer for a buyer who was answered `pending`: what `ask` brings once the payment has an outcome, or
    /// `pending` if there is no place or no outcome until `until`.
    ///
    /// Dropping the future frees the place.
    pub(super) async fn outcome<F>(&self, pending: Response, until: Instant, ask: impl Fn() -> F) -> Response
    where
        F: Future<Output = Result<Response, Failure>>,
    {
        let Some(_place) = self.place(&pending) else { return pending };
        timeout_at(until, self.ask_until_known(ask)).await.unwrap_or(pending)
    }

    fn place(&self, pending: &Response) -> Option<Place<'_>> {
        let one = self.places.try_acquire().ok()?;
        let (payment, before) = self.payments.add(transaction(pending));
        (before < MOST_OF_ONE_PAYMENT).then(|| Place {
            _one: one,
            _payment: payment,
            _counted: self.metrics.hold(),
        })
    }

    async fn ask_until_known<F>(&self, ask: impl Fn() -> F) -> Response
    where
        F: Future<Output = Result<Response, Failure>>,
    {
        let mut settled = self.settled.clone();
        let mut longest = self.pace.shortest;
        loop {
            self.pause(longest, &mut settled).await;
            longest = (longest * 2).min(self.pace.longest);
            let _turn = self.turns.acquire().await;
            // What is written from now on may have come too late for this answer.
            settled.mark_unchanged();
            match ask().await {
                Ok(answer) if is_outcome(answer.status()) => return answer,
                Ok(_) | Err(Failure::Busy) => {}
                Err(error) => {
                    tracing::error!(%error, "asking again about a payment in flight failed; trying again");
                }
            }
        }
    }

    /// Waits as long as `longest`, or until something was settled.
    async fn pause(&self, longest: Duration, settled: &mut watch::Receiver<u64>) {
        let held = self.most.saturating_sub(self.places.available_permits());
        let crowd = self.pace.of_each * u32::try_from(held).unwrap_or(u32::MAX);
        let least = self.pace.shortest.max(crowd);
        sleep(least).await;
        tokio::select! {
            () = sleep(longest.saturating_sub(least)) => {}
            Ok(()) = settled.changed() => {}
        }
    }
}

/// Returns whether an answer says what has become of the payment. An error of the gateway says nothing about it.
fn is_outcome(status: StatusCode) -> bool {
    status != StatusCode::ACCEPTED && !status.is_server_error()
}

/// Returns the transaction that a 202 names, or nothing if it names none.
fn transaction(pending: &Response) -> Arc<str> {
    let named = serde_json::from_slice(pending.body()).ok();
    let named = named.as_ref().and_then(|body: &Value| body.get("transaction")?.as_str());
    named.unwrap_or_default().into()
}

#[cfg(test)]
mod tests;
