//! The gateway's own wallets, which pay the network's fees.

use ed25519_dalek::SigningKey;

use crate::svm::Address;

/// The keys that pay the network's fees, and their addresses.
pub struct FeePayers {
    keys: Vec<SigningKey>,
    addresses: Vec<Address>,
}

impl FeePayers {
    /// Takes these keys. There must be at least one, and no duplicate or the merchant's own wallet.
    ///
    /// # Errors
    /// A line that says what is wrong with them.
    pub fn new(keys: Vec<SigningKey>, pay_to: &Address) -> Result<Self, String> {
        let addresses: Vec<_> = keys.iter().map(|key| Address::new(key.verifying_key().to_bytes())).collect();
        if addresses.is_empty() {
            return Err("names no key: name at least one".to_owned());
        }
        for (at, address) in addresses.iter().enumerate() {
            if address == pay_to {
                return Err(format!(
                    "{address} is also merchant.pay_to: use another wallet for fees, so that the wallet that \
                     holds your earnings never signs a stranger's transaction"
                ));
            }
            if addresses.iter().skip(at + 1).any(|other| other == address) {
                return Err(format!("has {address} twice: name each key once"));
            }
        }
        Ok(Self { keys, addresses })
    }

    /// Returns the addresses in the order of the keys.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Returns the key of an address.
    #[must_use]
    pub fn key(&self, address: &Address) -> Option<&SigningKey> {
        self.addresses.iter().zip(&self.keys).find(|(own, _)| *own == address).map(|(_, key)| key)
    }
}

/// Prints the addresses only, never a key (invariant 9).
impl std::fmt::Debug for FeePayers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FeePayers").field(&self.addresses).finish()
    }
}
