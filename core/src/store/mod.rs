//! The journal port on SQLite, for every platform that has one: only the way to
//! run a statement differs.

pub(crate) mod guards;
pub(crate) mod schema;
mod sql;

pub(crate) use sql::json;
pub use sql::{Sql, SqlError, SqlJournal, Value};

#[cfg(test)]
mod tests;
