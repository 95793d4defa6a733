//! Accounts on any network.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The address of an account, in the form in which its network writes it.
///
/// Stored purchases name accounts by this, so that they can be read whatever network they are of. Only a rail
/// interprets the address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Account(String);

impl Account {
    /// Takes an address as its network writes it.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self(address.into())
    }

    /// Returns the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
