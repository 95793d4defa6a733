//! Converts token amounts between decimal text and atomic units, with integers only.

/// Reads `text`, a plain decimal number such as `25` or `0.5`, as atomic units of a mint with `decimals`
/// decimals. The error says what to change.
pub(crate) fn parse(text: &str, decimals: u8) -> Result<u64, String> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || fraction.is_some_and(|part| !digits(part)) {
        return Err(format!(
            "\"{text}\" is not an amount: write it as a plain decimal number, like 25 or 0.5"
        ));
    }
    let fraction = fraction.unwrap_or("");
    let places = usize::from(decimals);
    if fraction.len() > places {
        return Err(format!(
            "\"{text}\" has too many decimals: use at most {decimals} digits after the point"
        ));
    }
    format!("{whole}{fraction:0<places$}")
        .parse()
        .map_err(|_| format!("\"{text}\" is too large: use less than 2^64 atomic units"))
}

/// Writes `units` as a decimal number without trailing zeros, as in the RPC's `uiAmountString`.
pub(crate) fn display(units: u64, decimals: u8) -> String {
    let places = usize::from(decimals);
    let padded = format!("{units:0>width$}", width = places.saturating_add(1));
    let (whole, fraction) = padded.split_at(padded.len().saturating_sub(places));
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::{display, parse};

    #[test]
    fn reads_decimal_amounts_exactly() {
        for (text, units) in [
            ("25", 25_000_000),
            ("0.5", 500_000),
            ("0", 0),
            ("0.000001", 1),
            ("1.100000", 1_100_000),
            ("18446744073709.551615", u64::MAX),
        ] {
            assert_eq!(parse(text, 6), Ok(units), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_an_amount() {
        for text in ["", ".", ".5", "5.", "-1", "+1", "1e3", "1,5", " 1", "0x1", "1.2.3", "٣"] {
            let error = parse(text, 6).expect_err(text);
            assert!(error.contains("plain decimal"), "{text}: {error}");
        }
        assert!(parse("0.0000001", 6).is_err());
        assert!(parse("18446744073709.551616", 6).is_err());
        assert!(parse(&"9".repeat(400), 6).is_err());
    }

    #[test]
    fn writes_amounts_as_clients_expect() {
        for (units, text) in
            [(0, "0"), (1, "0.000001"), (500_000, "0.5"), (25_000_000, "25"), (1_100_000, "1.1")]
        {
            assert_eq!(display(units, 6), text);
        }
        assert_eq!(display(7, 0), "7");
    }
}
