//! Decides which request gets an instance, and when.
//!
//! A request with a payment waits for the chain. A request without one is answered in milliseconds. The former must not
//! take every instance from the latter. Identical requests come here only once: see [`coalesce`](super::coalesce). A
//! request whose payment takes long leaves its instance: see [`hold`](super::hold).

use std::sync::Arc;
use std::time::Duration;

use coinop_core::http::{NO_WAIT, WAIT};
use coinop_core::x402::{PAYMENT_SIGNATURE, X_PAYMENT};
use hyper::header::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Failure;
use super::tally::{Tallied, Tally};

/// How long a request may wait for an instance.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How many requests may wait.
const MOST_WAITING: usize = 512;
/// How many requests without a payment run at once for each core. They compute and hardly wait, so more of them would
/// take memory and finish no sooner.
const PLAIN_PER_CORE: usize = 8;
/// How many requests for a long list run at once for each core.
const LISTS_PER_CORE: usize = 1;
/// How many different requests may wait for one payment. A further one is told that the payment is pending,
/// and does not wait for the chain.
const MOST_OF_ONE_PAYMENT: usize = 8;

/// How long the component waits for a payment's outcome before the buyer waits without it, in milliseconds. Most payments
/// are confirmed by then, and take one call.
const PATIENCE_MS: &str = "2000";

/// A hash that identifies a payment without storing it.
type Fingerprint = [u8; 32];

/// The places for running requests.
pub(super) struct Admission {
    all: SlotPool,
    /// The places that payments may take: three quarters of all.
    paying: SlotPool,
    /// The places that long lists may take, so that nobody waits for those of others.
    lists: SlotPool,
    /// The places that all other requests may take.
    plain: SlotPool,
    /// If fewer places than this are left for payments, no request waits for the chain.
    scarce: usize,
    /// Whether buyers can wait without a place.
    holds: bool,
    payments: Tally<Fingerprint>,
}

/// A request's place. Dropping it frees the place.
pub(super) struct AdmissionPermit {
    _running: OwnedSemaphorePermit,
    _of_its_kind: OwnedSemaphorePermit,
    _payment: Option<Tallied<Fingerprint>>,
}

struct SlotPool {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl SlotPool {
    fn new(running: usize, waiting: usize) -> Self {
        Self { running: Arc::new(Semaphore::new(running)), waiting: Arc::new(Semaphore::new(waiting)) }
    }

    fn now(&self) -> Option<OwnedSemaphorePermit> {
        self.running.clone().try_acquire_owned().ok()
    }

    fn wait(&self) -> Result<OwnedSemaphorePermit, Failure> {
        self.waiting.clone().try_acquire_owned().map_err(|_| Failure::Busy)
    }

    async fn soon(&self) -> Result<OwnedSemaphorePermit, Failure> {
        self.running.clone().acquire_owned().await.map_err(|_| Failure::Busy)
    }
}

impl Admission {
    /// Makes so many places. With `holds` the component is told to wait only for a short time, because the host holds
    /// the buyer's connection.
    pub(super) fn new(instances: usize, holds: bool) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::on(cores, instances, holds)
    }

    fn on(cores: usize, instances: usize, holds: bool) -> Self {
        let of_cores = |each: usize| SlotPool::new(cores.saturating_mul(each).min(instances), MOST_WAITING);
        let three_quarters = |n: usize| n.saturating_sub(n / 4).max(1);
        let paying = three_quarters(instances);
        Self {
            all: SlotPool::new(instances, MOST_WAITING),
            paying: SlotPool::new(paying, three_quarters(MOST_WAITING)),
            lists: of_cores(LISTS_PER_CORE),
            plain: of_cores(PLAIN_PER_CORE),
            scarce: paying / 2,
            holds,
            payments: Tally::default(),
        }
    }

