//! The journal port on SQLite, for every platform that has one: only the way to
//! run a statement differs.

mod schema;
mod sql;

pub use sql::{Sql, SqlError, SqlJournal, Value};

#[cfg(test)]
mod tests;
