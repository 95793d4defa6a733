//! Opens the database, and limits what a statement may do to it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, OpenFlags};

use super::values::Refused;

/// The name of the database file in the data folder.
pub(crate) const FILE: &str = "coinop.db";

/// The page size of a new database, in bytes. A sale touches some twenty pages, each for a row of a few
/// hundred bytes. Small pages halve what has to be written.
const PAGE: i64 = 1024;

/// How much is written to the WAL before it is moved into the database, in bytes. A page that was written
/// several times until then is moved once.
const CHECKPOINT: i64 = 8 * 1024 * 1024;

/// How many prepared statements a connection keeps. The component has fewer.
const STATEMENTS: usize = 128;

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::AuthorizationForStatementDenied as Denied;
        match error {
            rusqlite::Error::MultipleStatement => Self("more than one statement in one call".to_owned()),
            rusqlite::Error::SqliteFailure(e, _) if e.code == Denied => {
                Self("not allowed here: transactions, ATTACH, and PRAGMA that change something".to_owned())
            }
            other => Self(other.to_string()),
        }
    }
}

/// Takes the data folder for this process, until the returned file is dropped or the process ends for any
/// reason. Two gateways on one journal would operate the same devices against each other.
pub(crate) fn lock_data_dir(data_dir: &Path) -> Result<File, Refused> {
    let path = data_dir.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|e| Refused(format!("{} cannot be opened: {e}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Refused(format!(
            "another `coinop serve` is using {}; stop it, or set another `data_dir`",
            data_dir.display()
        ))),
        Err(TryLockError::Error(e)) => Err(Refused(format!("{} cannot be locked: {e}", path.display()))),
    }
}

/// Tells whether a `coinop serve` is using the data folder at this moment. Writes nothing.
pub(crate) fn is_in_use(data_dir: &Path) -> bool {
    let lock = File::open(data_dir.join("lock"));
    lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Opens the one connection that writes.
pub(crate) fn writable(file: &Path) -> Result<Connection, Refused> {
    let connection = connect(file)?;
    // The order matters: the first write fixes the page size and the journal mode of a new file.
    connection.pragma_update(None, "page_size", PAGE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT / PAGE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A checkpoint leaves the WAL file at its size. This limit shrinks the file after a burst.
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    Ok(connection)
}

/// Opens one of the connections that read.
pub(crate) fn readable(file: &Path) -> Result<Connection, Refused> {
    let connection = connect(file)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.authorizer(Some(authorize));
    Ok(connection)
}

fn connect(file: &Path) -> Result<Connection, Refused> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Decides what the component's statements may do.
///
/// Transactions are refused because the writer owns them: a statement that ended one would end other
/// requests' writes with it. ATTACH would reach other files, and a PRAGMA could turn durability off.
fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::Attach { .. }
        | AuthAction::Detach { .. } => Authorization::Deny,
        AuthAction::Pragma { pragma_name, pragma_value } if !readable_pragma(pragma_name, pragma_value) => {
            Authorization::Deny
        }
        AuthAction::Function { function_name: "load_extension" } => Authorization::Deny,
        _ => Authorization::Allow,
    }
}

fn readable_pragma(name: &str, value: Option<&str>) -> bool {
    // These take a table's name as their value and change nothing.
    const LOOK: [&str; 6] =
        ["table_info", "table_xinfo", "index_list", "index_info", "foreign_key_list", "table_list"];
    // These change something only when they are given a value.
    const ASK: [&str; 6] =
        ["user_version", "schema_version", "application_id", "foreign_keys", "journal_mode", "synchronous"];
    let name = name.to_ascii_lowercase();
    LOOK.contains(&name.as_str()) || (value.is_none() && ASK.contains(&name.as_str()))
}
