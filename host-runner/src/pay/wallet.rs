//! Reads the key that pays.

use std::path::{Path, PathBuf};

use coinop_core::svm::{SigningKey, keypair};

/// The path, in the home folder, where Solana's own tools keep a person's key.
const USUAL: &str = ".config/solana/id.json";

/// Reads the key from the file, or from where Solana's tools keep it. The error says what to do, and never
/// what the file contains.
pub(super) fn read(file: Option<&Path>) -> Result<SigningKey, String> {
    let file = match file {
        Some(file) => file.to_owned(),
        None => {
            usual(std::env::home_dir()).ok_or("there is no home folder: name a key with --keypair FILE")?
        }
    };
    let name = file.display();
    let text = std::fs::read_to_string(&file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!(
                "there is no key at {name}: make one with `coinop keygen --out {name}` and send it the token to \
                 pay with, or name your own with --keypair FILE"
            )
        }
        _ => format!("{name} cannot be read: {error}"),
    })?;
    keypair::parse(&text).ok_or_else(|| {
        format!("{name} is not a Solana key (a JSON array of 64 numbers, or 64 bytes in base58)")
    })
}

fn usual(home: Option<PathBuf>) -> Option<PathBuf> {
    home.filter(|home| !home.as_os_str().is_empty()).map(|home| home.join(USUAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_broken_key_is_said_in_one_line_that_shows_nothing_inv_9() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("id.json");
        let error = read(Some(&file)).unwrap_err();
        assert!(error.contains("coinop keygen --out") && !error.contains('\n'), "{error}");
        std::fs::write(&file, "[12,34]").unwrap();
        let error = read(Some(&file)).unwrap_err();
        assert!(!error.contains("12,34") && !error.contains('\n'), "{error}");
        let key = SigningKey::from_bytes(&[7; 32]);
        std::fs::write(&file, keypair::to_json(&key)).unwrap();
        assert_eq!(read(Some(&file)).unwrap(), key);
    }

    #[test]
    fn the_usual_place_is_that_of_solanas_tools() {
        assert_eq!(usual(Some("/home/ann".into())), Some("/home/ann/.config/solana/id.json".into()));
        assert_eq!(usual(Some(PathBuf::new())), None);
    }
}
