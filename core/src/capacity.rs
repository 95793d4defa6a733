//! How many sessions of an asset may run at once.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many sessions of an asset may run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// So many: one is an exclusive asset, more a shared one.
    Limited(u64),
    /// As many as are bought: nobody has to be asked.
    Unlimited,
}

/// How many is written for [`Capacity::Unlimited`] where it is stored.
const NO_LIMIT: u64 = 0;

/// The word for [`Capacity::Unlimited`] in a configuration and in the API.
const UNLIMITED: &str = "unlimited";

impl Capacity {
    /// One session at a time.
    pub const EXCLUSIVE: Self = Self::Limited(1);
    /// What is written for it, for error messages.
    pub(crate) const SHAPE: &'static str = "must be a number of sessions from 1 on, or \"unlimited\"";

    /// Says whether one session has the asset to itself.
    #[must_use]
    pub(crate) fn is_exclusive(&self) -> bool {
        *self == Self::EXCLUSIVE
    }

    /// Says whether sessions share the asset, however many may.
    #[must_use]
    pub(crate) fn is_shared(&self) -> bool {
        !self.is_exclusive()
    }

    /// Returns how many sessions may share the asset; `None` where one has it to itself, or any number may.
    #[must_use]
    pub(crate) const fn seats(self) -> Option<u64> {
        match self {
            Self::Limited(seats) if seats > 1 => Some(seats),
            Self::Limited(_) | Self::Unlimited => None,
        }
    }

    /// Returns what stands in a configuration and in the API: a number or the word.
    #[must_use]
    pub(crate) fn shown(self) -> serde_json::Value {
        match self {
            Self::Limited(seats) => seats.into(),
            Self::Unlimited => UNLIMITED.into(),
        }
    }

    /// Reads what stands in a configuration. `None` if it is neither a number from 1 on nor the word.
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

/// How it is stored: a number, 0 for no limit.
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
