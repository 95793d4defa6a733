//! Reads small texts that other programs write.

use anyhow::{Context, Result};

/// Returns `text` without the escape sequences that colour it.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            // The sequence is ESC [ parameters letter.
            if chars.next() == Some('[') {
                for char in chars.by_ref() {
                    if char.is_ascii_alphabetic() {
                        break;
                    }
                }
            }
        } else {
            out.push(char);
        }
    }
    out
}

/// Converts an RFC 3339 time in UTC (`2026-01-31T12:00:00.250Z`) into milliseconds since 1970.
pub(crate) fn unix_millis(text: &str) -> Result<i64> {
    parse_utc(text).with_context(|| format!("{text:?} is not a UTC time as RFC 3339 writes it"))
}

fn parse_utc(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut time = time.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
    let millis: i64 = padded.parse().ok()?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days since 1970 in the Gregorian calendar. March counts as the first month, so that a leap day is the
    // last day of a year.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millis)
}

/// Formats `millis` as seconds with two decimals.
pub(crate) fn seconds(millis: i64) -> String {
    let sign = if millis < 0 { "-" } else { "" };
    let millis = millis.unsigned_abs();
    format!("{sign}{}.{:02} s", millis / 1000, millis % 1000 / 10)
}

/// Formats an amount of USDC, which has six decimals, given in atomic units.
pub(crate) fn usdc(atomic: u64) -> String {
    const ONE: u64 = 1_000_000;
    let fraction = format!("{:06}", atomic % ONE);
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{}{dot}{fraction}", atomic / ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(plain("\u{1b}[32mok\u{1b}[0m. 3"), "ok. 3");
        assert_eq!(plain("plain"), "plain");
    }

    #[test]
    fn times_are_read() {
        assert_eq!(unix_millis("1970-01-01T00:00:00Z").unwrap(), 0);
        assert_eq!(unix_millis("2000-02-29T23:59:59.5Z").unwrap(), 951_868_799_500);
        assert_eq!(unix_millis("2026-11-20T09:16:09.123456Z").unwrap(), 1_795_166_169_123);
        for wrong in ["", "yesterday", "2026-11-20", "2026-13-01T00:00:00Z", "2026-11-20T09:16:09+01:00"] {
            assert!(unix_millis(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn amounts_and_durations_are_readable() {
        assert_eq!(usdc(5_000), "0.005");
        assert_eq!(usdc(25_000_000), "25");
        assert_eq!(seconds(1_234), "1.23 s");
        assert_eq!(seconds(-60), "-0.06 s");
    }
}
