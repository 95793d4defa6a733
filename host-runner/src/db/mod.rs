//! The database behind `spin:sqlite`.
//!
//! It is one file, `coinop.db`, in WAL mode with `synchronous=FULL`. The component's calls are synchronous
//! and hold one statement each, so each statement would cost a sync of the disk. Instead one [writer] thread
//! gathers the statements of all requests that wait at that moment into one transaction with one sync. It
//! answers each request only after the commit: whatever was acknowledged is on the disk (invariant 2), and
//! many buyers share the cost of the sync. Reads go to a few [readers] and never wait for the writer.

mod copy;
mod epoch;
mod known;
mod open;
mod readers;
mod sql;
mod statement;
mod values;
mod writer;

use std::path::Path;
use std::sync::Arc;

use coinop_core::store;
use tokio::sync::{Notify, watch};

use crate::metrics::Metrics;

pub(crate) use copy::{Copied, copy};
pub(crate) use epoch::epoch;
pub(crate) use known::Known;
pub(crate) use open::{FILE, is_in_use, lock_data_dir};
pub(crate) use sql::{Beside, ReadOnly};
pub(crate) use values::{Answer, Caller, Refused, Value};

/// The database. Clones share it.
#[derive(Clone)]
pub(crate) struct Db {
    readers: readers::Readers,
    writer: writer::Writer,
    written: Arc<Notify>,
    settled: watch::Receiver<u64>,
}

impl Db {
    /// Opens `coinop.db` in `data_dir`, and creates it if it is missing.
    pub(crate) fn open(data_dir: &Path, metrics: Metrics) -> Result<Self, Refused> {
        let file = data_dir.join(FILE);
        let written = Arc::new(Notify::new());
        let (settling, settled) = watch::channel(0);
        let unusable = |error: Refused| {
            Refused(format!(
                "{} cannot be used: {}; free some space, repair the disk, or restore a backup of the data \
                 folder; without a backup, move coinop.db* away and start with a new fee payer's key from \
                 `coinop keygen --out FILE`: what was sold is then forgotten, and no payment is taken twice",
                file.display(),
                error.0
            ))
        };
        // The writer comes first because it creates the file.
        let connection = open::writable(&file).map_err(unusable)?;
        let writer = writer::Writer::start(connection, written.clone(), settling, metrics)?;
        let readers = readers::Readers::open(&file).map_err(unusable)?;
        Ok(Self { readers, writer, written, settled })
    }

    /// Returns what is notified after each commit that contains a write of others than the controller.
    pub(crate) fn written(&self) -> Arc<Notify> {
        self.written.clone()
    }

    /// Returns what changes after each commit that contains a write of the settler.
    pub(crate) fn settled(&self) -> watch::Receiver<u64> {
        self.settled.clone()
    }

    /// Runs one statement. A write is on the disk when this returns `Ok`, and every later read sees it.
    pub(crate) async fn execute(
        &self,
        sql: String,
        parameters: Vec<Value>,
        caller: Caller,
    ) -> Result<Answer, Refused> {
        match self.readers.run(sql, parameters).await? {
            readers::Outcome::Read(answer) => Ok(answer),
            readers::Outcome::Write { sql, parameters } => self.writer.run(sql, parameters, caller).await,
        }
    }
}

/// The running gateway's own database, for what the host itself reads there.
impl store::Sql for Db {
    async fn run(
        &self,
        statement: &str,
        parameters: &[store::Value],
    ) -> Result<Vec<Vec<store::Value>>, store::SqlError> {
        let parameters = parameters.iter().map(|value| match value {
            store::Value::Null => Value::Null,
            store::Value::Integer(number) => Value::Integer(*number),
            store::Value::Text(text) => Value::Text(text.clone()),
        });
        let answer = self.execute(statement.to_owned(), parameters.collect(), Caller::Request).await;
        let rows = answer.map_err(|refused| store::SqlError::from_message(&refused.0))?.rows;
        rows.into_iter().map(|row| row.into_iter().map(of_the_core).collect()).collect()
    }
}

fn of_the_core(value: Value) -> Result<store::Value, store::SqlError> {
    match value {
        Value::Null => Ok(store::Value::Null),
        Value::Integer(number) => Ok(store::Value::Integer(number)),
        Value::Text(text) => Ok(store::Value::Text(text)),
        Value::Real(_) | Value::Blob(_) => {
            Err(store::SqlError::Other("a value is of a kind that the journal never writes".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests;