    /// Waits for a place for the request with these headers, and adds how long the component may wait for the chain: not
    /// at all if many requests already wait for the same payment, or places are scarce.
    pub(super) async fn admit(
        &self,
        headers: &mut HeaderMap,
        is_list: bool,
    ) -> Result<AdmissionPermit, Failure> {
        let payment = fingerprint(headers).map(|payment| self.payments.add(payment));
        let crowded = payment.as_ref().is_some_and(|(_, before)| *before >= MOST_OF_ONE_PAYMENT);
        let pays = carries_payment(headers);
        let kind = match (pays, is_list) {
            (true, _) => &self.paying,
            (false, true) => &self.lists,
            (false, false) => &self.plain,
        };
        let (running, of_its_kind) = self.acquire(kind).await?;
        // One payment can be written in many ways, so the count above can be avoided.
        let scarce = self.paying.running.available_permits() < self.scarce;
        if pays {
            self.limit_wait(headers, crowded || scarce);
        }
        Ok(AdmissionPermit {
            _running: running,
            _of_its_kind: of_its_kind,
            _payment: payment.map(|(counted, _)| counted),
        })
    }

    /// Waits for a place to ask again about a payment.
    pub(super) async fn admit_again(&self) -> Result<AdmissionPermit, Failure> {
        let (running, of_its_kind) = self.acquire(&self.paying).await?;
        Ok(AdmissionPermit { _running: running, _of_its_kind: of_its_kind, _payment: None })
    }

    /// Tells the component how long it may wait. Where nobody is held, a first payment is served to its end, and only
    /// repeats obey.
    fn limit_wait(&self, headers: &mut HeaderMap, not_at_all: bool) {
        if not_at_all {
            headers.insert(NO_WAIT, HeaderValue::from_static("1"));
        }
        if self.holds {
            headers.insert(WAIT, HeaderValue::from_static(if not_at_all { "0" } else { PATIENCE_MS }));
        }
    }

    async fn acquire(
        &self,
        kind: &SlotPool,
    ) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), Failure> {
        let at_once = kind.now();
        let at_once = match (at_once, self.all.now()) {
            (Some(of_its_kind), Some(running)) => return Ok((running, of_its_kind)),
            (at_once, _) => at_once,
        };
        let _waiting = self.all.wait()?;
        let _waiting_in_its_kind = kind.wait()?;
        let both = async {
            let of_its_kind = match at_once {
                None => kind.soon().await?,
                Some(permit) => permit,
            };
            Ok((self.all.soon().await?, of_its_kind))
        };
        tokio::time::timeout(LONGEST_WAIT, both).await.unwrap_or(Err(Failure::Busy))
    }
}

/// Tells whether the request carries a payment, valid or not.
pub(crate) fn carries_payment(headers: &HeaderMap) -> bool {
    headers.contains_key(PAYMENT_SIGNATURE) || headers.contains_key(X_PAYMENT)
}

