//! SQLite: the native journal, and the content of the other platforms' databases.

use anyhow::{Context as _, Result};
use coinop_core::store::{Sql, SqlError, Value};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, params_from_iter};

pub(crate) struct Sqlite(Connection);

impl Sqlite {
    /// Opens the database in this file, and creates it if it is missing.
    pub(crate) fn open(file: &str) -> Result<Self> {
        Ok(Self(Connection::open(file).with_context(|| format!("{file} can't be opened"))?))
    }

    fn execute(&self, statement: &str, parameters: &[Value]) -> rusqlite::Result<Vec<Vec<Value>>> {
        let parameters = parameters.iter().map(|value| match value {
            Value::Null => rusqlite::types::Value::Null,
            Value::Integer(number) => rusqlite::types::Value::Integer(*number),
            Value::Text(text) => rusqlite::types::Value::Text(text.clone()),
        });
        let mut prepared = self.0.prepare_cached(statement)?;
        let columns = prepared.column_count();
        let read = |row: &rusqlite::Row<'_>| {
            let value = |column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Integer(number) => Value::Integer(number),
                    ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                    // No other type occurs in the journal.
                    _ => Value::Null,
                })
            };
            (0..columns).map(value).collect()
        };
        prepared.query_map(params_from_iter(parameters), read)?.collect()
    }
}

impl Sql for Sqlite {
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        self.execute(statement, parameters).map_err(|error| SqlError::from_message(&error.to_string()))
    }
}

/// Returns the rows of all tables of a file, sorted by the tables' names and then by all columns of a row.
/// Each is a list of the table's name and the row.
pub(crate) fn rows(file: &str) -> Result<Vec<Vec<serde_json::Value>>> {
    let opened = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE);
    let database = Sqlite(opened.with_context(|| format!("{file} can't be opened"))?);
    let ours = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name";
    let mut rows = Vec::new();
    for name in database.execute(ours, &[])?.into_iter().flatten() {
        let Value::Text(name) = name else { continue };
        let columns =
            database.execute("SELECT count(*) FROM pragma_table_info(?1)", &[Value::Text(name.clone())])?;
        let [Value::Integer(columns)] = columns.concat()[..] else { continue };
        let order: Vec<String> = (1..=columns).map(|column| column.to_string()).collect();
        let all = format!("SELECT * FROM {name} ORDER BY {}", order.join(", "));
        for row in database.execute(&all, &[])? {
            let value = |value| match value {
                Value::Null => serde_json::Value::Null,
                Value::Integer(number) => number.into(),
                Value::Text(text) => text.into(),
            };
            rows.push([Value::Text(name.clone())].into_iter().chain(row).map(value).collect());
        }
    }
    Ok(rows)
}
