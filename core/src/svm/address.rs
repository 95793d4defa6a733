//! Solana addresses: 32 bytes, written in base58.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::encoding::{base58, from_base58};

/// A Solana address: a public key, a mint, a token account or a program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 32]);

/// The error for a text that is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAddress;

impl fmt::Display for NotAnAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a Solana address (32 bytes in base58)")
    }
}

impl std::error::Error for NotAnAddress {}

impl From<Address> for Account {
    fn from(address: Address) -> Self {
        Self::new(address.to_string())
    }
}

impl Address {
    /// Returns the address with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the address's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns whether these bytes are a point on the curve, and so may have a private key. Derived addresses
    /// never are.
    #[must_use]
    pub(crate) fn is_on_curve(&self) -> bool {
        VerifyingKey::from_bytes(&self.0).is_ok()
    }

    /// Returns the first derived address of `program` for these seeds, counting the bump down from 255, as
    /// Solana's `find_program_address` does.
    ///
    /// `None` means that there is none, which happens for one in 2^255 inputs.
    #[must_use]
    pub(crate) fn find_derived(seeds: &[&[u8]], program: &Self) -> Option<Self> {
        candidates(seeds, program).find(|candidate| !candidate.is_on_curve())
    }

    /// Returns whether this address is derived from these seeds with some bump, even if an earlier bump is
    /// also off the curve.
    ///
    /// This is much faster than finding the first such bump, because no candidate has to be tested against the curve.
    ///
    /// For an account that has to exist anyway, this is just as safe. A candidate on the curve is a hash, so
    /// nobody holds its key. A program that signs only for the first bump, such as the associated token
    /// program, creates no account at a later one.
    #[must_use]
    pub(crate) fn is_derived(&self, seeds: &[&[u8]], program: &Self) -> bool {
        // Each candidate is off the curve with probability 1/2, so the first such candidate lies further down
        // for only one in 2^64 inputs.
        candidates(seeds, program).take(64).any(|candidate| candidate == *self)
    }
}

/// Returns the hashes of these seeds, one for each bump from 255 down.
fn candidates(seeds: &[&[u8]], program: &Address) -> impl Iterator<Item = Address> {
    let mut seeded = Sha256::new();
    for seed in seeds {
        seeded.update(seed);
    }
    (0..=u8::MAX).rev().map(move |bump| {
        let mut hash = seeded.clone();
        hash.update([bump]);
        hash.update(program.0);
        hash.update(b"ProgramDerivedAddress");
        Address(hash.finalize().into())
    })
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        from_base58(text).map(Self).ok_or(NotAnAddress)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base58(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