/// Hashes the one value that the component would read. The component never sees a value that is not ASCII,
/// and it refuses more than one.
fn fingerprint(headers: &HeaderMap) -> Option<Fingerprint> {
    let values = headers.get_all(PAYMENT_SIGNATURE).iter().chain(headers.get_all(X_PAYMENT));
    let value = values.filter_map(|value| value.to_str().ok()).next()?;
    Some(Sha256::digest(value).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &'static [u8])]) -> HeaderMap {
        let value = |bytes| HeaderValue::from_bytes(bytes).unwrap();
        all.iter().map(|(name, bytes)| (name.parse().unwrap(), value(bytes))).collect()
    }

    fn payment(value: &'static str) -> HeaderMap {
        headers(&[("payment-signature", value.as_bytes())])
    }

    #[tokio::test]
    async fn payments_leave_a_quarter_to_the_rest() {
        let admission = Admission::new(8, true);
        let mut paying = Vec::new();
        for _ in 0..6 {
            paying.push(admission.admit(&mut payment("a"), false).await.unwrap());
        }
        assert!(admission.paying.now().is_none());
        // One more payment waits, while a request without a payment gets a place.
        let mut paid = payment("b");
        let mut waiting = std::pin::pin!(admission.admit(&mut paid, false));
        let still = std::future::poll_fn(|context| {
            std::task::Poll::Ready(waiting.as_mut().poll(context).is_pending())
        });
        assert!(still.await);
        let first = admission.admit(&mut HeaderMap::new(), false).await.unwrap();
        let second = admission.admit(&mut HeaderMap::new(), false).await.unwrap();
        assert!(admission.all.now().is_none());
        drop(second);
        // A place is free, but not for a payment.
        drop(paying.pop());
        drop(waiting.await.unwrap());
        drop((first, paying));
        assert_eq!(admission.all.running.available_permits(), 8);
        assert_eq!(admission.paying.running.available_permits(), 6);
        assert_eq!(admission.all.waiting.available_permits(), 512);
        assert_eq!(admission.paying.waiting.available_permits(), 384);
        assert!(admission.payments.add(Sha256::digest("a").into()).1 == 0);
    }

    #[tokio::test]
    async fn no_more_requests_compute_at_once_than_the_cores_can_serve() {
        let admission = Admission::on(2, 100, true);
        let mut plain = Vec::new();
        for _ in 0..16 {
            plain.push(admission.admit(&mut HeaderMap::new(), false).await.unwrap());
        }
        let mut headers = HeaderMap::new();
        let mut waiting = std::pin::pin!(admission.admit(&mut headers, false));
        let still = std::future::poll_fn(|context| {
            std::task::Poll::Ready(waiting.as_mut().poll(context).is_pending())
        });
        assert!(still.await);
        drop(admission.admit(&mut payment("a"), false).await.unwrap());
        drop(admission.admit(&mut HeaderMap::new(), true).await.unwrap());
        plain.pop();
        drop(waiting.await.unwrap());
    }

    #[tokio::test]
    async fn waiting_payments_leave_room_to_wait() {
        let admission = Arc::new(Admission::new(1, true));
        let running = admission.admit(&mut HeaderMap::new(), false).await.unwrap();
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..384 {
            let admission = admission.clone();
            waiting.spawn(async move { admission.admit(&mut payment("a"), false).await.map(drop) });
        }
        while admission.paying.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(admission.admit(&mut payment("b"), false).await, Err(Failure::Busy)));
        let (unpaid, ()) =
            tokio::join!(async { admission.admit(&mut HeaderMap::new(), false).await.map(drop) }, async {
                drop(running)
            });
        unpaid.unwrap();
        while let Some(ended) = waiting.join_next().await {
            ended.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn the_ninth_with_one_payment_does_not_wait() {
        let admission = Admission::new(100, true);
        let mut permits = Vec::new();
        for n in 0..10 {
            let mut headers = payment("a");
            permits.push(admission.admit(&mut headers, false).await.unwrap());
            assert_eq!(headers.contains_key(NO_WAIT), n >= 8, "{n}");
            assert_eq!(headers[WAIT], if n < 8 { "2000" } else { "0" }, "{n}");
        }
        // Values that the component does not see do not make it another payment.
        let mut disguised =
            headers(&[("payment-signature", b"\xff1"), ("x-payment", b"a"), ("x-payment", b"\xff2")]);
        permits.push(admission.admit(&mut disguised, false).await.unwrap());
        assert_eq!(disguised[NO_WAIT], "1");
        for mut other in [payment("b"), HeaderMap::new(), headers(&[("x-payment", b"\xff")])] {
            permits.push(admission.admit(&mut other, false).await.unwrap());
            assert!(!other.contains_key(NO_WAIT));
        }
        permits.truncate(7);
        let mut headers = payment("a");
        let _eighth = admission.admit(&mut headers, false).await.unwrap();
        assert!(!headers.contains_key(NO_WAIT));
    }

    #[tokio::test]
    async fn while_places_are_scarce_no_payment_waits_for_the_chain() {
        let admission = Admission::new(8, true);
        let mut permits = Vec::new();
        for (n, name) in ["a", "b", "c", "d", "e", "f"].into_iter().enumerate() {
            let mut headers = payment(name);
            permits.push(admission.admit(&mut headers, false).await.unwrap());
            assert_eq!(headers[WAIT], if n < 3 { "2000" } else { "0" }, "{n}");
        }
        let mut unpaid = HeaderMap::new();
        permits.push(admission.admit(&mut unpaid, false).await.unwrap());
        assert!(unpaid.is_empty());
    }

    #[tokio::test]
    async fn where_nobody_is_held_the_component_waits_as_it_likes() {
        let admission = Admission::new(8, false);
        let mut headers = payment("a");
        let _permit = admission.admit(&mut headers, false).await.unwrap();
        assert!(!headers.contains_key(WAIT) && !headers.contains_key(NO_WAIT));
    }
}
