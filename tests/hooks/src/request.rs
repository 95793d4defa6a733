//! A clock and randomness that each request sets in two headers, so that the same request has the same answer on
//! every platform (invariant 7). What a host does beside the requests reaches no node.
//!
//! A platform passes each request that it begins to [`begin_request`]. What the request set holds until the next
//! request in this thread. Requests are answered one after the other.

use std::cell::RefCell;
use std::hint::black_box;

use coinop_core::error::{TransportError, TransportFault};
use coinop_core::ports::{Clock, Entropy, Http, HttpAnswer};
use coinop_core::{Now, Timestamp};
use sha2::{Digest as _, Sha256};

/// The header with the time, in milliseconds since the Unix epoch.
pub const NOW: &str = "coinop-test-now";
/// The header with the seed of the random bytes, which may be any text.
pub const SEED: &str = "coinop-test-seed";

struct Preset {
    now: u64,
    seed: String,
    drawn: u64,
}

thread_local! {
    static PRESET: RefCell<Option<Preset>> = const { RefCell::new(None) };
}

/// Keeps the time and the seed of a request's headers, whose names are in lower case.
///
/// A request that does not set both uses the platform's own clock and randomness.
pub fn begin_request(headers: &[(String, String)]) {
    // `black_box` keeps the names as text in the binary, where a build with the hooks is recognised by them.
    let value =
        |wanted: &str| headers.iter().find(|(name, _)| name == black_box(wanted)).map(|(_, value)| value);
    let now = value(NOW).and_then(|now| now.parse().ok());
    let preset = now.zip(value(SEED)).map(|(now, seed)| Preset { now, seed: seed.clone(), drawn: 0 });
    PRESET.set(preset);
}

/// Returns the time that the request set, plus the sleeps since; `None` if it set none.
fn preset() -> Option<Timestamp> {
    PRESET.with_borrow(|preset| preset.as_ref().map(|preset| Timestamp::from_millis(preset.now)))
}

/// Sleeps by advancing the time that the request set. Returns false if it set none.
fn sleep(ms: u64) -> bool {
    PRESET.with_borrow_mut(|preset| {
        let Some(preset) = preset else { return false };
        preset.now = preset.now.saturating_add(ms);
        true
    })
}

/// Returns the next random bytes, which follow from the seed and the number of earlier draws; `None` if the request
/// set no seed.
fn random() -> Option<[u8; 16]> {
    PRESET.with_borrow_mut(|preset| {
        let preset = preset.as_mut()?;
        let digest =
            Sha256::new().chain_update(&preset.seed).chain_update(preset.drawn.to_be_bytes()).finalize();
        preset.drawn = preset.drawn.saturating_add(1);
        digest.first_chunk().copied()
    })
}

/// A platform's clock or randomness, behind what the request set.
pub struct Hooked<T>(pub T);

impl<C: Clock> Clock for Hooked<C> {
    fn now(&self) -> Now {
        preset().map_or_else(|| self.0.now(), Now::at)
    }

    async fn sleep(&self, ms: u64) {
        if !sleep(ms) {
            self.0.sleep(ms).await;
        }
    }
}

impl<H: Http> Http for Hooked<H> {
    /// Fails without a call if the request set no time: what the host has done in the background is no part of a recording.
    async fn post_json(
        &self,
        url: &str,
        body: String,
        timeout_ms: u64,
    ) -> Result<HttpAnswer, TransportError> {
        if preset().is_none() {
            let fault = TransportFault::Unreachable("no request has set the time".to_owned());
            return Err(TransportError::new("the RPC", fault));
        }
        self.0.post_json(url, body, timeout_ms).await
    }
}

impl<E: Entropy> Entropy for Hooked<E> {
    fn random(&self) -> [u8; 16] {
        random().unwrap_or_else(|| self.0.random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Platform;

    impl Clock for Platform {
        fn now(&self) -> Now {
            Now::at(Timestamp::from_millis(7))
        }

        async fn sleep(&self, _: u64) {}
    }

    impl Entropy for Platform {
        fn random(&self) -> [u8; 16] {
            [7; 16]
        }
    }

    const HOOKED: Hooked<Platform> = Hooked(Platform);

    fn request(headers: &[(&str, &str)]) {
        let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        begin_request(&headers);
    }

    fn now() -> u64 {
        HOOKED.now().wall.millis()
    }

    #[test]
    fn a_request_that_sets_both_has_its_own_time_and_random_bytes_inv_7() {
        request(&[("host", "x"), (NOW, "4102444800000"), (SEED, "a")]);
        assert_eq!(now(), 4_102_444_800_000);
        assert!(sleep(150));
        assert_eq!(now(), 4_102_444_800_150);
        let first = [HOOKED.random(), HOOKED.random()];
        assert_ne!(first[0], first[1]);
        request(&[(NOW, "1"), (SEED, "a")]);
        assert_eq!([HOOKED.random(), HOOKED.random()], first);
        request(&[(NOW, "1"), (SEED, "b")]);
        assert!(!first.contains(&HOOKED.random()));
    }

    #[test]
    fn any_other_request_has_the_platforms_own() {
        for headers in [&[][..], &[(NOW, "1")], &[(SEED, "a")], &[(NOW, "soon"), (SEED, "a")]] {
            request(&[(NOW, "1"), (SEED, "a")]);
            request(headers);
            assert_eq!((now(), HOOKED.random(), sleep(1)), (7, [7; 16], false));
        }
    }
}
