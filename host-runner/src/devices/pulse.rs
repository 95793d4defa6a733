//! Shows that every device's worker still runs.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How often a worker shows that it runs.
const EVERY: Duration = Duration::from_millis(300);
/// A worker that was not heard for this long is stuck.
const STUCK: Duration = Duration::from_millis(1_200);

/// The pulses of all workers. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Pulses {
    since: Instant,
    last: Arc<Mutex<Vec<Weak<AtomicU64>>>>,
}

impl Pulses {
    pub(crate) fn new() -> Self {
        Self { since: Instant::now(), last: Arc::default() }
    }

    /// Does the work, and shows as long as it lasts that its task runs. A task that waits runs; one that blocks its
    /// thread does not.
    pub(super) async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        let pulse = Arc::new(AtomicU64::new(self.now()));
        if let Ok(mut last) = self.last.lock() {
            last.push(Arc::downgrade(&pulse));
        }
        let mut work = pin!(work);
        loop {
            match tokio::time::timeout(EVERY, &mut work).await {
                Ok(done) => return done,
                Err(_) => pulse.store(self.now(), Ordering::Relaxed),
            }
        }
    }

    /// Tells whether every worker that has not ended was heard lately.
    pub(crate) fn are_all_felt(&self) -> bool {
        let now = self.now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|pulse| pulse.strong_count() > 0);
        let stuck = u64::try_from(STUCK.as_millis()).unwrap_or(u64::MAX);
        last.iter().filter_map(Weak::upgrade).all(|at| now.saturating_sub(at.load(Ordering::Relaxed)) < stuck)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_worker_that_waits_is_felt_and_one_that_blocks_is_not() {
        let pulses = Pulses::new();
        assert!(pulses.are_all_felt(), "there is none");
        let waits = tokio::spawn({
            let pulses = pulses.clone();
            async move { pulses.beside(std::future::pending::<()>()).await }
        });
        tokio::time::sleep(STUCK * 2).await;
        assert!(pulses.are_all_felt());
        let blocks = tokio::spawn({
            let pulses = pulses.clone();
            async move { pulses.beside(async { std::thread::sleep(STUCK * 2) }).await }
        });
        tokio::time::sleep(STUCK + EVERY).await;
        assert!(!pulses.are_all_felt());
        blocks.await.unwrap();
        assert!(pulses.are_all_felt(), "it has ended");
        waits.abort();
    }
}
