//! The clock and the randomness of the Workers runtime.

use std::time::Duration;

use coinop_core::ports::{Clock, Entropy};
use coinop_core::{Now, Timestamp};
use worker::{Date, Delay};

/// The wall clock. It advances with each input or output. No other clock outlives a request.
pub(crate) struct WorkerClock;

impl Clock for WorkerClock {
    fn now(&self) -> Now {
        Now::at(Timestamp::from_millis(Date::now().as_millis()))
    }

    async fn sleep(&self, ms: u64) {
        sleep(ms).await;
    }
}

pub(crate) async fn sleep(ms: u64) {
    Delay::from(Duration::from_millis(ms)).await;
}

pub(crate) struct WorkerEntropy;

impl Entropy for WorkerEntropy {
    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        match getrandom::fill(&mut bytes) {
            Ok(()) => bytes,
            // Guessable tickets would be worse than none. The runtime never fails here.
            Err(_) => std::process::abort(),
        }
    }
}
