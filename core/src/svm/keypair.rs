//! Solana's key files: a JSON array of 64 bytes, the private key and behind it the
//! public key; some wallets export the same bytes in base58.

use ed25519_dalek::SigningKey;

use crate::encoding::from_base58_long;

/// Reads a key in either form. `None` if it is neither, or if its halves do not
/// belong together.
#[must_use]
pub fn parse(text: &str) -> Option<SigningKey> {
    let text = text.trim();
    let bytes = if text.starts_with('[') {
        serde_json::from_str::<Vec<u8>>(text).ok()?.try_into().ok()?
    } else {
        from_base58_long(text)?
    };
    SigningKey::from_keypair_bytes(&bytes).ok()
}

/// Writes a key as Solana's tools do.
#[must_use]
pub fn to_json(key: &SigningKey) -> String {
    serde_json::to_string(key.to_keypair_bytes().as_slice()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::keys;

    #[test]
    fn a_key_is_read_in_both_forms_and_only_if_its_halves_fit() {
        let key = keys::payer();
        let json = to_json(&key);
        assert_eq!(parse(&json).unwrap(), key);
        assert_eq!(parse(&format!(" {json}\n")).unwrap(), key);
        assert_eq!(parse(&bs58::encode(key.to_keypair_bytes()).into_string()).unwrap(), key);
        let mut wrong = key.to_keypair_bytes();
        wrong[63] ^= 1;
        assert!(parse(&serde_json::to_string(wrong.as_slice()).unwrap()).is_none());
        for text in ["", "[]", "[1,2,3]", "[256]", "hello", &"1".repeat(91)] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
