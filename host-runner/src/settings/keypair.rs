//! A Solana key from a file or from the environment.

use std::path::Path;

use ed25519_dalek::SigningKey;

/// Reads a key pair. Never says what it found.
pub(crate) fn parse(text: &str) -> Result<SigningKey, String> {
    coinop_core::svm::keypair::parse(text)
        .ok_or_else(|| "must be a Solana key: a JSON array of 64 numbers, or the same in base58".to_owned())
}

/// The key that pays the network's fees, from `COINOP_FEE_PAYER` or the file
/// the configuration names. `None` for the file: the configuration names none.
pub(crate) fn fee_payer(given: Option<String>, file: Option<&Path>) -> Result<SigningKey, String> {
    if let Some(text) = given {
        return parse(&text).map_err(|error| format!("COINOP_FEE_PAYER {error}"));
    }
    let file = file
        .ok_or("no fee payer: name a key's file here (`coinop keygen --out FILE` makes one), or set COINOP_FEE_PAYER")?;
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("there is no {name}; make one with `coinop keygen --out {name}`, or set COINOP_FEE_PAYER")
        }
        _ => format!("{name} cannot be read: {error}"),
    })?;
    parse(&text).map_err(|error| format!("{name} {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[5; 32])
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key.json");
        let other = SigningKey::from_bytes(&[6; 32]);
        std::fs::write(&file, coinop_core::svm::keypair::to_json(&other)).unwrap();
        assert_eq!(fee_payer(None, Some(&file)).unwrap(), other);
        let base58 = bs58::encode(key().to_keypair_bytes()).into_string();
        assert_eq!(fee_payer(Some(base58), Some(&file)).unwrap(), key());
    }

    #[test]
    fn mistakes_show_no_key() {
        let mut bytes = key().to_keypair_bytes();
        bytes[63] ^= 1;
        let wrong = bs58::encode(bytes).into_string();
        for text in ["", "[1,2,3]", "[1,2,", wrong.as_str(), "0OIl"] {
            let error = parse(text).unwrap_err();
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
        let error = fee_payer(None, Some(Path::new("/nowhere/none.json"))).unwrap_err();
        assert!(error.contains("coinop keygen"), "{error}");
        assert!(fee_payer(None, None).is_err());
        let error = fee_payer(Some("x".into()), None).unwrap_err();
        assert!(error.starts_with("COINOP_FEE_PAYER"), "{error}");
    }
}
