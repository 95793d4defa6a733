//! Answers what the component asks of Spin.

use coinop_bindings::{SqliteConnection, key_value, sqlite, variables};
use wasmtime::Result;
use wasmtime::component::Resource;

use super::state::GuestState;
use crate::db::Refused;

/// The only database that exists.
const DATABASE: &str = "default";

impl sqlite::Host for GuestState {}

impl sqlite::HostConnection for GuestState {
    fn open(
        &mut self,
        database: String,
    ) -> Result<std::result::Result<Resource<SqliteConnection>, sqlite::Error>> {
        if database != DATABASE {
            return Ok(Err(sqlite::Error::NoSuchDatabase));
        }
        Ok(Ok(self.table.push(SqliteConnection::default())?))
    }

    async fn execute(
        &mut self,
        connection: Resource<SqliteConnection>,
        statement: String,
        parameters: Vec<sqlite::Value>,
    ) -> Result<std::result::Result<sqlite::QueryResult, sqlite::Error>> {
        let answer = self.host.db.execute(statement, parameters, self.caller).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(Refused(words)) => return Ok(Err(sqlite::Error::Io(words))),
        };
        let handle = self.table.get_mut(&connection)?;
        if let Some(changes) = answer.changes {
            handle.changes = changes;
        }
        if let Some(rowid) = answer.last_insert_rowid {
            handle.last_insert_rowid = rowid;
        }
        Ok(Ok(sqlite::QueryResult {
            columns: answer.columns,
            rows: answer.rows.into_iter().map(|values| sqlite::RowResult { values }).collect(),
        }))
    }

    fn last_insert_rowid(&mut self, connection: Resource<SqliteConnection>) -> Result<i64> {
        Ok(self.table.get(&connection)?.last_insert_rowid)
    }

    fn changes(&mut self, connection: Resource<SqliteConnection>) -> Result<u64> {
        Ok(self.table.get(&connection)?.changes)
    }

    fn drop(&mut self, connection: Resource<SqliteConnection>) -> Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

impl variables::Host for GuestState {
    fn get(&mut self, name: String) -> Result<std::result::Result<String, variables::Error>> {
        Ok(self
            .host
            .variables
            .get(name.as_str())
            .map(|value| value.to_string())
            .ok_or(variables::Error::Undefined(name)))
    }
}

impl key_value::Host for GuestState {}

/// No store exists, so there is never a handle to one, and only `open` is ever called. The SDK imports the
/// interface whether it is used or not.
impl key_value::HostStore for GuestState {
    fn open(
        &mut self,
        _: String,
    ) -> Result<std::result::Result<Resource<key_value::Store>, key_value::Error>> {
        Ok(Err(key_value::Error::AccessDenied))
    }

    fn get(
        &mut self,
        _: Resource<key_value::Store>,
        _: String,
    ) -> Result<std::result::Result<Option<Vec<u8>>, key_value::Error>> {
        Ok(Err(key_value::Error::AccessDenied))
    }

    fn set(
        &mut self,
        _: Resource<key_value::Store>,
        _: String,
        _: Vec<u8>,
    ) -> Result<std::result::Result<(), key_value::Error>> {
        Ok(Err(key_value::Error::AccessDenied))
    }

    fn delete(
        &mut self,
        _: Resource<key_value::Store>,
        _: String,
    ) -> Result<std::result::Result<(), key_value::Error>> {
        Ok(Err(key_value::Error::AccessDenied))
    }

    fn exists(
        &mut self,
        _: Resource<key_value::Store>,
        _: String,
    ) -> Result<std::result::Result<bool, key_value::Error>> {
        Ok(Err(key_value::Error::AccessDenied))
    }

    fn get_keys(
        &mut self,
        _: Resource<key_value::Store>,
    ) -> Result<std::result::Result<Vec<String>, key_value::Error>> {
        Ok(Err(key_value::Error::AccessDenied))
    }

    fn drop(&mut self, _: Resource<key_value::Store>) -> Result<()> {
        Ok(())
    }
}
