//! Reads what the journal knows, without the component.

use std::path::Path;

use coinop_core::PaymentId;
use coinop_core::svm::Address;
use rusqlite::{Connection, OptionalExtension as _};

use super::open::FILE;
use super::sql::connect;

/// A journal that is only read, whether a gateway runs on it or not.
pub(crate) struct Known {
    /// `None` if there is no journal yet.
    connection: Option<Connection>,
    file: String,
}

impl Known {
    /// Opens the journal in `data_dir`, and writes nothing.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, String> {
        let path = data_dir.join(FILE);
        let file = path.display().to_string();
        let nothing = !std::fs::metadata(&path).is_ok_and(|it| it.len() > 0);
        let mut known = Self { connection: None, file };
        if nothing {
            return Ok(known);
        }
        let connection = connect(&path).map_err(|error| known.unreadable(&error))?;
        let tables = "SELECT count(*) = 2 FROM sqlite_schema WHERE name IN ('fee_payer', 'payment')";
        let has_tables = connection.query_row(tables, [], |row| row.get(0));
        if has_tables.map_err(|error| known.unreadable(&error))? {
            known.connection = Some(connection);
        }
        Ok(known)
    }

    /// Tells whether this fee payer has signed for the journal.
    pub(crate) fn has_fee_payer(&self, address: &Address) -> Result<bool, String> {
        self.has("SELECT 1 FROM fee_payer WHERE address = ?1", &address.to_string())
    }

    /// Tells whether the journal holds this payment, in flight or granted.
    pub(crate) fn has_payment(&self, id: &PaymentId) -> Result<bool, String> {
        self.has("SELECT 1 FROM payment WHERE id = ?1", id.as_str())
    }

    fn has(&self, sql: &str, value: &str) -> Result<bool, String> {
        let Some(connection) = &self.connection else { return Ok(false) };
        let found = connection.query_row(sql, [value], |_| Ok(())).optional();
        Ok(found.map_err(|error| self.unreadable(&error))?.is_some())
    }

    fn unreadable(&self, error: &rusqlite::Error) -> String {
        format!("{} cannot be read: {error}; copy a backup of the data folder back", self.file)
    }
}
