//! The connections that read.
//!
//! Almost every read is a few pages by an index, and takes microseconds: less than
//! handing it to another thread would. So it is tried where it is asked for, for a
//! moment. What is not done by then begins again on a blocking thread.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::values::{Answer, Refused, Value};
use super::{open, statement};

/// Enough that a slow read does not hold up the rest; more would only share the
/// same few cores.
const READERS: usize = 4;

/// How long a read may keep the thread that it was asked for on.
const QUICK: Duration = Duration::from_millis(2);

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
        let (permit, sql, parameters) = match self.with_one(|one| read(one, &sql, &parameters, QUICK))? {
            Looked::Read(answer) => return Ok(Outcome::Read(answer)),
            Looked::Writes => {
                let mut writes = self.writes.write().unwrap_or_else(PoisonError::into_inner);
                if writes.len() < REMEMBERED {
                    writes.insert(sql.clone());
                }
                return Ok(Outcome::Write { sql, parameters });
            }
            Looked::TakesLong => (permit, sql, parameters),
        };
        let readers = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            readers.with_one(|one| read(one, &sql, &parameters, statement::LONGEST))
        });
        match task.await.map_err(|_| closed())?? {
            Looked::Read(answer) => Ok(Outcome::Read(answer)),
            Looked::Writes | Looked::TakesLong => Err(statement::took_too_long()),
        }
    }

    /// Lends an idle connection. Whoever holds a permit finds one.
    fn with_one<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Refused>) -> Result<T, Refused> {
        let taken = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = taken.ok_or_else(|| Refused("the database is closed".to_owned()))?;
        let result = work(&connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }
}

enum Looked {
    Read(Answer),
    /// It would write; untouched.
    Writes,
    /// It was given up.
    TakesLong,
}

fn read(
    connection: &Connection,
    sql: &str,
    parameters: &[Value],
    within: Duration,
) -> Result<Looked, Refused> {
    let mut prepared = match connection.prepare_cached(sql) {
        Ok(prepared) => prepared,
        // SQLite does not always look again when what it remembers of the tables speaks against
        // a statement, and the writer may have made something since (the trigger that a view
        // needs, at the very first start). Reading makes it look.
        Err(_) => {
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            connection.prepare_cached(sql)?
        }
    };
    if !prepared.readonly() {
        return Ok(Looked::Writes);
    }
    statement::limit(connection, within);
    match statement::run(&mut prepared, parameters) {
        Ok(answer) => Ok(Looked::Read(answer)),
        Err(failure) if failure.is_interruption() => Ok(Looked::TakesLong),
        // `CREATE ... IF NOT EXISTS` had nothing to write when it was prepared, and has now.
        Err(failure) if failure.is_attempt_to_write() => Ok(Looked::Writes),
        Err(failure) => Err(failure.into()),
    }
}
