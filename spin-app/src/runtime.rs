//! The clock and the randomness of WASI.

use std::future::poll_fn;
use std::task::Poll;
use std::time::{SystemTime, UNIX_EPOCH};

use coinop_core::ports::{Clock, Entropy};
use coinop_core::{Monotonic, Now, Timestamp};
use spin_executor::{CancelOnDropToken, push_waker_and_get_token};
use wasi::clocks::monotonic_clock;

/// Returns the id of the host's run. Only a host that calls the device controller sets it.
pub(crate) fn boot() -> Option<String> {
    std::env::var("COINOP_BOOT_ID").ok()
}

pub(crate) struct WasiClock {
    /// Identifies the run of the host to which the monotonic clock belongs. Only `coinop serve` has a
    /// monotonic clock that outlives a request.
    pub(crate) boot: Option<String>,
}

impl Clock for WasiClock {
    fn now(&self) -> Now {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX));
        let ms = monotonic_clock::now() / 1_000_000;
        Now { wall, mono: self.boot.clone().map(|boot| Monotonic { boot, ms }) }
    }

    async fn sleep(&self, ms: u64) {
        sleep(ms).await;
    }
}

pub(crate) async fn sleep(ms: u64) {
    let deadline = monotonic_clock::now().saturating_add(ms.saturating_mul(1_000_000));
    let mut registered: Option<CancelOnDropToken> = None;
    // The executor polls everything whenever anything is ready, so only the clock tells whether the time has
    // come.
    poll_fn(|context| {
        if monotonic_clock::now() >= deadline {
            return Poll::Ready(());
        }
        let pollable = monotonic_clock::subscribe_instant(deadline);
        registered = Some(push_waker_and_get_token(pollable, context.waker().clone()).into());
        Poll::Pending
    })
    .await;
    drop(registered);
}

pub(crate) struct WasiEntropy;

impl Entropy for WasiEntropy {
    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        match getrandom::fill(&mut bytes) {
            Ok(()) => bytes,
            // Guessable tickets would be worse than none. WASI never fails here.
            Err(_) => std::process::abort(),
        }
    }
}
