//! Writes files so that they exist completely or not at all, and keeps them from other users.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::failpoint;

/// Writes `bytes` to `path` so that a reader, or a restart after a power cut, finds either the old content or
/// all of the new one. It writes a temporary file in the same folder, syncs and renames it, and then syncs
/// the folder.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let temporary = folder.join(name);
    // Removes what a crash left behind, because the mode below applies only to a new file.
    match std::fs::remove_file(&temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    failpoint::reach("file.written");
    std::fs::rename(&temporary, path)?;
    failpoint::reach("file.renamed");
    File::open(folder)?.sync_all()
}

/// Makes every file and folder that this process creates from now on its owner's alone, whatever the shell allows.
///
/// The mask belongs to the whole process, so this comes before any other thread exists.
pub(crate) fn keep_new_files_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Warns if other users can read a file with a secret. `what` names the secret in the message.
pub(crate) fn warn_if_others_can_read(file: &Path, what: &str) {
    use std::os::unix::fs::MetadataExt as _;
    if std::fs::metadata(file).is_ok_and(|metadata| metadata.mode() & 0o077 != 0) {
        let file = file.display();
        tracing::warn!(%file, "other users of this machine can read {what}; run `chmod 600 {file}`");
    }
}

/// Refuses a data folder that other users can list or enter: what is in it tells who bought what and when.
///
/// # Errors
/// A line that says how to close the folder.
pub(crate) fn ensure_private(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let name = folder.display();
    let mode = std::fs::metadata(folder).map_err(|error| format!("{name} cannot be read: {error}"))?.mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!(
        "other users of this machine can enter data_dir {name} (mode {:o}), which holds sales and keys; run \
         `chmod 700 {name}`",
        mode & 0o777
    ))
}
