//! Tariffs: what a quantity of an asset costs, and how long it lasts.
//!
//! One pure function, [`Tariff::quote`], prices a quantity. Every quote, bill and display calls it (invariant 6).

use serde::{Deserialize, Serialize};

use crate::money::{Amount, Decimal};
use crate::session::{Allowance, MAX_SECONDS};

/// What one unit of a quantity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// 1 second.
    Second,
    /// 60 seconds.
    Minute,
    /// 3,600 seconds.
    Hour,
    /// 86,400 seconds.
    Day,
    /// A whole session, whose length the tariff states.
    Session,
}

impl Unit {
    /// All units.
    pub const ALL: [Self; 5] = [Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Session];

    /// Returns the unit's name in a configuration and in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Session => "session",
        }
    }

    /// Returns quantities of this unit that people often want.
    const fn round_quantities(self) -> [u64; 4] {
        match self {
            Self::Second => [10, 30, 60, 300],
            Self::Minute => [5, 15, 30, 60],
            Self::Hour => [1, 2, 4, 8],
            Self::Day => [1, 2, 3, 7],
            Self::Session => [1, 2, 3, 4],
        }
    }

    /// Returns the unit with this name.
    #[must_use]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }
}

/// The pricing rule of an asset: a fixed price for each unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// The price of one unit, in token units. For USDC these are dollars.
    pub price: Decimal,
    /// What one unit is.
    pub unit: Unit,
    /// How long one unit lasts, in seconds.
    pub unit_seconds: u64,
    /// The smallest quantity that can be bought at once, in units.
    pub min_quantity: u64,
    /// The greatest quantity that can be bought at once, in units.
    pub max_quantity: u64,
}

/// The price and the length of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priced {
    /// How many units.
    pub quantity: u64,
    /// How long they last, in seconds.
    pub seconds: u64,
    /// The price, in atomic units of the token.
    pub amount: Amount,
}

impl Priced {
    /// Returns what the quantity entitles to.
    #[must_use]
    pub const fn allowance(&self) -> Allowance {
        Allowance::Time { seconds: self.seconds }
    }
}

/// Why a quantity has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuantityError {
    /// It is below the tariff's smallest quantity.
    TooSmall,
    /// It is above the tariff's greatest quantity.
    TooLarge,
    /// Its price does not fit into 64 bits of atomic units, or its length does not fit into 64 bits of seconds.
    Overflow,
}

impl Tariff {
    /// Prices a quantity in a token with `decimals`. Without a quantity it prices the smallest that can be bought.
    ///
    /// # Errors
    /// Returns a [`QuantityError`] if the quantity is outside the tariff's bounds, or its price or length overflows.
    pub fn quote(&self, quantity: Option<u64>, decimals: u8) -> Result<Priced, QuantityError> {
        let quantity = quantity.unwrap_or(self.min_quantity);
        let amount = self.price(quantity, decimals)?;
        let seconds = self.seconds(quantity).ok_or(QuantityError::Overflow)?;
        Ok(Priced { quantity, seconds, amount })
    }

    /// Returns the price of one unit for display, in atomic units of a token with `decimals`; `None` beyond 2^64 - 1.
    #[must_use]
    pub(crate) fn unit_price(&self, decimals: u8) -> Option<Amount> {
        self.price.times(1, decimals)
    }

    /// Returns the price of `quantity` units, in atomic units of a mint with `decimals`. It is rounded up to a whole
    /// atomic unit once, after multiplying.
    ///
    /// # Errors
    /// Returns a [`QuantityError`] if the quantity is outside the tariff's bounds, or the price overflows.
    pub fn price(&self, quantity: u64, decimals: u8) -> Result<Amount, QuantityError> {
        if quantity < self.min_quantity.max(1) {
            return Err(QuantityError::TooSmall);
        }
        if quantity > self.max_quantity {
            return Err(QuantityError::TooLarge);
        }
        self.price.times(quantity, decimals).ok_or(QuantityError::Overflow)
    }

    /// Returns up to four quantities to offer a person, in rising order: round ones within the bounds.
    #[must_use]
    pub(crate) fn presets(&self) -> Vec<u64> {
        const MOST: usize = 4;
        let least = self.min_quantity.max(1);
        let in_bounds = |quantity: &u64| (least..=self.max_quantity).contains(quantity);
        let round: Vec<u64> = self.unit.round_quantities().into_iter().filter(in_bounds).collect();
        if round.len() > 1 {
            return round;
        }
        let multiples = [1, 2, 4, 8].into_iter().filter_map(|factor| least.checked_mul(factor));
        multiples.filter(in_bounds).take(MOST).collect()
    }

