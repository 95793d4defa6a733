//! How many sessions of an asset may run at once.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many sessions of an asset may run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// At most this number: 1 is an exclusive asset, more is a shared one.
    Limited(u64),
    /// Any number. Nothing has to be counted.
    Unlimited,
}

/// The number that stands for [`Capacity::Unlimited`] where a capacity is stored.
const NO_LIMIT: u64 = 0;

/// The word for [`Capacity::Unlimited`] in a configuration and in the API.
const UNLIMITED: &str = "unlimited";

impl Capacity {
    /// One session at a time.
    pub const EXCLUSIVE: Self = Self::Limited(1);
    /// The form of a capacity, for error messages.
    pub(crate) const SHAPE: &'static str = "must be a whole number of sessions, 1 or more, or \"unlimited\"";

    /// Returns whether one session has the asset to itself.
    #[must_use]
    pub(crate) fn is_exclusive(&self) -> bool {
        *self == Self::EXCLUSIVE
    }

    /// Returns whether several sessions can share the asset.
    #[must_use]
    pub(crate) fn is_shared(&self) -> bool {
        !self.is_exclusive()
    }

    /// Returns how many seats a shared asset has; `None` if the asset is exclusive or unlimited.
    #[must_use]
    pub(crate) const fn seats(self) -> Option<u64> {
        match self {
            Self::Limited(seats) if seats > 1 => Some(seats),
            Self::Limited(_) | Self::Unlimited => None,
        }
    }

    /// Returns the capacity as a configuration and the API write it: a number or `"unlimited"`.
    #[must_use]
    pub(crate) fn shown(self) -> serde_json::Value {
        match self {
            Self::Limited(seats) => seats.into(),
            Self::Unlimited => UNLIMITED.into(),
        }
    }

    /// Reads a capacity from a configuration; `None` if it is neither a number of at least 1 nor `"unlimited"`.
    #[must_use]
    pub fn read(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::String(word) if word == UNLIMITED => Some(Self::Unlimited),
            other => other.as_u64().filter(|seats| *seats > 0).map(Self::Limited),
        }
    }
}

impl Default for Capacity {
    fn default() -> Self {
        Self::EXCLUSIVE
    }
}

/// Stores a capacity as a number; 0 means no limit.
impl Serialize for Capacity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seats = match self {
            Self::Limited(seats) => *seats,
            Self::Unlimited => NO_LIMIT,
        };
        serializer.serialize_u64(seats)
    }
}

impl<'de> Deserialize<'de> for Capacity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seats = u64::deserialize(deserializer)?;
        Ok(if seats == NO_LIMIT { Self::Unlimited } else { Self::Limited(seats) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_capacity_is_a_number_from_one_on_or_a_word() {
        let cases = [
            (json!(1), Some(Capacity::EXCLUSIVE), None),
            (json!(2), Some(Capacity::Limited(2)), Some(2)),
            (json!("unlimited"), Some(Capacity::Unlimited), None),
            (json!(0), None, None),
            (json!(-1), None, None),
            (json!(1.5), None, None),
            (json!("1"), None, None),
            (Value::Null, None, None),
        ];
        for (value, read, seats) in cases {
            assert_eq!(Capacity::read(&value), read, "{value}");
            assert_eq!(read.and_then(Capacity::seats), seats, "{value}");
            if let Some(capacity) = read {
                assert_eq!(capacity.shown(), value);
                let stored = serde_json::to_string(&capacity).unwrap();
                assert_eq!(serde_json::from_str::<Capacity>(&stored).unwrap(), capacity);
            }
        }
    }
}
