//! Runs the core's own statements on a journal that is only read.

use std::path::Path;
use std::time::Duration;

use coinop_core::store::{Sql, SqlError, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};

use super::open::FILE;

/// A journal that is only read, whether a gateway runs on it or not.
pub(crate) struct ReadOnly(Connection);

impl ReadOnly {
    /// Opens the journal in `data_dir`, and writes nothing. `None` if there is none yet.
    pub(crate) fn open(data_dir: &Path) -> Result<Option<Self>, String> {
        let path = data_dir.join(FILE);
        let unreadable = |words: String| {
            format!(
                "{} cannot be read: {words}; run this as the user that runs `coinop serve`, or restore a backup",
                path.display()
            )
        };
        match std::fs::metadata(&path) {
            Ok(file) if file.len() > 0 => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.kind().to_string())),
        }
        connect(&path).map(|connection| Some(Self(connection))).map_err(|error| unreadable(error.to_string()))
    }
}

/// A journal into which the owner writes beside a gateway, or without one.
pub(crate) struct Beside(Connection);

impl Beside {
    /// Opens the journal in `data_dir`, which has to be there.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, String> {
        let path = data_dir.join(FILE);
        let open = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            Ok(connection)
        };
        let refused = |error: rusqlite::Error| {
            format!(
                "{} cannot be written: {error}; run this as the user that runs `coinop serve`",
                path.display()
            )
        };
        open().map(Self).map_err(refused)
    }
}

impl Sql for Beside {
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        read(&self.0, statement, parameters).map_err(|error| SqlError::from_message(&error.to_string()))
    }
}

/// Opens a connection that can't write. A journal that was closed has no log, so it is read as a file that nobody
/// changes.
pub(super) fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let immutable = if Path::new(&log).exists() { "" } else { "?immutable=1" };
    Connection::open_with_flags(format!("file:{}{immutable}", escaped(file)), flags)
}

/// Escapes a path for SQLite's URIs (<https://www.sqlite.org/uri.html>).
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

impl Sql for ReadOnly {
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        read(&self.0, statement, parameters).map_err(|error| SqlError::from_message(&error.to_string()))
    }
}

struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// Runs a statement to its end.
fn read(connection: &Connection, statement: &str, parameters: &[Value]) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut prepared = connection.prepare_cached(statement)?;
    let width = prepared.column_count();
    let mut rows = prepared.query(rusqlite::params_from_iter(parameters.iter().map(Parameter)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..width).map(|column| match row.get_ref(column)? {
            ValueRef::Null => Ok(Value::Null),
            ValueRef::Integer(number) => Ok(Value::Integer(number)),
            ValueRef::Text(text) => Ok(Value::Text(String::from_utf8_lossy(text).into_owned())),
            other => Err(rusqlite::Error::InvalidColumnType(column, statement.to_owned(), other.data_type())),
        });
        found.push(values.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(found)
}
