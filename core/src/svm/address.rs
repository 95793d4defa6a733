//! Solana addresses: 32 bytes, written in base58.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A Solana address: a public key, a mint, a token account or a program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 32]);

/// What is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAddress;

impl fmt::Display for NotAnAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a Solana address (32 bytes in base58)")
    }
}

impl std::error::Error for NotAnAddress {}

impl Address {
    /// The address of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether these bytes are a point of the curve, and so may have a private key.
    /// Derived addresses never are.
    #[must_use]
    pub fn is_on_curve(&self) -> bool {
        VerifyingKey::from_bytes(&self.0).is_ok()
    }

    /// The first derived address of `program` for these seeds, counting the bump
    /// down from 255 (Solana's `find_program_address`). `None` if there is none,
    /// which happens for one in 2^255 inputs.
    #[must_use]
    pub fn find_derived(seeds: &[&[u8]], program: &Self) -> Option<Self> {
        (0..=u8::MAX).rev().find_map(|bump| {
            let mut hash = Sha256::new();
            for seed in seeds {
                hash.update(seed);
            }
            hash.update([bump]);
            hash.update(program.0);
            hash.update(b"ProgramDerivedAddress");
            let candidate = Self(hash.finalize().into());
            (!candidate.is_on_curve()).then_some(candidate)
        })
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // 44 is the longest that 32 bytes can be; decoding is quadratic.
        if text.len() > 44 {
            return Err(NotAnAddress);
        }
        let mut bytes = [0; 32];
        match bs58::decode(text).onto(&mut bytes) {
            Ok(32) => Ok(Self(bytes)),
            _ => Err(NotAnAddress),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.0).into_string())
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
