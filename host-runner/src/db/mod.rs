//! The database behind `spin:sqlite`.
//!
//! One file, `coinop.db`, in WAL mode with `synchronous=FULL`. The component's
//! calls are synchronous and one statement each, so durability would cost a
//! sync of the disk per statement. Instead one [writer] thread gathers the
//! statements of all requests that wait at that moment into one transaction and
//! one sync, and answers each only after the commit: what was acknowledged is on
//! the disk (invariant 2), and many buyers share the price of it. Reads go to a
//! few [readers] and never wait for a writer.

mod known;
mod open;
mod readers;
mod statement;
mod writer;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::metrics::Metrics;

pub(crate) use known::Known;
pub(crate) use open::{is_in_use, lock_data_dir};

/// The name of the database in the data folder.
pub(crate) const FILE: &str = "coinop.db";

/// One value of a row or a parameter, as the component sees it.
pub(crate) use coinop_bindings::sqlite::Value;

/// What a statement answered.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
    /// Rows changed, for an INSERT, UPDATE or DELETE.
    pub(crate) changes: Option<u64>,
    /// The rowid of an INSERT; present if anything at all was changed, be it by
    /// a trigger.
    pub(crate) last_insert_rowid: Option<i64>,
}

/// Why a statement was not carried out, in words for the component's log.
/// SQLite's own words where it has some: the component reads them to tell a
/// conflict from a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

/// Who asks. The controller is not woken by its own writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Request,
    Controller,
}

/// The database. Clones share it.
#[derive(Clone)]
pub(crate) struct Db {
    readers: readers::Readers,
    writer: writer::Writer,
    written: Arc<Notify>,
}

impl Db {
    /// Opens `coinop.db` in `data_dir`, and makes it if it is missing.
    pub(crate) fn open(data_dir: &Path, metrics: Metrics) -> Result<Self, Refused> {
        let file = data_dir.join(FILE);
        let written = Arc::new(Notify::new());
        let unusable = |error: Refused| {
            Refused(format!(
                "{} cannot be used: {}; make room or mend the disk, or copy a backup of the data folder back. Without one, move coinop.db* away and start anew with another fee payer's key (`coinop keygen --out FILE`): what was sold is forgotten, and no payment is taken twice",
                file.display(),
                error.0
            ))
        };
        // The writer first: it is the one that makes the file.
        let connection = open::writable(&file).map_err(unusable)?;
        let writer = writer::Writer::start(connection, written.clone(), metrics)?;
        let readers = readers::Readers::open(&file).map_err(unusable)?;
        Ok(Self { readers, writer, written })
    }

    /// Told after each commit of something a request wrote.
    pub(crate) fn written(&self) -> Arc<Notify> {
        self.written.clone()
    }

    /// Runs one statement. A write is on the disk when this returns `Ok`, and
    /// every read that starts afterwards sees it.
    pub(crate) async fn execute(
        &self,
        sql: String,
        parameters: Vec<Value>,
        origin: Origin,
    ) -> Result<Answer, Refused> {
        match self.readers.run(sql, parameters).await? {
            readers::Outcome::Read(answer) => Ok(answer),
            readers::Outcome::Write { sql, parameters } => self.writer.run(sql, parameters, origin).await,
        }
    }
}

#[cfg(test)]
mod tests;
