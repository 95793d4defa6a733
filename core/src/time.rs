//! Time as an argument: nothing in this crate reads a clock.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far ahead a moment of the past may seem to be, in milliseconds, because clocks are read at different times.
const MAX_AHEAD_MS: u64 = 60_000;

/// A moment, in milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

/// 9999-12-31T23:59:59.999Z, the last moment that RFC 3339 can express.
const LAST: u64 = 253_402_300_799_999;

impl Timestamp {
    /// Returns the moment `ms` milliseconds after the epoch. Anything later than the year 9999 becomes its last
    /// millisecond.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(if ms > LAST { LAST } else { ms })
    }

    /// Returns the milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Returns the whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Returns the moment `ms` milliseconds later.
    #[must_use]
    pub const fn plus_millis(self, ms: u64) -> Self {
        Self::from_millis(self.0.saturating_add(ms))
    }

    /// Returns the moment `seconds` seconds later.
    #[must_use]
    pub(crate) const fn plus_seconds(self, seconds: u64) -> Self {
        self.plus_millis(seconds.saturating_mul(1000))
    }

    /// Returns the milliseconds from `earlier` to this moment; 0 if `earlier` is not earlier.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns how many milliseconds ago `earlier` was, as seen at this moment, to find out what is overdue.
    ///
    /// What is more than a minute ahead counts as long ago. Only a clock that was set back shows such a moment, and what
    /// is to be looked after must not wait until the clock has caught up.
    #[must_use]
    pub(crate) const fn overdue_since(self, earlier: Self) -> u64 {
        if earlier.0 > self.0.saturating_add(MAX_AHEAD_MS) { u64::MAX } else { self.millis_since(earlier) }
    }

    /// Returns the whole days since the epoch, in UTC.
    #[must_use]
    pub const fn day(self) -> u64 {
        self.0 / 86_400_000
    }

    /// Parses RFC 3339 in UTC, such as `2026-01-31T10:30:00Z`. Up to 9 decimals of a second are accepted, of which
    /// three are kept. Other offsets are refused.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let number = |from: usize, to: usize| -> Option<u64> {
            let part = text.get(from..to)?;
            part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
        };
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if separators.iter().any(|&(at, byte)| bytes.get(at) != Some(&byte)) {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let rest = text.get(19..)?.strip_suffix('Z')?;
        let millis = match rest.strip_prefix('.') {
            None if rest.is_empty() => 0,
            Some(digits) if (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) => {
                let padded = format!("{digits:0<3}");
                padded.get(..3)?.parse::<u64>().ok()?
            }
            _ => return None,
        };
        let valid = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        valid.then(|| {
            let days = days_from_civil(year, month, day);
            Self(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + millis)
        })
    }
}

/// Writes RFC 3339 in UTC, with milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0 / 86_400_000);
        let ms = self.0 % 86_400_000;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
            ms / 3_600_000,
            ms / 60_000 % 60,
            ms / 1000 % 60,
            ms % 1000
        )
    }
}

fn days_in_month(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days from 1970-01-01 to a Gregorian date. Years are counted from March, so that the leap day is the last
/// day of its year.
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    // 0000-03-01 is 719,468 days before the epoch.
    days.saturating_sub(719_468)
}

fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// A reading of a clock that never jumps, with the run of the machine or process that it belongs to. Readings of
/// different runs can't be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monotonic {
    /// The id of the run.
    pub boot: String,
    /// Milliseconds since some moment of that run.
    pub ms: u64,
}

/// The clocks, read once for each command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, which may be wrong and may jump.
    pub wall: Timestamp,
    /// The monotonic clock, if the platform has one that outlives a request.
    pub mono: Option<Monotonic>,
}

impl Now {
    /// Returns the time of a wall clock alone.
    #[must_use]
    pub const fn at(wall: Timestamp) -> Self {
        Self { wall, mono: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read_back() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_165_429_123, "2026-11-20T09:03:49.123Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (LAST, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp(ms).to_string(), text);
            assert_eq!(Timestamp::parse_rfc3339(text), Some(Timestamp(ms)));
        }
        assert_eq!(Timestamp::parse_rfc3339("1970-01-01T00:00:01Z"), Some(Timestamp(1000)));
        assert_eq!(Timestamp::parse_rfc3339("1970-01-01T00:00:01.5Z"), Some(Timestamp(1500)));
    }

    #[test]
    fn every_day_of_four_centuries_survives_the_way_there_and_back() {
        for day in 0..150_000u64 {
            let (y, m, d) = civil_from_days(day);
            assert_eq!(days_from_civil(y, m, d), day);
        }
    }

    #[test]
    fn what_is_not_utc_rfc3339_is_refused() {
        for text in [
            "",
            "2026-11-20",
            "2026-11-20T09:03:49",
            "2026-11-20T09:03:49+01:00",
            "2026-13-20T09:03:49Z",
            "2026-02-29T00:00:00Z",
            "2026-11-20T24:00:00Z",
            "2026-11-20T09:03:60Z",
            "2026-11-20T09:03:49.Z",
            "2026-11-20t09:03:49Z",
            "1969-12-31T23:59:59Z",
            "２026-11-20T09:03:49Z",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text:?}");
        }
    }
}
