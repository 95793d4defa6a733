//! A basic rate limit per client address.
//!
//! Each client has a bucket that holds `burst` requests and is refilled at `requests_per_second`. To remember
//! a bucket it is enough to store the moment at which it will be full again, so everything is whole numbers
//! of nanoseconds.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use coinop_core::http::network;

/// The most clients that each of the two generations remembers. Beyond that the older generation is
/// forgotten. Memory is bounded, and a limit per address would not stop a client with that many addresses
/// anyway.
const REMEMBERED: usize = 16_384;

/// How long a client may have to wait because its requests have cost more than they seemed to.
const LONGEST_DEBT: Duration = Duration::from_secs(60);

/// A rate limiter with one bucket per client.
pub(crate) struct RateLimiter {
    /// The time in which one request flows back into the bucket. Zero means no limit.
    each: Duration,
    /// The time in which the whole bucket fills.
    whole: Duration,
    buckets: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<IpAddr, Duration>,
    old: HashMap<IpAddr, Duration>,
}

impl RateLimiter {
    /// Makes a limiter. If `requests_per_second` is 0, there is no limit.
    pub(crate) fn new(requests_per_second: u64, burst: u64) -> Self {
        let each = Duration::from_nanos(1_000_000_000u64.checked_div(requests_per_second).unwrap_or(0));
        let burst = u32::try_from(burst.max(1)).unwrap_or(u32::MAX);
        Self { each, whole: each.saturating_mul(burst), buckets: Mutex::default() }
    }

    /// Takes a request that counts as `requests` out of the client's bucket at the monotonic time `now`. If the bucket
    /// has less than that, it returns how long to wait. A full bucket is always enough.
    pub(crate) fn take(&self, client: IpAddr, now: Duration, requests: u32) -> Result<(), Duration> {
        if self.each.is_zero() {
            return Ok(());
        }
        let client = network(client);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = buckets.full_at(client, now);
        let then = full_at.saturating_add(self.each.saturating_mul(requests).min(self.whole));
        let over = then.saturating_sub(now).saturating_sub(self.whole);
        if !over.is_zero() {
            return Err(over);
        }
        buckets.remember(client, then);
        Ok(())
    }

    /// Takes what a request has turned out to cost besides. The bucket may then owe, for up to [`LONGEST_DEBT`].
    pub(crate) fn charge(&self, client: IpAddr, now: Duration, requests: u32) {
        if self.each.is_zero() {
            return;
        }
        let client = network(client);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = buckets.full_at(client, now).saturating_add(self.each.saturating_mul(requests));
        let latest = now.saturating_add(self.whole).saturating_add(LONGEST_DEBT);
        buckets.remember(client, full_at.min(latest));
    }
}

impl Generations {
    /// Returns when the client's bucket will be full.
    fn full_at(&self, client: IpAddr, now: Duration) -> Duration {
        let known = self.young.get(&client).or(self.old.get(&client));
        known.copied().unwrap_or(now).max(now)
    }

    fn remember(&mut self, client: IpAddr, full_at: Duration) {
        if self.young.len() >= REMEMBERED && !self.young.contains_key(&client) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(client, full_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let limiter = RateLimiter::new(10, 3);
        let a = ip("192.0.2.1");
        for _ in 0..3 {
            limiter.take(a, ms(1_000), 1).unwrap();
        }
        assert_eq!(limiter.take(a, ms(1_000), 1), Err(ms(100)));
        assert_eq!(limiter.take(a, ms(1_060), 1), Err(ms(40)));
        limiter.take(a, ms(1_100), 1).unwrap();
        assert!(limiter.take(a, ms(1_100), 1).is_err());
        limiter.take(ip("192.0.2.2"), ms(1_100), 1).unwrap();
        // The bucket is full again, and holds no more than `burst`.
        for _ in 0..3 {
            limiter.take(a, ms(60_000), 1).unwrap();
        }
        assert!(limiter.take(a, ms(60_000), 1).is_err());
    }

    #[test]
    fn a_dear_request_counts_as_several_and_is_never_more_than_a_bucket() {
        let limiter = RateLimiter::new(10, 12);
        let a = ip("192.0.2.1");
        limiter.take(a, ms(1_000), 10).unwrap();
        limiter.take(a, ms(1_000), 1).unwrap();
        assert_eq!(limiter.take(a, ms(1_000), 10), Err(ms(900)));
        let small = RateLimiter::new(10, 3);
        small.take(a, ms(1_000), 10).unwrap();
        assert_eq!(small.take(a, ms(1_000), 1), Err(ms(100)));
    }

    #[test]
    fn what_a_request_has_turned_out_to_cost_is_waited_for_but_not_for_ever() {
        let limiter = RateLimiter::new(10, 12);
        let a = ip("192.0.2.1");
        limiter.take(a, ms(1_000), 1).unwrap();
        limiter.charge(a, ms(1_000), 30);
        assert_eq!(limiter.take(a, ms(1_000), 1), Err(ms(2_000)));
        limiter.take(ip("192.0.2.2"), ms(1_000), 1).unwrap();
        limiter.charge(a, ms(1_000), 1_000_000);
        assert_eq!(limiter.take(a, ms(1_000), 1), Err(ms(60_100)));
        let unlimited = RateLimiter::new(0, 1);
        unlimited.charge(a, ms(0), 1_000_000);
        unlimited.take(a, ms(0), 1).unwrap();
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let limiter = RateLimiter::new(1, 1);
        limiter.take(ip("2001:db8:1:2::1"), ms(0), 1).unwrap();
        assert!(limiter.take(ip("2001:db8:1:2:ffff::9"), ms(0), 1).is_err());
        limiter.take(ip("2001:db8:1:3::1"), ms(0), 1).unwrap();
        limiter.take(ip("192.0.2.1"), ms(0), 1).unwrap();
        assert!(limiter.take(ip("::ffff:192.0.2.1"), ms(0), 1).is_err());
    }

    #[test]
    fn none_is_none() {
        let limiter = RateLimiter::new(0, 1);
        for _ in 0..1_000 {
            limiter.take(ip("192.0.2.1"), ms(0), 1).unwrap();
        }
    }

    #[test]
    fn memory_is_bounded_and_the_recent_are_remembered() {
        let limiter = RateLimiter::new(1, 1);
        for n in 0..100_000u32 {
            limiter.take(IpAddr::V4(n.into()), ms(0), 1).unwrap();
        }
        let buckets = limiter.buckets.lock().unwrap();
        assert!(buckets.young.len() + buckets.old.len() <= 2 * REMEMBERED);
        drop(buckets);
        assert!(limiter.take(IpAddr::V4(99_999.into()), ms(0), 1).is_err());
    }
}
