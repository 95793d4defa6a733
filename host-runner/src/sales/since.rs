//! The moment since which sales are listed.

use coinop_core::Timestamp;

/// Reads a UTC date or time, or a number of hours or days before `now`.
pub(super) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let moment = back(text, now)
        .or_else(|| Timestamp::parse_rfc3339(text))
        .or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")));
    moment.ok_or_else(|| {
        format!(
            "--since {text}: write a UTC date such as 2026-11-01, a UTC time such as 2026-11-01T18:00:00Z, or a \
             time back such as 24h or 7d"
        )
    })
}

fn back(text: &str, now: Timestamp) -> Option<Timestamp> {
    const HOUR_MS: u64 = 3_600_000;
    let (digits, unit) = match text.strip_suffix('h') {
        Some(digits) => (digits, HOUR_MS),
        None => (text.strip_suffix('d')?, 24 * HOUR_MS),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let ms = digits.parse::<u64>().ok()?.saturating_mul(unit);
    Some(Timestamp::from_millis(now.millis().saturating_sub(ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_a_time_and_a_time_back_are_read() {
        let now = Timestamp::parse_rfc3339("2026-11-20T09:00:00Z").unwrap();
        for (text, expected) in [
            ("2026-11-01", "2026-11-01T00:00:00.000Z"),
            ("2026-11-01T18:30:00Z", "2026-11-01T18:30:00.000Z"),
            ("24h", "2026-11-19T09:00:00.000Z"),
            ("7d", "2026-11-13T09:00:00.000Z"),
            ("0h", "2026-11-20T09:00:00.000Z"),
            // Further back than there is time.
            ("99999999d", "1970-01-01T00:00:00.000Z"),
            ("18446744073709551615d", "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(parse(text, now).map(|moment| moment.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_in_one_line_that_says_what_to_write() {
        let now = Timestamp::default();
        for text in [
            "",
            "h",
            "d",
            "-1h",
            "+1h",
            "1.5h",
            "1w",
            "24 h",
            "yesterday",
            "2026-13-01",
            "2026-02-30",
            "01.11.2026",
        ] {
            let error = parse(text, now).unwrap_err();
            assert!(error.contains("24h") && !error.contains('\n'), "{error}");
        }
    }
}
