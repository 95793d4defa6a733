//! Tests of shards, each on its own database.

mod books;
mod budgets;
mod claims;
mod cluster;
mod fees;
mod lost;
mod outbox;
mod sales;
mod seats;
mod site;
mod triggers;
mod unreadable;
mod woken;

use std::task::{Context, Poll, Waker};

use rusqlite::Connection;

use crate::store::{Sql, SqlError, Value};
use crate::testkit::platform::execute;

/// One shard's database.
struct Database(Connection);

impl Database {
    fn new() -> Self {
        Self(Connection::open_in_memory().unwrap())
    }

    /// Returns the first column of the first row, as a number.
    fn number(&self, query: &str) -> i64 {
        let rows = execute(&self.0, query, &[]).unwrap();
        match rows.first().and_then(|row| row.first()) {
            Some(Value::Integer(number)) => *number,
            other => panic!("{query}: {other:?}"),
        }
    }
}

impl Sql for &Database {
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        execute(&self.0, statement, parameters).map_err(|error| SqlError::from_message(&error.to_string()))
    }
}

/// Returns the output of a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a shard waits for something"),
    }
}
