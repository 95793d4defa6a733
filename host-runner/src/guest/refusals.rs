//! Says of refused payments only one line per reason and minute.
//!
//! A stranger can have payments refused for nothing. Without a bound their lines would fill the disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coinop_core::http::refusal_reason;

/// How long after a line no other is written for the same reason.
const EVERY: Duration = Duration::from_secs(60);

/// The most reasons that are remembered. There are about fifty.
const REASONS: usize = 128;

/// When each reason was last written, and how often it has come since. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct RefusalLog(Arc<Mutex<HashMap<String, Written>>>);

struct Written {
    at: Instant,
    unwritten: u64,
}

impl RefusalLog {
    /// Returns what to write for a line of the component at this moment; `None` if nothing. Lines about anything but a
    /// refused payment are written as they are.
    pub(super) fn line(&self, line: &str, now: Instant) -> Option<String> {
        let Some(reason) = refusal_reason(line) else { return Some(line.to_owned()) };
        let mut reasons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(written) = reasons.get_mut(reason) else {
            let has_room = reasons.len() < REASONS;
            if has_room {
                reasons.insert(reason.to_owned(), Written { at: now, unwritten: 0 });
            }
            return has_room.then(|| line.to_owned());
        };
        if now.saturating_duration_since(written.at) < EVERY {
            written.unwritten = written.unwritten.saturating_add(1);
            return None;
        }
        written.at = now;
        Some(match std::mem::take(&mut written.unwritten) {
            0 => line.to_owned(),
            more => format!("{line} (and {more} more for this reason since the last such line)"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(asset: &str, reason: &str) -> String {
        format!("a payment for {asset} was refused ({reason}): it does not cover this payment")
    }

    #[test]
    fn a_reason_has_one_line_a_minute_and_the_next_says_how_many_there_were() {
        let log = RefusalLog::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let first = refused("door-1", "insufficient_funds");
        assert_eq!(log.line(&first, start), Some(first.clone()));
        for second in 0..59 {
            assert_eq!(log.line(&refused("door-2", "insufficient_funds"), after(second)), None);
        }
        let other = refused("door-1", "sign_again");
        assert_eq!(log.line(&other, after(1)), Some(other.clone()));
        let next = log.line(&first, after(60)).unwrap();
        assert_eq!(next, format!("{first} (and 59 more for this reason since the last such line)"));
        assert_eq!(log.line(&first, after(61)), None);
        assert_eq!(log.line(&other, after(200)), Some(other));
    }

    #[test]
    fn every_other_line_is_written() {
        let log = RefusalLog::default();
        for line in ["sold door-1 for 0.01 USDC: session s, transaction t", "", "not ready: no answer"] {
            for _ in 0..3 {
                assert_eq!(log.line(line, Instant::now()), Some(line.to_owned()));
            }
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let log = RefusalLog::default();
        for n in 0..1_000 {
            log.line(&refused("door-1", &format!("reason-{n}")), Instant::now());
        }
        assert_eq!(log.0.lock().unwrap().len(), REASONS);
    }
}
