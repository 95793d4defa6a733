//! Writes files so that they exist completely or not at all.

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
