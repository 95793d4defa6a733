//! The fee payers that have signed for this journal, read without the component.

use std::path::Path;

use coinop_core::svm::Address;
use rusqlite::{Connection, OpenFlags};

use super::FILE;

/// Reads the fee payers of the journal in `data_dir`: none where there is no journal, or one without such a table.
///
/// Writes nothing: a journal that was closed has no log, and is read as a file that nobody changes.
pub(crate) fn fee_payers(data_dir: &Path) -> Result<Vec<Address>, String> {
    let file = data_dir.join(FILE);
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |it| it.len());
    if size(&file) == 0 {
        return Ok(Vec::new());
    }
    let unreadable = |error: rusqlite::Error| {
        format!("{} cannot be read: {error}; copy a backup of the data folder back", file.display())
    };
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let log = data_dir.join(format!("{FILE}-wal"));
    let immutable = if log.exists() { "" } else { "?immutable=1" };
    let connection = Connection::open_with_flags(format!("file:{}{immutable}", escaped(&file)), flags)
        .map_err(unreadable)?;
    let exists: bool = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'fee_payer'", [], |row| row.get(0))
        .map_err(unreadable)?;
    if !exists {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare("SELECT address FROM fee_payer").map_err(unreadable)?;
    let addresses = statement
        .query_map([], |row| row.get::<_, String>(0))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable)?;
    addresses
        .iter()
        .map(|text| text.parse().map_err(|_| format!("{} names a fee payer that is none", file.display())))
        .collect()
}

/// Writes a path so that SQLite's URIs take it as it is (<https://www.sqlite.org/uri.html>).
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}