    /// Returns how long `quantity` units last, in seconds; `None` beyond 2^64 - 1.
    #[must_use]
    pub fn seconds(&self, quantity: u64) -> Option<u64> {
        self.unit_seconds.checked_mul(quantity)
    }
}

/// Returns what `part` of `whole` costs, if all of it costs `price`. It is rounded up to a whole atomic unit, as every price
/// is. Nothing of nothing costs nothing.
#[must_use]
pub(crate) fn part(price: Amount, part: u64, whole: u64) -> Amount {
    let all = u128::from(price.atomic()) * u128::from(part.min(whole));
    let cost = all.div_ceil(u128::from(whole.max(1)));
    u64::try_from(cost).map_or(price, Amount::new)
}

/// Returns the length of one unit, in seconds; `None` for a session without a stated length.
#[must_use]
pub(crate) const fn unit_seconds(unit: Unit, session_seconds: Option<u64>) -> Option<u64> {
    match unit {
        Unit::Second => Some(1),
        Unit::Minute => Some(60),
        Unit::Hour => Some(3_600),
        Unit::Day => Some(86_400),
        Unit::Session => session_seconds,
    }
}

/// Returns the greatest quantity that can be bought at once by default, which is never below the smallest quantity.
///
/// It is one whole session, or as many of the other units as fit into the longest session.
#[must_use]
pub(crate) fn default_max_quantity(unit: Unit, unit_seconds: u64, min_quantity: u64) -> u64 {
    let most = if unit == Unit::Session { 1 } else { MAX_SECONDS.checked_div(unit_seconds).unwrap_or(1) };
    min_quantity.max(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tariff() -> Tariff {
        let price = Decimal::parse("0.01").unwrap();
        Tariff { price, unit: Unit::Minute, unit_seconds: 60, min_quantity: 2, max_quantity: 240 }
    }

    #[test]
    fn a_quantity_inside_the_bounds_has_one_price_and_length_inv_6() {
        assert_eq!(tariff().price(2, 6), Ok(Amount::new(20_000)));
        assert_eq!(tariff().price(240, 6), Ok(Amount::new(2_400_000)));
        assert_eq!(tariff().seconds(240), Some(14_400));
    }

    #[test]
    fn what_is_quoted_is_the_price_and_the_length_of_the_same_quantity_inv_6() {
        let quote = |quantity| tariff().quote(quantity, 6);
        for quantity in 2..=240 {
            let (amount, seconds) = (tariff().price(quantity, 6), tariff().seconds(quantity).unwrap());
            assert_eq!(quote(Some(quantity)), amount.map(|amount| Priced { quantity, seconds, amount }));
        }
        assert_eq!(quote(None), quote(Some(2)), "the least where nobody says how much");
        assert_eq!(quote(Some(1)), Err(QuantityError::TooSmall));
        assert_eq!(quote(Some(241)), Err(QuantityError::TooLarge));
        let endless = Tariff { unit_seconds: u64::MAX, ..tariff() };
        assert_eq!(endless.quote(Some(2), 6), Err(QuantityError::Overflow));
    }

    #[test]
    fn what_is_offered_to_people_is_round_and_within_the_bounds() {
        let offered = |unit, min_quantity, max_quantity| {
            Tariff { unit, min_quantity, max_quantity, ..tariff() }.presets()
        };
        assert_eq!(offered(Unit::Second, 1, 900), [10, 30, 60, 300]);
        assert_eq!(offered(Unit::Minute, 10, 45), [15, 30]);
        assert_eq!(offered(Unit::Session, 1, 1), [1]);
        assert_eq!(offered(Unit::Minute, 120, 1_000), [120, 240, 480, 960]);
        assert_eq!(offered(Unit::Hour, u64::MAX, u64::MAX), [u64::MAX]);
        for (least, most) in [(1, 1), (1, 7), (7, 7), (3, 1_000), (0, 5)] {
            for unit in Unit::ALL {
                let offered = offered(unit, least, most);
                assert!(!offered.is_empty() && offered.is_sorted(), "{unit:?} {least} {most}");
                assert!(offered.iter().all(|quantity| (least.max(1)..=most).contains(quantity)));
            }
        }
    }

    #[test]
    fn a_quantity_outside_the_bounds_has_none() {
        assert_eq!(tariff().price(0, 6), Err(QuantityError::TooSmall));
        assert_eq!(tariff().price(1, 6), Err(QuantityError::TooSmall));
        assert_eq!(tariff().price(241, 6), Err(QuantityError::TooLarge));
        let wide = Tariff { min_quantity: 0, max_quantity: u64::MAX, ..tariff() };
        assert_eq!(wide.price(0, 6), Err(QuantityError::TooSmall));
        assert_eq!(wide.price(u64::MAX, 6), Err(QuantityError::Overflow));
    }
}
