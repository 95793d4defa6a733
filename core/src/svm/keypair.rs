//! Solana's key files: a JSON array of 64 bytes, which are the private key followed by the public key. Some
//! wallets export the same bytes in base58.

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use crate::encoding::{base58_long, from_base58_long};

/// Reads a key: a JSON array of 64 numbers, or the same 64 bytes in base58.
///
/// Returns `None` for any other form, and if the public half does not belong to the secret half.
#[must_use]
pub fn parse(text: &str) -> Option<SigningKey> {
    let text = text.trim();
    let bytes: Zeroizing<[u8; 64]> = if text.starts_with('[') {
        let bytes = Zeroizing::new(serde_json::from_str::<Vec<u8>>(text).ok()?);
        Zeroizing::new(bytes.as_slice().try_into().ok()?)
    } else {
        Zeroizing::new(from_base58_long(text)?)
    };
    SigningKey::from_keypair_bytes(&bytes).ok()
}

/// Reads one key in a form that [`parse`] reads, or several: a JSON array of such keys, or base58 keys separated by
/// commas.
///
/// Returns `None` if there is no key, or any of them can't be read.
#[must_use]
pub fn parse_list(text: &str) -> Option<Vec<SigningKey>> {
    if let Some(key) = parse(text) {
        return Some(vec![key]);
    }
    let keys: Option<Vec<_>> = match serde_json::from_str::<Vec<serde_json::Value>>(text.trim()) {
        Ok(list) => list.iter().map(|entry| parse(entry.as_str().unwrap_or(&entry.to_string()))).collect(),
        Err(_) => text.split(',').map(parse).collect(),
    };
    keys.filter(|keys| !keys.is_empty())
}

/// Writes keys in a form that [`parse_list`] reads.
#[must_use]
pub fn list_to_text(keys: &[SigningKey]) -> Zeroizing<String> {
    // Each key has at most 88 characters. With room for all, no growth leaves an old copy behind.
    let mut text = Zeroizing::new(String::with_capacity(keys.len() * 89));
    for key in keys {
        if !text.is_empty() {
            text.push(',');
        }
        let bytes = Zeroizing::new(key.to_keypair_bytes());
        text.push_str(&Zeroizing::new(base58_long(&bytes)));
    }
    text
}

/// Writes a key in the form of Solana's tools.
#[must_use]
pub fn to_json(key: &SigningKey) -> String {
    let numbers: Vec<_> = key.to_keypair_bytes().iter().map(ToString::to_string).collect();
    format!("[{}]", numbers.join(","))
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

    #[test]
    fn a_list_is_read_in_every_form_and_only_as_a_whole() {
        let keys = [keys::payer(), keys::merchant()];
        let json = keys.each_ref().map(to_json);
        let base58 = keys.each_ref().map(|key| base58_long(&key.to_keypair_bytes()));
        for text in [
            list_to_text(&keys).to_string(),
            format!("{} , {}\n", base58[0], base58[1]),
            format!("[{}, {}]", json[0], json[1]),
            format!("[\"{}\", {}]", base58[0], json[1]),
        ] {
            assert_eq!(parse_list(&text).as_deref(), Some(keys.as_slice()), "{text}");
        }
        assert_eq!(parse_list(&json[0]).as_deref(), Some(&keys[..1]));
        assert_eq!(parse_list(&base58[0]).as_deref(), Some(&keys[..1]));
        for text in ["", "[]", ",", "[1,2,3]", &format!("{},", base58[0]), &format!("[{}, 1]", json[0])] {
            assert!(parse_list(text).is_none(), "{text}");
        }
    }
}
