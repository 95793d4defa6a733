//! Says times and durations as a person says them.

use std::time::{SystemTime, UNIX_EPOCH};

use coinop_core::Timestamp;

use super::http::HttpReply;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Returns the server's time: that of its header `Date`, or this machine's if there is none.
pub(super) fn now(reply: &HttpReply) -> Timestamp {
    reply.header("date").and_then(http_date).unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    })
}

/// Returns a time and how far away it is, such as `09:43:10 UTC (10 seconds)`.
pub(super) fn until(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.millis_since(now).saturating_add(500) / 1000;
    format!("{} ({})", clock(at, now), duration(seconds))
}

/// Returns a time such as `09:43:10 UTC`, with its date unless it is today's.
pub(super) fn clock(at: Timestamp, now: Timestamp) -> String {
    let text = at.to_string();
    let (date, time) = (text.get(..10).unwrap_or_default(), text.get(11..19).unwrap_or_default());
    if at.day() == now.day() { format!("{time} UTC") } else { format!("{date} {time} UTC") }
}

/// Returns a duration in its two largest units, such as `2 hours 5 minutes`.
pub(super) fn duration(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let words: Vec<String> = parts
        .into_iter()
        .skip_while(|&(count, _)| count == 0)
        .take(2)
        .filter(|&(count, _)| count > 0)
        .map(|(count, unit)| format!("{count} {unit}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if words.is_empty() { "0 seconds".to_owned() } else { words.join(" ") }
}

/// Reads the usual form of a date in HTTP: `Mon, 30 Nov 2026 09:22:07 GMT`.
fn http_date(text: &str) -> Option<Timestamp> {
    let mut words = text.split_once(", ")?.1.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    Timestamp::parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_time_of_another_day_has_its_date() {
        let now = time("2026-11-30T09:43:00Z");
        assert_eq!(until(time("2026-11-30T09:43:10.4Z"), now), "09:43:10 UTC (10 seconds)");
        assert_eq!(until(time("2026-12-01T08:00:00Z"), now), "2026-12-01 08:00:00 UTC (22 hours 17 minutes)");
    }

    #[test]
    fn a_duration_has_at_most_two_units() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (90, "1 minute 30 seconds"),
            (18_000, "5 hours"),
            (3605, "1 hour"),
            (90_061, "1 day 1 hour"),
        ] {
            assert_eq!(duration(seconds), words);
        }
    }

    #[test]
    fn the_date_of_an_answer_is_read() {
        assert_eq!(http_date("Mon, 30 Nov 2026 09:22:07 GMT"), Some(time("2026-11-30T09:22:07Z")));
        for text in ["", "Mon, 30 Nov", "Monday, 30-Nov-26 09:22:07 GMT", "Mon, 30 Foo 2026 09:22:07 GMT"] {
            assert_eq!(http_date(text), None, "{text:?}");
        }
    }
}
