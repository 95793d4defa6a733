//! How long a payer has to wait after payments that failed.
//!
//! A payment that lands with an error costs its fee. After the first, its payer waits a minute, and four times as long
//! after each further one within 24 hours. A payment that never lands costs nothing, but keeps an asset from others, and a
//! wallet guard that fails may have been made to fail by somebody else: after three of these within ten minutes its payer
//! waits a minute. Failures that only others can cause do not count.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How many of a payer's latest failures are looked at.
pub(crate) const FAILURES_COUNTED: u32 = 12;

const MINUTE_MS: u64 = 60_000;
/// The longest wait for a wallet that has bought here, in milliseconds.
const LONGEST_OF_BUYERS_MS: u64 = 64 * MINUTE_MS;
/// The longest wait of any other wallet, in milliseconds. Older failures are forgotten.
const LONGEST_MS: u64 = 24 * 60 * MINUTE_MS;
/// How many other failures make their payer wait.
const OTHERS_ALLOWED: usize = 3;
/// Within what time they have to have failed, in milliseconds. It takes more than a minute to know that a payment can no
/// longer land.
const OTHERS_WITHIN_MS: u64 = 10 * MINUTE_MS;

/// A payment that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastFailure {
    /// When that was known.
    pub at: Timestamp,
    /// Whether it landed with an error that only its payer can have caused.
    pub is_bounce: bool,
}

/// Returns until when a payer with these failures of the last day has to wait, the latest first; `None` if there are too
/// few.
#[must_use]
pub(crate) fn waits_until(failures: &[PastFailure], has_bought: bool) -> Option<Timestamp> {
    let of = |bounced: bool| {
        let those = failures.iter().filter(move |failure| failure.is_bounce == bounced);
        those.map(|failure| failure.at).collect::<Vec<_>>()
    };
    after_bounces(&of(true), has_bought).max(after_others(&of(false)))
}

fn after_bounces(at: &[Timestamp], has_bought: bool) -> Option<Timestamp> {
    let latest = *at.first()?;
    let longest = if has_bought { LONGEST_OF_BUYERS_MS } else { LONGEST_MS };
    let times = u32::try_from(at.len() - 1).unwrap_or(u32::MAX);
    let wait = 4u64.saturating_pow(times).saturating_mul(MINUTE_MS);
    Some(latest.plus_millis(wait.min(longest)))
}

fn after_others(at: &[Timestamp]) -> Option<Timestamp> {
    let latest = *at.first()?;
    let recent = at.iter().filter(|at| latest.millis_since(**at) < OTHERS_WITHIN_MS).count();
    (recent >= OTHERS_ALLOWED).then(|| latest.plus_millis(MINUTE_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

    fn failures(minutes: &[u64], is_bounce: bool) -> Vec<PastFailure> {
        let at = |minute: &u64| Timestamp::from_millis(minute * MINUTE_MS);
        minutes.iter().map(|minute| PastFailure { at: at(minute), is_bounce }).collect()
    }

    /// Returns for how many minutes after its latest failure a payer waits.
    fn waits(failures: &[PastFailure], has_bought: bool) -> Option<u64> {
        waits_until(failures, has_bought).map(|until| until.millis_since(failures[0].at) / MINUTE_MS)
    }

    #[test]
    fn each_payment_that_lands_with_an_error_makes_its_payer_wait_four_times_as_long() {
        let landed = failures(&[100, 99, 98, 97, 96, 95, 94, 93], true);
        let of_stranger: Vec<_> = (0..=8).map(|many| waits(&landed[..many], false)).collect();
        let minutes = [1, 4, 16, 64, 256, 1024, 1440, 1440].map(Some);
        assert_eq!(of_stranger, [vec![None], minutes.to_vec()].concat());
        let of_buyer: Vec<_> = (1..=8).map(|many| waits(&landed[..many], true)).collect();
        assert_eq!(of_buyer, [1, 4, 16, 64, 64, 64, 64, 64].map(Some));
    }

    #[test]
    fn three_payments_that_never_landed_within_ten_minutes_make_their_payer_wait_for_one() {
        assert_eq!(waits(&failures(&[9, 4], false), false), None);
        assert_eq!(waits(&failures(&[9, 4, 0], false), false), Some(1));
        assert_eq!(waits(&failures(&[10, 4, 0], false), false), None);
    }

    #[test]
    fn the_longer_wait_counts() {
        let mut both = failures(&[9, 8, 7], false);
        both.extend(failures(&[6, 5], true));
        assert_eq!(waits_until(&both, false), Some(Timestamp::from_millis(10 * MINUTE_MS)));
        both.extend(failures(&[4], true));
        assert_eq!(waits_until(&both, false), Some(Timestamp::from_millis(22 * MINUTE_MS)));
        assert!(waits_until(&failures(&[0; 100], true), false).unwrap().millis() <= DAY_MS);
    }
}
