//! `spin:sqlite/sqlite@3.0.0` on one file, with the traps of Spin's own.
//!
//! Every `open` makes a new connection. The journal mode is SQLite's default (`delete`), so a writer and its
//! readers exclude each other for a moment. A connection that finds the database locked waits five seconds
//! and then fails. Of several statements only the first is run, without an error. A transaction that is open
//! when its connection closes is rolled back.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coinop_bindings::SqliteConnection;
use coinop_bindings::sqlite::{self, Error, QueryResult, RowResult, Value};
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Row, params_from_iter};
use wasmtime::component::Resource;

use crate::spin::Guest;

/// How long a statement waits for another connection's.
pub const BUSY: Duration = Duration::from_secs(5);

/// Returns the file of the database `default` in Spin's state folder.
#[must_use]
pub fn file(state_dir: &Path) -> PathBuf {
    state_dir.join("sqlite_db.db")
}

/// Counts the uses of the database by instances.
#[derive(Debug, Default)]
pub struct Databases {
    opened: AtomicUsize,
    executed: AtomicUsize,
}

impl Databases {
    /// Returns how many times an instance has opened a database, or tried to.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// Returns how many statements instances have asked to run.
    pub fn executed(&self) -> usize {
        self.executed.load(Ordering::Relaxed)
    }
}

/// One connection. Clones share it.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Mutex<rusqlite::Connection>>);

impl Connection {
    /// Opens the file. Creates it and its folder if they are missing.
    ///
    /// # Errors
    ///
    /// Fails if the folder or the file cannot be made or opened.
    pub fn open(file: &Path) -> Result<Self, Error> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Error::Io(error.to_string()))?;
        }
        let open = || {
            let connection = rusqlite::Connection::open(file)?;
            connection.busy_timeout(BUSY)?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.authorizer(Some(authorize));
            Ok(connection)
        };
        open().map_err(io).map(|connection| Self(Arc::new(Mutex::new(connection))))
    }

    /// Runs the first of the statements on a thread that may block.
    ///
    /// # Errors
    ///
    /// The error has SQLite's own text.
    pub async fn execute(&self, statements: String, parameters: Vec<Value>) -> Result<QueryResult, Error> {
        let connection = self.clone();
        // A statement that has begun continues, even if nobody waits for it any more.
        let run = move || connection.run(&statements, parameters).map_err(io);
        tokio::task::spawn_blocking(run).await.map_err(|error| Error::Io(error.to_string()))?
    }

    fn run(&self, statements: &str, parameters: Vec<Value>) -> rusqlite::Result<QueryResult> {
        let connection = self.lock();
        let mut batch = Batch::new(&connection, statements);
        let Some(mut first) = batch.next()? else {
            return Ok(QueryResult { columns: Vec::new(), rows: Vec::new() });
        };
        let columns = first.column_names().into_iter().map(str::to_owned).collect::<Vec<_>>();
        let parameters = params_from_iter(parameters.into_iter().map(to_sqlite));
        let read = |row: &Row<'_>| -> rusqlite::Result<RowResult> {
            let values = (0..columns.len()).map(|column| from_sqlite(row.get_ref(column)?));
            Ok(RowResult { values: values.collect::<Result<_, _>>()? })
        };
        let rows = first.query_map(parameters, read)?.collect::<Result<_, _>>()?;
        Ok(QueryResult { columns, rows })
    }

    fn lock(&self) -> MutexGuard<'_, rusqlite::Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn io(error: rusqlite::Error) -> Error {
    Error::Io(error.to_string())
}

/// Denies access to other files.
fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Attach { filename } if !matches!(filename, "" | ":memory:") => Authorization::Deny,
        _ => Authorization::Allow,
    }
}

fn to_sqlite(value: Value) -> rusqlite::types::Value {
    match value {
        Value::Integer(number) => number.into(),
        Value::Real(number) => number.into(),
        Value::Text(text) => text.into(),
        Value::Blob(bytes) => bytes.into(),
        Value::Null => rusqlite::types::Value::Null,
    }
}

fn from_sqlite(value: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match value {
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(_) => Value::Text(value.as_str()?.to_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        ValueRef::Null => Value::Null,
    })
}

impl sqlite::Host for Guest {}

type Handle = Resource<SqliteConnection>;

impl sqlite::HostConnection for Guest {
    fn open(&mut self, database: String) -> wasmtime::Result<Result<Handle, Error>> {
        self.databases.opened.fetch_add(1, Ordering::Relaxed);
        if !self.app.databases.contains(&database) {
            return Ok(Err(Error::AccessDenied));
        }
        if database != "default" {
            return Ok(Err(Error::NoSuchDatabase));
        }
        match Connection::open(&file(&self.app.state_dir)) {
            Ok(connection) => {
                let handle = self.table.push(SqliteConnection::default())?;
                self.connections.insert(handle.rep(), connection);
                Ok(Ok(handle))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn execute(
        &mut self,
        handle: Handle,
        statements: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<QueryResult, Error>> {
        self.databases.executed.fetch_add(1, Ordering::Relaxed);
        match self.connections.get(&handle.rep()) {
            Some(connection) => Ok(connection.execute(statements, parameters).await),
            None => Ok(Err(Error::InvalidConnection)),
        }
    }

    fn last_insert_rowid(&mut self, handle: Handle) -> wasmtime::Result<i64> {
        let connection = self.connections.get(&handle.rep());
        Ok(connection.map_or(0, |connection| connection.lock().last_insert_rowid()))
    }

    fn changes(&mut self, handle: Handle) -> wasmtime::Result<u64> {
        let connection = self.connections.get(&handle.rep());
        Ok(connection.map_or(0, |connection| connection.lock().changes()))
    }

    fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.connections.remove(&handle.rep());
        self.table.delete(handle)?;
        Ok(())
    }
}
