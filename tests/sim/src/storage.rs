//! A database that may fail.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use coinop_core::PaymentId;
use coinop_core::store::{Sql, SqlError, Value};
use rusqlite::Connection;

use crate::executor::Process;
use crate::plan::Fault;
use crate::world::World;

/// A database file. It outlives the processes that use it.
pub(crate) struct File {
    connection: RefCell<Connection>,
    /// A copy that was made earlier.
    copy: RefCell<Option<Connection>>,
    /// Whether it has tables.
    pub(crate) has_tables: Cell<bool>,
    copy_had_tables: Cell<bool>,
}

impl File {
    pub(crate) fn new() -> Self {
        Self {
            connection: RefCell::new(memory()),
            copy: RefCell::default(),
            has_tables: Cell::new(false),
            copy_had_tables: Cell::new(false),
        }
    }

    /// Deletes everything in it.
    pub(crate) fn wipe(&self) {
        *self.connection.borrow_mut() = memory();
        self.has_tables.set(false);
    }

    /// Makes a copy to be restored later.
    pub(crate) fn back_up(&self) {
        let mut copy = memory();
        copy_into(&self.connection.borrow(), &mut copy);
        self.copy_had_tables.set(self.has_tables.get());
        *self.copy.borrow_mut() = Some(copy);
    }

    /// Restores the copy, if there is one. Returns whether there was.
    pub(crate) fn restore(&self) -> bool {
        let Some(copy) = self.copy.take() else { return false };
        *self.connection.borrow_mut() = copy;
        self.has_tables.set(self.copy_had_tables.get());
        true
    }

    pub(crate) fn with<T>(&self, use_it: impl FnOnce(&Connection) -> T) -> T {
        use_it(&self.connection.borrow())
    }

    /// Returns the payments for which a shard holds something, each with the latest time of that in milliseconds.
    pub(crate) fn held(&self) -> Vec<(PaymentId, u64)> {
        let what = "SELECT payment, max(at) FROM hold GROUP BY payment";
        let has_holds = "SELECT 1 FROM sqlite_schema WHERE name = 'hold'";
        self.with(|database| {
            if !database.prepare_cached(has_holds).and_then(|mut it| it.exists([])).unwrap_or_default() {
                return Vec::new();
            }
            let mut held = database.prepare_cached(what).unwrap_or_else(|error| panic!("{error}"));
            let rows = held.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)));
            let rows = rows.unwrap_or_else(|error| panic!("{error}")).flatten();
            rows.filter_map(|(id, at)| Some((PaymentId::parse(&id)?, at))).collect()
        })
    }

    fn execute(&self, statement: &str, parameters: &[Value]) -> rusqlite::Result<Vec<Vec<Value>>> {
        use rusqlite::types::{Value as Stored, ValueRef};
        let connection = self.connection.borrow();
        let parameters = parameters.iter().map(|value| match value {
            Value::Null => Stored::Null,
            Value::Integer(number) => Stored::Integer(*number),
            Value::Text(text) => Stored::Text(text.clone()),
        });
        let mut prepared = connection.prepare_cached(statement)?;
        let columns = prepared.column_count();
        let read = |row: &rusqlite::Row<'_>| {
            let value = |column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Integer(number) => Value::Integer(number),
                    ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                    _ => Value::Null,
                })
            };
            (0..columns).map(value).collect()
        };
        prepared.query_map(rusqlite::params_from_iter(parameters), read)?.collect()
    }
}

fn memory() -> Connection {
    let connection = Connection::open_in_memory().unwrap_or_else(|error| panic!("{error}"));
    connection.set_prepared_statement_cache_capacity(200);
    connection
}

fn copy_into(from: &Connection, to: &mut Connection) {
    let backup = rusqlite::backup::Backup::new(from, to).unwrap_or_else(|error| panic!("{error}"));
    backup.step(-1).unwrap_or_else(|error| panic!("{error}"));
}

/// The database as one process has it.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) world: Weak<World>,
    pub(crate) file: Rc<File>,
    pub(crate) process: Process,
    /// Whether others may run while a statement's answer travels. In a Durable Object they may not.
    pub(crate) is_remote: bool,
}

impl Sql for Database {
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        if !self.file.has_tables.get() {
            return Ok(Vec::new());
        }
        let Some(world) = self.world.upgrade() else { return Ok(Vec::new()) };
        let broken = || Err(SqlError::Other("disk I/O error".to_owned()));
        let random = &world.storage_random;
        let is_write = statement.starts_with("INSERT INTO batch");
        if is_write {
            world.point(self.process).await;
        }
        // What a Durable Object does without waiting is committed together, so it can't fail half-way.
        let may_fail = self.is_remote || is_write || statement.starts_with("SELECT");
        if may_fail && world.fails(Fault::StorageFails, random) {
            return broken();
        }
        if is_write && world.fails(Fault::StorageForgets, random) {
            world.audit.borrow_mut().forgotten(parameters);
            return Ok(Vec::new());
        }
        let result = self.file.execute(statement, parameters);
        if is_write && result.is_ok() {
            world.written(parameters);
            world.gateways.nudge();
        }
        if is_write {
            world.point(self.process).await;
        }
        if self.is_remote && random.happens(5_000) {
            world.exec.give_way().await;
        }
        if is_write && result.is_ok() && world.fails(Fault::StorageDoesAndFails, random) {
            return broken();
        }
        result.map_err(|error| SqlError::from_message(&error.to_string()))
    }
}
