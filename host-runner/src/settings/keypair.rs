//! The keys that pay the network's fees, from files or from the environment.

use std::path::{Path, PathBuf};

use coinop_core::settlement::FeePayers;
use coinop_core::svm::{Address, keypair};
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::Settings;

/// The variable that takes precedence over the files.
const VARIABLE: &str = "COINOP_FEE_PAYER";
/// The configuration's key that names one file, and the one that names several.
const KEY: &str = "settlement.fee_payer_keypair";
const LIST_KEY: &str = "settlement.fee_payer_keypairs";
const NONE_NAMED: &str = "no fee payer is set; make a key with `coinop keygen --out FILE` and write FILE \
                          here, or set COINOP_FEE_PAYER";

/// Reads one key pair. The error never shows what was found.
pub(crate) fn parse(text: &str) -> Result<SigningKey, String> {
    keypair::parse(text)
        .ok_or_else(|| "must be a Solana key: a JSON array of 64 numbers, or the same in base58".to_owned())
}

/// Returns the fee payers' keys: those in `COINOP_FEE_PAYER` if it is set (`given`), otherwise those in the
/// files that the configuration names.
///
/// # Errors
///
/// A line that says what is wrong and names the variable or the configuration's key.
pub(crate) fn fee_payers(settings: &Settings, given: Option<String>) -> Result<Keys, String> {
    let settlement = &settings.config.settlement;
    let files: Vec<_> = settlement.fee_payer_keypairs.iter().map(|file| settings.folder.join(file)).collect();
    let is_list = settings.json.pointer("/settlement/fee_payer_keypairs").is_some();
    let key = if is_list { LIST_KEY } else { KEY };
    let blame = |error: String, from_variable: bool| {
        if from_variable { format!("{VARIABLE} {error}") } else { settings.mistake(key, error) }
    };
    let from_variable = given.is_some();
    let keys = read(given, &files).and_then(|keys| Keys::new(keys, &settings.config.merchant.pay_to));
    keys.map_err(|error| blame(error, from_variable))
}

/// Returns the fee payers' keys in the text of `COINOP_FEE_PAYER`, for a merchant who is paid at `pay_to`.
///
/// # Errors
/// A line that says what is wrong and names the variable.
pub(crate) fn from_variable(text: &str, pay_to: &Address) -> Result<Keys, String> {
    let keys = read_variable(text).and_then(|keys| Keys::new(keys, pay_to));
    keys.map_err(|error| format!("{VARIABLE} {error}"))
}

/// The fee payers: their addresses, and their keys in the form that the component reads.
pub(crate) struct Keys {
    pub(crate) addresses: Vec<Address>,
    pub(crate) text: Zeroizing<String>,
}

impl Keys {
    fn new(keys: Vec<SigningKey>, pay_to: &Address) -> Result<Self, String> {
        let text = keypair::list_to_text(&keys);
        let fee_payers = FeePayers::new(keys, pay_to)?;
        Ok(Self { addresses: fee_payers.addresses().to_vec(), text })
    }
}

fn read_variable(text: &str) -> Result<Vec<SigningKey>, String> {
    keypair::parse_list(text).ok_or_else(|| {
        "must be a Solana key (a JSON array of 64 numbers, or the same in base58), or a list of them"
            .to_owned()
    })
}

fn read(given: Option<String>, files: &[PathBuf]) -> Result<Vec<SigningKey>, String> {
    if let Some(text) = given.map(Zeroizing::new) {
        return read_variable(&text);
    }
    if files.is_empty() {
        return Err(NONE_NAMED.to_owned());
    }
    files.iter().map(|file| read_file(file)).collect()
}

fn read_file(file: &Path) -> Result<SigningKey, String> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map(Zeroizing::new).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!(
                "there is no key file {name}; make one with `coinop keygen --out {name}`, or set {VARIABLE}"
            )
        }
        _ => format!("{name} cannot be read: {error}"),
    })?;
    crate::files::warn_if_others_can_read(file, "the key that pays fees");
    parse(&text).map_err(|error| format!("{name} {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> SigningKey {
        SigningKey::from_bytes(&[number; 32])
    }

    fn base58(key: &SigningKey) -> String {
        bs58::encode(key.to_keypair_bytes()).into_string()
    }

    #[test]
    fn the_environment_goes_before_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let files = [5, 6].map(|number| {
            let file = dir.path().join(format!("{number}.json"));
            std::fs::write(&file, keypair::to_json(&key(number))).unwrap();
            file
        });
        assert_eq!(read(None, &files).unwrap(), [key(5), key(6)]);
        assert_eq!(read(Some(base58(&key(7))), &files).unwrap(), [key(7)]);
        let list = format!("{},{}", base58(&key(7)), base58(&key(8)));
        assert_eq!(read(Some(list), &files).unwrap(), [key(7), key(8)]);
    }

    #[test]
    fn mistakes_show_no_key_inv_9() {
        let mut bytes = key(5).to_keypair_bytes();
        bytes[63] ^= 1;
        let wrong = bs58::encode(bytes).into_string();
        for text in ["", "[1,2,3]", "[1,2,", wrong.as_str(), "0OIl"] {
            for error in [parse(text).unwrap_err(), read(Some(text.to_owned()), &[]).unwrap_err()] {
                assert!(text.is_empty() || !error.contains(text), "{error}");
            }
        }
        let error = read(None, &["/nowhere/none.json".into()]).unwrap_err();
        assert!(error.contains("coinop keygen"), "{error}");
        assert!(read(None, &[]).unwrap_err().contains("no fee payer"));
    }
}
