//! The throwaway keys of the captured payments and the local chain.

use ed25519_dalek::SigningKey;

use crate::account::Account;
use crate::encoding::from_hex;
use crate::svm::Address;

fn key(seed: &str) -> SigningKey {
    SigningKey::from_bytes(&from_hex(seed).unwrap_or_default())
}

/// Returns the buyer's key.
#[must_use]
pub fn payer() -> SigningKey {
    key("a8ced61dcbe668503e43e200aade87b3c06d600fd2367185a68e91233478fe1a")
}

/// Returns the gateway's fee payer key.
#[must_use]
pub fn fee_payer() -> SigningKey {
    key("b73c7a7346ffdafc9dec8f2a3943e29a93c5559bbd6c5024f8b9c99a5a0e22fd")
}

/// Returns the key of the merchant's wallet.
#[must_use]
pub fn merchant() -> SigningKey {
    key("cb4d07b0483ffe6c301248193abf2cee44fac1b287553562039bf98f98d9fb66")
}

/// Returns a different key for each number.
#[must_use]
pub fn numbered(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

/// Returns the address of a key.
#[must_use]
pub fn address(key: &SigningKey) -> Address {
    Address::new(key.verifying_key().to_bytes())
}

/// Returns the account of a numbered key.
#[must_use]
pub fn account(number: u8) -> Account {
    address(&numbered(number)).into()
}
