//! The secret from which all of the gateway's keys are derived.

use std::path::Path;

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Accepts base64 with and without padding, because people paste both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a start without its secret means for buyers, and what to do.
const LOST: &str = "made a new secret, although there is a journal of an earlier one: quotes, session tokens and grants \
                    that were given out are void. No money is lost. If you have the earlier secret, stop, restore this \
                    file and start again";

/// Tells whether the data folder has a journal and no secret, as after a restore of the journal alone.
pub(crate) fn has_lost(data_dir: &Path) -> bool {
    !data_dir.join("secret").exists() && data_dir.join(crate::db::FILE).exists()
}

/// Returns the secret in base64, from `COINOP_SECRET` or from the data folder. The first start makes one
/// there.
///
/// The data folder must be locked already. Otherwise two first starts at the same time would make two
/// secrets.
pub(crate) fn load(given: Option<String>, data_dir: &Path) -> Result<Zeroizing<String>, String> {
    if let Some(text) = given.map(Zeroizing::new) {
        return checked("COINOP_SECRET", &text);
    }
    let file = data_dir.join("secret");
    let name = file.display();
    match std::fs::read_to_string(&file).map(Zeroizing::new) {
        Ok(text) => {
            crate::files::warn_if_others_can_read(&file, "the secret");
            checked(&name.to_string(), &text)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let is_lost = has_lost(data_dir);
            let mut bytes = Zeroizing::new([0; 32]);
            getrandom::fill(&mut *bytes)
                .map_err(|error| format!("cannot get random numbers for a new secret: {error}"))?;
            let text = Zeroizing::new(BASE64.encode(*bytes));
            let line = Zeroizing::new(format!("{}\n", *text));
            crate::files::write_atomically(&file, line.as_bytes(), 0o600)
                .map_err(|error| format!("{name} cannot be written: {error}"))?;
            if is_lost {
                tracing::warn!(file = %name, "{LOST}");
            } else {
                tracing::info!(file = %name, "made a new secret; back it up, because quotes, session tokens \
                                              and grants depend on it");
            }
            Ok(text)
        }
        Err(error) => Err(format!("{name} cannot be read: {error}")),
    }
}

/// Returns the previous secret, if it was replaced lately.
pub(crate) fn previous(given: Option<String>) -> Result<Option<Zeroizing<String>>, String> {
    given.map(Zeroizing::new).map(|text| checked("COINOP_SECRET_PREVIOUS", &text)).transpose()
}

/// Never says what it found.
pub(crate) fn checked(from: &str, text: &str) -> Result<Zeroizing<String>, String> {
    match BASE64.decode(text.trim()).map(Zeroizing::new) {
        Ok(bytes) if bytes.len() == 32 => Ok(Zeroizing::new(BASE64.encode(&*bytes))),
        _ => Err(format!("{from} must be 32 random bytes in base64, as `openssl rand -base64 32` prints")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_kept_and_private() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let first = load(None, dir.path()).unwrap();
        assert_eq!(BASE64.decode(&*first).unwrap().len(), 32);
        assert_eq!(load(None, dir.path()).unwrap(), first);
        let mode = std::fs::metadata(dir.path().join("secret")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!has_lost(dir.path()));
        std::fs::write(dir.path().join(crate::db::FILE), "").unwrap();
        assert!(!has_lost(dir.path()), "both are there");
        std::fs::remove_file(dir.path().join("secret")).unwrap();
        assert!(has_lost(dir.path()));
        let other = tempfile::tempdir().unwrap();
        assert_ne!(load(None, other.path()).unwrap(), first);
    }

    #[test]
    fn the_environment_goes_first_and_is_checked() {
        let dir = tempfile::tempdir().unwrap();
        let given = BASE64.encode([7; 32]);
        assert_eq!(*load(Some(format!(" {given}\n")), dir.path()).unwrap(), given);
        assert_eq!(*load(Some(given.trim_end_matches('=').to_owned()), dir.path()).unwrap(), given);
        assert!(!dir.path().join("secret").exists());
        for bad in ["", "hunter2", "AAAA"] {
            let error = load(Some(bad.to_owned()), dir.path()).unwrap_err();
            assert!(error.starts_with("COINOP_SECRET must be"), "{error}");
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
        std::fs::write(dir.path().join("secret"), "short").unwrap();
        assert!(load(None, dir.path()).is_err());
    }

    #[test]
    fn the_previous_one_may_be_missing() {
        assert_eq!(previous(None), Ok(None));
        assert!(previous(Some("x".into())).is_err());
    }
}
