//! The gateway's database, seen from outside.

use std::path::PathBuf;

use rusqlite::Connection;

/// The file behind the gateway.
pub(crate) struct Database(pub(crate) PathBuf);

impl Database {
    /// Returns all bytes of the file, and the number of files in its folder.
    pub(crate) fn bytes(&self) -> (Vec<u8>, usize) {
        let beside = std::fs::read_dir(self.0.parent().unwrap()).unwrap().count();
        (std::fs::read(&self.0).unwrap(), beside)
    }

    pub(crate) fn open(&self) -> Connection {
        Connection::open(&self.0).unwrap()
    }

    /// Returns the single number that a query yields.
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

    /// Returns when something is due, in milliseconds since the epoch. 0 means that nothing is due.
    pub(crate) fn due(&self) -> i64 {
        self.number("SELECT coalesce(min(due), 0) FROM head")
    }
}
