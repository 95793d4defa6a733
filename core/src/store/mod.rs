//! The journal port on SQLite, for every platform that has it. Platforms differ only in how they run a statement.

mod accounts;
mod audit;
mod catalogue;
pub(crate) mod fees;
pub(crate) mod guards;
mod index;
mod reconciled;
mod sales;
pub(crate) mod schema;
mod sql;
mod value;

pub use crate::error::SqlError;
pub(crate) use accounts::SEATS;
pub use audit::{Checked, OnTheBooks};
pub use reconciled::{Verdict, Word};
pub use sales::{Sale, SalesTotal};
pub use sql::SqlJournal;
pub use value::{Sql, Value};
pub(crate) use value::{bound, integer, json, number};

#[cfg(test)]
mod tests;
