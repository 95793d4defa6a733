//! Durable Object SQL for the core's store.

use std::cell::Cell;
use std::future::{Future, ready};
use std::rc::Rc;

use coinop_core::store::{Sql, SqlError, Value};
use worker::{SqlStorage, SqlStorageValue, Storage};

/// One object's database.
///
/// Every statement runs at once. Statements that run without an await in between are committed together.
#[derive(Clone)]
pub(crate) struct ObjectSql {
    /// `None` means that there is no database. One type for both cases lets the script contain the core once.
    sql: Option<SqlStorage>,
    /// Whether there are no tables. Then a read returns nothing, and a request that only reads creates none.
    absent: Rc<Cell<bool>>,
}

impl ObjectSql {
    /// Opens the database of this object.
    pub(crate) fn of(storage: &Storage) -> Self {
        let this = Self { sql: Some(storage.sql()), ..Self::none() };
        let named = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name IN ('head', 'hold') LIMIT 1";
        this.absent.set(this.execute(named, &[]).is_ok_and(|rows| rows.is_empty()));
        this
    }

    /// Makes a value without a database. Every use is an error.
    pub(crate) fn none() -> Self {
        Self { sql: None, absent: Rc::default() }
    }

    /// Tells whether it has no tables yet.
    pub(crate) fn is_absent(&self) -> bool {
        self.absent.get()
    }

    /// Notes that the tables are created now.
    pub(crate) fn begin(&self) {
        self.absent.set(false);
    }

    /// Notes that the tables are deleted.
    pub(crate) fn forget(&self) {
        self.absent.set(true);
    }

    fn execute(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, worker::Error> {
        let none = || worker::Error::RustError("the stateless worker has no journal".to_owned());
        let sql = self.sql.as_ref().ok_or_else(none)?;
        let parameters: Vec<SqlStorageValue> = parameters
            .iter()
            .map(|value| match value {
                Value::Null => SqlStorageValue::Null,
                Value::Integer(number) => SqlStorageValue::Integer(*number),
                Value::Text(text) => SqlStorageValue::String(text.clone()),
            })
            .collect();
        let cursor = sql.exec(statement, parameters)?;
        cursor.raw().map(|row| row?.into_iter().map(from_object).collect()).collect()
    }
}

fn from_object(value: SqlStorageValue) -> Result<Value, worker::Error> {
    match value {
        SqlStorageValue::Null => Ok(Value::Null),
        SqlStorageValue::Integer(number) => Ok(Value::Integer(number)),
        SqlStorageValue::String(text) => Ok(Value::Text(text)),
        // No other type occurs in the journal, and none may be read as null.
        _ => Err(worker::Error::RustError("a value is neither a number, text nor null".to_owned())),
    }
}

impl Sql for ObjectSql {
    fn run(
        &self,
        statement: &str,
        parameters: &[Value],
    ) -> impl Future<Output = Result<Vec<Vec<Value>>, SqlError>> {
        if self.absent.get() {
            return ready(Ok(Vec::new()));
        }
        let result = self.execute(statement, parameters);
        ready(result.map_err(|error| SqlError::from_message(&error.to_string())))
    }
}
