//! `coinop keygen` makes keys for paying, for settling, and for the merchant's API.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use coinop_core::encoding::{base64url, hex};
use coinop_core::svm::{Address, SigningKey, keypair};
use sha2::{Digest as _, Sha256};

/// Makes a Solana key, or a key for the merchant's API.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  coinop keygen --out fee-payer.json\n  coinop keygen --out ~/.config/solana/id.json\n  coinop keygen --api"
)]
pub(crate) struct Args {
    /// The file to write the secret key to; without it, the key is printed. An existing file is never overwritten.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Make a key for the merchant's API, and its line for the configuration.
    #[arg(long, conflicts_with = "out")]
    api: bool,
}

/// Runs `coinop keygen`.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| format!("cannot get random numbers: {error}"))?;
    if args.api {
        let (key, setting) = api_key(random);
        print(&format!("{key}\n{setting}"))?;
        eprintln!(
            "the first line is the API key, which is stored nowhere: keep it; the second line goes into \
             the configuration's `merchant`"
        );
        return Ok(());
    }
    let key = SigningKey::from_bytes(&random);
    let address = Address::new(key.verifying_key().to_bytes());
    let json = keypair::to_json(&key);
    match &args.out {
        Some(file) => {
            write(file, &json)?;
            print(&address.to_string())?;
            eprintln!("the secret key is in {}; the line above is its address", file.display());
        }
        None => {
            print(&json)?;
            eprintln!("the address of this key is {address}; keep the key secret");
        }
    }
    Ok(())
}

fn print(line: &str) -> Result<(), String> {
    writeln!(io::stdout(), "{line}").map_err(|error| format!("cannot print: {error}"))
}

/// Makes a new API key, and the line of the configuration that permits it. The configuration holds only the
/// hash.
fn api_key(random: [u8; 32]) -> (String, String) {
    let key = format!("coinop_{}", base64url(&random));
    let setting = format!("api_keys = [\"sha256:{}\"]", hex(&Sha256::digest(&key)));
    (key, setting)
}

/// Writes a key to a file that only its owner can read and that must not exist yet.
fn write(file: &Path, json: &str) -> Result<(), String> {
    let name = file.display();
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(folder)
            .map_err(|error| format!("the folder {} cannot be created: {error}", folder.display()))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(file).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("{name} exists already and is not overwritten; name another file with --out")
        }
        _ => format!("{name} cannot be written: {error}"),
    })?;
    let written = writeln!(out, "{json}").and_then(|()| out.sync_all());
    written.map_err(|error| {
        // Half a key is useless, and the file would block the next try.
        let _ = std::fs::remove_file(file);
        format!("{name} cannot be written: {error}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_private_and_never_overwritten() {
        use std::os::unix::fs::MetadataExt as _;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new/folder/id.json");
        let args = Args { out: Some(file.clone()), api: false };
        run(&args).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(keypair::parse(&text).is_some());
        let error = run(&args).unwrap_err();
        assert!(error.contains("--out") && !error.contains('\n'), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        // A link to a file that does not exist is refused too.
        let link = dir.path().join("link.json");
        std::os::unix::fs::symlink(dir.path().join("target.json"), &link).unwrap();
        assert!(write(&link, "[]").is_err());
        assert!(!dir.path().join("target.json").exists());
    }

    #[test]
    fn the_configuration_takes_the_line_of_an_api_key() {
        let (key, setting) = api_key([0; 32]);
        assert_eq!(key, format!("coinop_{}", "A".repeat(43)));
        let hash = setting.strip_prefix("api_keys = [\"sha256:").and_then(|s| s.strip_suffix("\"]")).unwrap();
        assert_eq!(
            coinop_core::encoding::from_hex::<32>(hash).unwrap().as_slice(),
            Sha256::digest(key.as_bytes()).as_slice()
        );
        assert_ne!(api_key([1; 32]).0, key);
    }
}
