//! The database: Spin's SQLite, behind the core's port.

use std::cell::{Cell, RefCell};
use std::future::Future;

use coinop_core::ports::PortError;
use coinop_core::store::{Sql, SqlError, SqlJournal, Value};
use spin_sdk::sqlite3::{Connection, Error, Value as SpinValue};

/// What is known about the tables.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Tables {
    /// No statement was run yet.
    #[default]
    Unknown,
    /// They exist.
    Made,
    /// They could not be created, or have another version.
    Refused,
}

/// The database of an instance. The tables are created before the first statement, so a request that needs
/// none opens no database.
#[derive(Default)]
pub(crate) struct Database {
    sqlite: SpinSqlite,
    state: Cell<Tables>,
}

impl Database {
    /// Returns whether the tables were needed and could not be used.
    pub(crate) fn is_refused(&self) -> bool {
        self.state.get() == Tables::Refused
    }

    /// Creates the tables unless this instance has done so.
    pub(crate) async fn prepare(&self) -> Result<(), PortError> {
        if self.state.get() == Tables::Made {
            return Ok(());
        }
        let made = SqlJournal::new(&self.sqlite, String::new()).prepare().await;
        self.state.set(if made.is_ok() { Tables::Made } else { Tables::Refused });
        made
    }
}

impl Sql for Database {
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        self.prepare().await.map_err(|error| {
            // The caller adds by itself that it was the database.
            let words = error.to_string();
            SqlError::Other(words.strip_prefix("database: ").unwrap_or(&words).to_owned())
        })?;
        (&self.sqlite).run(statement, parameters).await
    }
}

/// Spin's SQLite, with one connection for each instance, which is opened when it is needed.
#[derive(Default)]
struct SpinSqlite {
    connection: RefCell<Option<Connection>>,
}

impl SpinSqlite {
    fn execute(&self, statement: &str, parameters: &[SpinValue]) -> Result<Vec<Vec<Value>>, Error> {
        let mut connection = self.connection.borrow_mut();
        let open = match connection.as_ref() {
            Some(open) => open,
            None => connection.insert(Connection::open("default")?),
        };
        let result = open.execute(statement, parameters);
        if matches!(result, Err(Error::InvalidConnection)) {
            *connection = None;
        }
        let rows = result?.rows.into_iter().map(|row| row.values.into_iter().map(from_spin).collect());
        rows.collect()
    }
}

fn from_spin(value: SpinValue) -> Result<Value, Error> {
    match value {
        SpinValue::Integer(number) => Ok(Value::Integer(number)),
        SpinValue::Text(text) => Ok(Value::Text(text)),
        SpinValue::Null => Ok(Value::Null),
        // Neither type occurs in the journal, and neither may be read as null.
        SpinValue::Real(_) | SpinValue::Blob(_) => {
            Err(Error::Io("a value is neither a number, text nor null".to_owned()))
        }
    }
}

impl Sql for &SpinSqlite {
    fn run(
        &self,
        statement: &str,
        parameters: &[Value],
    ) -> impl Future<Output = Result<Vec<Vec<Value>>, SqlError>> {
        let parameters: Vec<_> = parameters
            .iter()
            .map(|value| match value {
                Value::Null => SpinValue::Null,
                Value::Integer(number) => SpinValue::Integer(*number),
                Value::Text(text) => SpinValue::Text(text.clone()),
            })
            .collect();
        let result = self.execute(statement, &parameters).map_err(|error| match error {
            Error::Io(message) => SqlError::from_message(&message),
            other => SqlError::Other(other.to_string()),
        });
        std::future::ready(result)
    }
}
