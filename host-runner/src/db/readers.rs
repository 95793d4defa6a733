//! The connections that read, on blocking threads.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{Answer, Refused, Value, open, statement};

/// Enough that a slow read does not hold up the rest; more would only share the
/// same few cores.
const READERS: usize = 4;

/// The most statement texts remembered as writing.
const REMEMBERED: usize = 512;

/// What came of looking at a statement.
pub(crate) enum Outcome {
    Read(Answer),
    /// It writes; untouched, and to be given to the writer.
    Write {
        sql: String,
        parameters: Vec<Value>,
    },
}

#[derive(Clone)]
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    /// Texts found to write, so that they need not be looked at again. What a
    /// text does cannot change with the schema, only whether it is valid.
    writes: Arc<RwLock<HashSet<String>>>,
}

impl Readers {
    pub(crate) fn open(file: &Path) -> Result<Self, Refused> {
        let connections = (0..READERS).map(|_| open::readable(file)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            idle: Arc::new(Mutex::new(connections)),
            permits: Arc::new(Semaphore::new(READERS)),
            writes: Arc::default(),
        })
    }

    fn known_to_write(&self, sql: &str) -> bool {
        let writes = self.writes.read().unwrap_or_else(PoisonError::into_inner);
        writes.contains(sql)
    }

    /// Runs the statement if it only reads.
    ///
    /// SQLite is asked whether it does, not the text: a WITH may well insert.
    pub(crate) async fn run(&self, sql: String, parameters: Vec<Value>) -> Result<Outcome, Refused> {
        if self.known_to_write(&sql) {
            return Ok(Outcome::Write { sql, parameters });
        }
        let closed = || Refused("the database is closed".to_owned());
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| closed())?;
        let idle = self.idle.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(connection) = taken else {
                return Err(closed());
            };
            let outcome = read(&connection, sql, parameters);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            outcome
        });
        let outcome = task.await.map_err(|_| closed())??;
        if let Outcome::Write { sql, .. } = &outcome {
            let mut writes = self.writes.write().unwrap_or_else(PoisonError::into_inner);
            if writes.len() < REMEMBERED {
                writes.insert(sql.clone());
            }
        }
        Ok(outcome)
    }
}

fn read(connection: &Connection, sql: String, parameters: Vec<Value>) -> Result<Outcome, Refused> {
    let mut prepared = match connection.prepare_cached(&sql) {
        Ok(prepared) => prepared,
        // SQLite does not always look again when what it remembers of the tables speaks against
        // a statement, and the writer may have made something since (the trigger that a view
        // needs, at the very first start). Reading makes it look.
        Err(_) => {
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            connection.prepare_cached(&sql)?
        }
    };
    if !prepared.readonly() {
        drop(prepared);
        return Ok(Outcome::Write { sql, parameters });
    }
    statement::run(&mut prepared, &parameters).map(Outcome::Read)
}
