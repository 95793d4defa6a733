//! Checks this machine: files, the port and the public address.

use std::net::TcpListener;
use std::path::Path;

use coinop_core::svm::Address;

use super::finding::Finding;
use crate::files::ensure_private;
use crate::settings::{Settings, environment, keypair, secret};

/// Whether files can be written to the data folder, or to where it will be made, and no other user can read them.
pub(super) fn data_dir(data_dir: &Path, running: bool) -> Finding {
    let name = data_dir.display();
    if data_dir.is_dir() {
        ensure_private(data_dir)?;
    }
    if running {
        return Ok(format!("{name}, in use by a `coinop serve`"));
    }
    let there = data_dir.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    if !there.is_dir() {
        return Err(format!("{} is not a folder; change `data_dir`", there.display()));
    }
    let probe = there.join(format!(".coinop-check-{}", std::process::id()));
    let written = std::fs::OpenOptions::new().write(true).create_new(true).open(&probe);
    // The probe file is removed in every case.
    let removed = written.and_then(|_| std::fs::remove_file(&probe));
    match removed {
        Ok(()) if there == data_dir => Ok(name.to_string()),
        Ok(()) => Ok(format!("{name}, made by the first start")),
        Err(error) => Err(format!(
            "cannot write to {}: {}; let this user write there, or change `data_dir`",
            there.display(),
            error.kind()
        )),
    }
}

/// Checks the secret that keys are derived from, and creates none.
pub(super) fn secret(data_dir: &Path) -> Finding {
    let given = environment("COINOP_SECRET");
    secret::previous(environment("COINOP_SECRET_PREVIOUS"))?;
    if given.is_some() {
        return secret::load(given, data_dir).map(|_| "from COINOP_SECRET".to_owned());
    }
    if data_dir.join("secret").exists() {
        return secret::load(None, data_dir).map(|_| "from data_dir; keep a copy of it".to_owned());
    }
    if secret::has_lost(data_dir) {
        return Err("there is a journal and no secret: the next start makes a new one, and quotes, session tokens and grants \
                    that were given out are void; restore the file `secret` of data_dir from your copy"
            .to_owned());
    }
    Ok("made by the first start".to_owned())
}

/// Returns the addresses of the keys that pay the network's fees.
pub(super) fn fee_payers(settings: &Settings) -> Result<Vec<Address>, String> {
    keypair::fee_payers(settings, environment("COINOP_FEE_PAYER")).map(|keys| keys.addresses)
}

/// Checks that `coinop serve` can listen on the address.
pub(super) fn listen(address: &str, running: bool) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Ok(format!("{address} is free")),
        Err(error) => match error.kind() {
            std::io::ErrorKind::AddrInUse if running => {
                Ok(format!("{address}, in use by the running `coinop serve`"))
            }
            std::io::ErrorKind::AddrInUse => {
                Err(format!("{address} is in use by another program; stop it, or change `listen`"))
            }
            std::io::ErrorKind::PermissionDenied => {
                Err(format!("this user may not listen on {address}; use a port above 1023 in `listen`"))
            }
            _ => Err(format!("cannot listen on {address}: {}; change `listen`", error.kind())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_behind() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let later = dir.path().join("a/b");
        assert!(data_dir(&later, false).unwrap().contains("first start"));
        assert!(secret(&later).unwrap().contains("first start"));
        assert!(!crate::db::is_in_use(&later));
        assert!(data_dir(dir.path(), false).is_ok());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(data_dir(&file.join("c"), false).unwrap_err().contains("not a folder"));
    }

    #[test]
    fn a_running_gateway_is_not_in_its_own_way() {
        let dir = tempfile::tempdir().unwrap();
        let lock = crate::db::lock_data_dir(dir.path()).map_err(|refused| refused.0).unwrap();
        assert!(crate::db::is_in_use(dir.path()));
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        assert!(listen(&address, true).is_ok());
        assert!(listen(&address, false).unwrap_err().contains("in use"));
        drop(lock);
        // A child process of another test inherits the lock and holds it until it executes its program.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while crate::db::is_in_use(dir.path()) {
            assert!(std::time::Instant::now() < deadline, "the lock is still held");
            std::thread::yield_now();
        }
    }
}
