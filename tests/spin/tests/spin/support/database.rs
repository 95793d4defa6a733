//! The gateway's database, from outside.

use std::path::PathBuf;

use rusqlite::Connection;

/// The file behind the gateway.
pub(crate) struct Database(pub(crate) PathBuf);

impl Database {
    /// What is in the file, to the last byte, and whether anything lies beside it.
    pub(crate) fn bytes(&self) -> (Vec<u8>, usize) {
        let beside = std::fs::read_dir(self.0.parent().unwrap()).unwrap().count();
        (std::fs::read(&self.0).unwrap(), beside)
    }

    pub(crate) fn open(&self) -> Connection {
        Connection::open(&self.0).unwrap()
    }

    /// The one number that a query answers.
    pub(crate) fn number(&self, query: &str) -> i64 {
        self.open().query_row(query, [], |row| row.get(0)).unwrap()
    }

    pub(crate) fn events(&self) -> i64 {
        self.number("SELECT count(*) FROM journal")
    }

    pub(crate) fn sessions(&self) -> i64 {
        self.number("SELECT count(*) FROM session")
    }

    pub(crate) fn payments(&self) -> i64 {
        self.number("SELECT count(*) FROM payment")
    }

    /// When something is due, in milliseconds since the epoch; 0: nothing is.
    pub(crate) fn due(&self) -> i64 {
        self.number("SELECT coalesce(min(due), 0) FROM head")
    }
}
