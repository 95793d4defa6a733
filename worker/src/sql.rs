//! Durable Object SQL, as the core's store uses it.

use std::cell::Cell;
use std::future::{Future, ready};
use std::rc::Rc;

use coinop_core::store::{Sql, SqlError, Value};
use worker::{SqlStorage, SqlStorageValue, Storage};

/// One object's database.
///
/// Every statement runs at once: what runs without waiting for anything else in between is committed together.
#[derive(Clone)]
pub(crate) struct ObjectSql {
    /// `None`: there is no database here. One type for both, so that the core is in the script once.
    sql: Option<SqlStorage>,
    /// Whether there are no tables: then nothing is read, and nothing is made for whoever only asks.
    absent: Rc<Cell<bool>>,
}

impl ObjectSql {
    /// The database of this object.
    pub(crate) fn of(storage: &Storage) -> Self {
        let this = Self { sql: Some(storage.sql()), ..Self::none() };
        let named = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name IN ('head', 'hold') LIMIT 1";
        this.absent.set(this.execute(named, &[]).is_ok_and(|rows| rows.is_empty()));
        this
    }

    /// No database: whatever is asked of it is an error.
    pub(crate) fn none() -> Self {
        Self { sql: None, absent: Rc::default() }
    }

    /// Whether it has no tables yet.
    pub(crate) fn is_absent(&self) -> bool {
        self.absent.get()
    }

    /// The tables are made now.
    pub(crate) fn begin(&self) {
        self.absent.set(false);
    }

    /// The tables are gone.
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
        // None of the others occurs in the journal, and none is nothing.
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
