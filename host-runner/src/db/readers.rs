//! The connections that read.
//!
//! Almost every read takes a few pages by an index and lasts microseconds, which is less than handing it to
//! another thread takes. So a read is first tried for a moment on the thread that asks. If it is not done by
//! then, it begins again on a blocking thread.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::values::{Answer, Refused, Value};
use super::{open, statement};

/// How many connections read. A slow read must not hold up the others, and more connections would only share
/// the same few cores.
const READERS: usize = 4;

/// How long a read may keep the thread that asked for it.
const QUICK: Duration = Duration::from_millis(2);

/// The most statement texts that are remembered as writing.
const REMEMBERED: usize = 512;

/// The result of trying a statement on a reader.
pub(crate) enum Outcome {
    Read(Answer),
    /// The statement writes. It was not run, and is for the writer.
    Write {
        sql: String,
        parameters: Vec<Value>,
    },
}

#[derive(Clone)]
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    /// Texts of statements that write, so that they are not examined again. A change of the schema can make a
    /// text invalid, but it cannot change whether the text writes.
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
    /// SQLite decides whether it does, because the text does not show it: a WITH may insert.
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

    /// Lends an idle connection. The caller holds a permit, so there is one.
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
    /// It would write. It was not run.
    Writes,
    /// It was interrupted.
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
        // SQLite does not always read the schema again when the schema that it remembers contradicts a
        // statement. The writer may have created something since, such as the trigger that a view needs at
        // the very first start. This query makes SQLite read the schema again.
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
        // `CREATE ... IF NOT EXISTS` had nothing to write when it was prepared, but has now.
        Err(failure) if failure.is_attempt_to_write() => Ok(Looked::Writes),
        Err(failure) => Err(failure.into()),
    }
}
