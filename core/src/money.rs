//! Amounts of money: integers in a mint's atomic units, and decimal prices as people write them. Neither ever uses
//! floating point.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::account::Account;

/// An amount in a mint's atomic units, which are millionths of a dollar for USDC.
///
/// On the wire it is a decimal string, as in x402 (specification v2, section 5.1.2), because many JSON readers lose
/// precision in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Creates an amount of `atomic` units.
    #[must_use]
    pub const fn new(atomic: u64) -> Self {
        Self(atomic)
    }

    /// Returns the number of atomic units.
    #[must_use]
    pub const fn atomic(self) -> u64 {
        self.0
    }

    /// Returns the sum; `None` beyond 2^64 - 1 atomic units.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Parses atomic units written in decimal digits, without a sign, a point or a leading zero.
    #[must_use]
    pub fn parse_atomic(text: &str) -> Option<Self> {
        let canonical = !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'));
        if canonical { text.parse().ok().map(Self) } else { None }
    }

    /// Returns the amount in token units, for people: `10000` with 6 decimals is `0.01`.
    #[must_use]
    pub fn to_decimal(self, decimals: u8) -> String {
        to_decimal(self.0.into(), decimals)
    }
}

/// Returns atomic units in token units, for people. It is for sums that may not fit into an [`Amount`].
pub(crate) fn to_decimal(atomic: u128, decimals: u8) -> String {
    let digits = usize::from(decimals);
    let padded = format!("{atomic:0>width$}", width = digits + 1);
    let (whole, fraction) = padded.split_at(padded.len() - digits);
    let fraction = fraction.trim_end_matches('0');
    match fraction.len() {
        0 => whole.to_owned(),
        // Cents are easier to read with two places.
        1 if digits > 1 => format!("{whole}.{fraction}0"),
        _ => format!("{whole}.{fraction}"),
    }
}

/// An amount of one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// The network's CAIP-2 identifier.
    pub network: String,
    /// The token's address. On Solana it is a mint.
    pub token: Account,
    /// The amount, in atomic units.
    pub amount: Amount,
    /// How many decimals the token has.
    pub decimals: u8,
}

impl Money {
    /// Returns whether both are of the same token.
    #[must_use]
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.network == other.network && self.token == other.token
    }

    /// Returns whether it is of the token with this address on this network.
    #[must_use]
    pub(crate) fn is_of(&self, network: &str, token: &impl ToString) -> bool {
        self.network == network && self.token.as_str() == token.to_string()
    }

    /// Returns the sum; `None` for different tokens, or beyond 2^64 - 1 atomic units.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let amount = self.amount.checked_add(other.amount).filter(|_| self.is_like(other))?;
        Some(Self { amount, ..self.clone() })
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse_atomic(&text)
            .ok_or_else(|| serde::de::Error::custom("an amount is a string of decimal digits"))
    }
}

/// A price as its owner wrote it: an exact decimal number of token units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    digits: u64,
    scale: u8,
}

impl Decimal {
    /// The greatest number of places after the point.
    pub(crate) const MAX_SCALE: u8 = 12;

    /// Parses `12`, `0.01` or `1.50`: digits, with at most one point that has digits on both sides and at most 12
    /// places after it. Zeros at the end do not count as places.
    ///
    /// # Errors
    /// Returns a line that says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const SHAPE: &str = "write a decimal number such as \"0.01\"";
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return Err(SHAPE);
        }
        let fraction = fraction.trim_end_matches('0');
        let scale = u8::try_from(fraction.len()).map_err(|_| SHAPE)?;
        if scale > Self::MAX_SCALE {
            return Err("must have at most 12 decimal places");
        }
        let digits = format!("{whole}{fraction}").parse().map_err(|_| "is too large")?;
        Ok(Self { digits, scale })
    }

    /// Returns whether the price is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// Returns `quantity` times this price, in atomic units of a mint with `decimals`; `None` if it does not fit into
    /// 64 bits.
    ///
    /// It is rounded **up** to a whole atomic unit, once, at the end. A fraction of an atomic unit can't be paid, and
    /// rounding down would make a price below one unit free.
    #[must_use]
    pub fn times(self, quantity: u64, decimals: u8) -> Option<Amount> {
        let total = u128::from(self.digits).checked_mul(u128::from(quantity))?;
        let atomic = if decimals >= self.scale {
            total.checked_mul(10u128.checked_pow(u32::from(decimals - self.scale))?)?
        } else {
            total.div_ceil(10u128.checked_pow(u32::from(self.scale - decimals))?)
        };
        u64::try_from(atomic).ok().map(Amount)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Amount(self.digits).to_decimal(self.scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_price_is_multiplied_exactly_and_rounded_up_once_inv_6() {
        let cases = [
            ("0.01", 1, 6, Some(10_000)),
            ("0.01", 240, 6, Some(2_400_000)),
            ("1", 3, 6, Some(3_000_000)),
            ("0.0000001", 1, 6, Some(1)),
            ("0.0000001", 10, 6, Some(1)),
            ("0.0000001", 11, 6, Some(2)),
            ("0.333333", 3, 6, Some(999_999)),
            ("0.3333333", 3, 6, Some(1_000_000)),
            ("18446744073709.551615", 1, 6, Some(u64::MAX)),
            ("18446744073709.551615", 2, 6, None),
        ];
        for (price, quantity, decimals, expected) in cases {
            let amount = Decimal::parse(price).unwrap().times(quantity, decimals);
            assert_eq!(amount.map(Amount::atomic), expected, "{price} x {quantity}");
        }
    }

    #[test]
    fn what_is_not_a_plain_decimal_is_refused() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "0x1", " 1", "1 ", "１"] {
            assert!(Decimal::parse(text).is_err(), "{text:?}");
        }
        assert!(Decimal::parse("0.0000000000001").is_err());
        assert!(Decimal::parse("99999999999999999999").is_err());
    }

    #[test]
    fn atomic_amounts_are_read_canonically_only() {
        assert_eq!(Amount::parse_atomic("10000"), Some(Amount(10_000)));
        assert_eq!(Amount::parse_atomic("0"), Some(Amount::ZERO));
        for text in ["", "007", "+1", "-1", "1.0", "1 ", "18446744073709551616"] {
            assert_eq!(Amount::parse_atomic(text), None, "{text:?}");
        }
    }

    #[test]
    fn amounts_read_well() {
        for (atomic, text) in
            [(10_000, "0.01"), (500_000, "0.50"), (3_000_000, "3"), (1, "0.000001"), (0, "0")]
        {
            assert_eq!(Amount(atomic).to_decimal(6), text);
        }
        assert_eq!(Amount(7).to_decimal(0), "7");
    }
}
