//! The journal port on SQLite, for every platform that has one: only the way to
//! run a statement differs.

pub(crate) mod guards;
pub(crate) mod schema;
mod sql;

pub use crate::error::SqlError;
pub use sql::{Sql, SqlJournal, Value};
pub(crate) use sql::{bound, integer, json, number};

#[cfg(test)]
mod tests;
