//! The most that may be paid. It uses integers only: a price is compared in the mint's atomic units, never as
//! a floating-point number.

use coinop_core::{Amount, Decimal};

/// The most decimals that a mint may have. With more, sums would not fit.
const MAX_DECIMALS: u8 = 18;

/// Reads `--max`.
pub(super) fn parse(text: &str) -> Result<Decimal, String> {
    Decimal::parse(text).map_err(|error| format!("--max {text}: {error}"))
}

/// Refuses a price above the limit, and says what to pass to accept it.
pub(super) fn check(limit: Decimal, price: Amount, decimals: u8, symbol: &str) -> Result<(), String> {
    if decimals > MAX_DECIMALS {
        return Err(format!(
            "the token has {decimals} decimals, and at most {MAX_DECIMALS} are supported; you were not charged"
        ));
    }
    if price <= most(limit, decimals) {
        return Ok(());
    }
    let price = price.to_decimal(decimals);
    Err(format!(
        "the price of {price} {symbol} is above the limit of {limit}; you were not charged; \
         to accept it, pass --max {price}"
    ))
}

/// Returns the largest amount that is not above the limit.
fn most(limit: Decimal, decimals: u8) -> Amount {
    // A limit beyond 64 bits is more than can exist of this token.
    let Some(rounded_up) = limit.times(1, decimals) else { return Amount::new(u64::MAX) };
    if Decimal::parse(&rounded_up.to_decimal(decimals)) == Ok(limit) {
        rounded_up
    } else {
        Amount::new(rounded_up.atomic().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(limit: &str, price: u64, decimals: u8) -> bool {
        check(parse(limit).unwrap(), Amount::new(price), decimals, "USDC").is_ok()
    }

    #[test]
    fn the_limit_itself_is_paid_and_one_unit_more_is_not() {
        for (limit, most, decimals) in [
            ("1.00", 1_000_000, 6),
            ("1", 1_000_000, 6),
            ("0.50", 500_000, 6),
            ("0", 0, 6),
            ("3", 3, 0),
            ("0.000001", 1, 6),
            // Finer than the token's decimals: rounded down, never up.
            ("0.0000019", 1, 6),
            ("0.0000009", 0, 6),
            ("0.9", 0, 0),
            ("1.000000000001", 1_000_000_000_001_000_000, 18),
        ] {
            assert!(accepts(limit, most, decimals), "{limit}");
            assert!(!accepts(limit, most + 1, decimals), "{limit}");
        }
        assert!(accepts("18446744073709551615", u64::MAX, 6));
    }

    #[test]
    fn a_refusal_says_the_price_and_what_to_pass() {
        let error = check(parse("1.00").unwrap(), Amount::new(2_500_000), 6, "USDC").unwrap_err();
        assert!(error.contains("2.50 USDC") && error.contains("--max 2.50"), "{error}");
        // The value that the message names is high enough.
        assert!(accepts("2.50", 2_500_000, 6));
        assert!(check(parse("1").unwrap(), Amount::new(1), 39, "X").is_err());
        assert!(parse("1,00").unwrap_err().starts_with("--max 1,00: "));
    }
}
