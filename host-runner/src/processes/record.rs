//! What the next start has to know of the commands of this one: the file `commands` in the data folder.
//!
//! It is written before the first command runs and names no process, because the numbers of processes are used again.
//! It names the marks of this run's commands, which nothing else has.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{end_marked, run_id};
use crate::files::write_atomically;

/// How long to wait for the end of what an earlier run left.
const LIMIT: Duration = Duration::from_secs(1);

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("commands")
}

/// Ends every command that the last run on this data folder has left running. Without this, an unlock from then could
/// open a door that was locked since.
pub(crate) fn end_earlier(data_dir: &Path) {
    let Ok(text) = std::fs::read_to_string(file(data_dir)) else { return };
    let run = text.trim();
    // An empty mark would be that of every command of every gateway here.
    if run.is_empty() || run == run_id() {
        return;
    }
    if !end_marked(&format!("{run}."), LIMIT) {
        tracing::warn!("a command of the last run cannot be ended; look for it with `ps`");
    }
}

/// Writes down the name of this run.
pub(crate) fn note(data_dir: &Path) -> io::Result<()> {
    write_atomically(&file(data_dir), format!("{}\n", run_id()).as_bytes(), 0o600)
}
