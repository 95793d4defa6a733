//! The seam through which the differential test tells a platform the time and the random bytes, so that the
//! same request has the same answer everywhere (invariant 7).
//!
//! A platform passes each request that it begins to [`tell`], and asks here before it uses its own clock and
//! randomness. The told values hold until the next request in this thread. Requests are answered one after
//! the other.
//!
//! Platforms depend on this crate only through their feature `seam`. Shipped builds do not contain it.

use std::cell::RefCell;
use std::hint::black_box;

use sha2::{Digest as _, Sha256};

/// The header with the time, in milliseconds since the epoch.
pub const NOW: &str = "coinop-seam-now";
/// The header with the seed of the random bytes, which may be any text.
pub const SEED: &str = "coinop-seam-seed";

struct Told {
    now: u64,
    seed: String,
    drawn: u64,
}

thread_local! {
    static TOLD: RefCell<Option<Told>> = const { RefCell::new(None) };
}

/// Stores what a request's headers tell. Their names are in lower case. A request that does not tell both
/// values uses the platform's own clock and randomness.
pub fn tell(headers: &[(String, String)]) {
    // `black_box` keeps the names as text in the binary, where a build with the seam is recognised by them.
    let value =
        |wanted: &str| headers.iter().find(|(name, _)| name == black_box(wanted)).map(|(_, value)| value);
    let now = value(NOW).and_then(|now| now.parse().ok());
    let told = now.zip(value(SEED)).map(|(now, seed)| Told { now, seed: seed.clone(), drawn: 0 });
    TOLD.set(told);
}

/// Returns the told time, in milliseconds since the epoch, plus the sleeps since. `None` means the platform's
/// own time.
#[must_use]
pub fn now() -> Option<u64> {
    TOLD.with_borrow(|told| told.as_ref().map(|told| told.now))
}

/// Sleeps by advancing the told time. Returns false if the platform's own time has to pass.
#[must_use]
pub fn sleep(ms: u64) -> bool {
    TOLD.with_borrow_mut(|told| {
        let Some(told) = told else { return false };
        told.now = told.now.saturating_add(ms);
        true
    })
}

/// Returns the next random bytes, which follow from the told seed and the number of earlier draws. `None`
/// means the platform's own randomness.
#[must_use]
pub fn random() -> Option<[u8; 16]> {
    TOLD.with_borrow_mut(|told| {
        let told = told.as_mut()?;
        let digest = Sha256::new().chain_update(&told.seed).chain_update(told.drawn.to_be_bytes()).finalize();
        told.drawn = told.drawn.saturating_add(1);
        digest.first_chunk().copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) {
        let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        tell(&headers);
    }

    #[test]
    fn a_request_that_tells_both_has_its_own_time_and_random_bytes() {
        request(&[("host", "x"), (NOW, "4102444800000"), (SEED, "a")]);
        assert_eq!(now(), Some(4_102_444_800_000));
        assert!(sleep(150));
        assert_eq!(now(), Some(4_102_444_800_150));
        let first = [random().unwrap(), random().unwrap()];
        assert_ne!(first[0], first[1]);
        request(&[(NOW, "1"), (SEED, "a")]);
        assert_eq!([random().unwrap(), random().unwrap()], first);
        request(&[(NOW, "1"), (SEED, "b")]);
        assert!(!first.contains(&random().unwrap()));
    }

    #[test]
    fn any_other_request_has_the_platforms_own() {
        for headers in [&[][..], &[(NOW, "1")], &[(SEED, "a")], &[(NOW, "soon"), (SEED, "a")]] {
            request(&[(NOW, "1"), (SEED, "a")]);
            request(headers);
            assert_eq!((now(), random(), sleep(1)), (None, None, false));
        }
    }
}
