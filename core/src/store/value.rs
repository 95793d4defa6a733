//! The values that a database takes and returns, and the trait that runs statements.

#![allow(async_fn_in_trait, reason = "as the ports")]

use serde::Serialize;

use crate::error::{EncodeError, SqlError, StoreError};
use crate::ports::PortError;

/// An SQLite value, of the kinds that the journal uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The SQL null.
    Null,
    /// A signed 64-bit integer.
    Integer(i64),
    /// A text.
    Text(String),
}

/// Runs statements on one database.
pub trait Sql {
    /// Runs one statement and returns its rows.
    ///
    /// What it writes is durable when it returns. If it fails, all of it is undone.
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError>;
}

pub(super) fn corrupt(what: &'static str) -> PortError {
    StoreError::Corrupt(what).into()
}

/// Returns a number as a value to be written.
///
/// # Errors
/// When the number is larger than any SQLite integer, because it must never be written as another number.
pub(crate) fn integer(number: u64) -> Result<Value, StoreError> {
    i64::try_from(number).map(Value::Integer).map_err(|_| EncodeError("a number").into())
}

/// Returns a bound to compare stored numbers with.
///
/// A bound above SQLite's largest integer becomes that integer, because no stored number is larger.
pub(crate) fn bound(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Reads a stored number.
pub(crate) fn number(value: Option<&Value>) -> Result<u64, PortError> {
    match value {
        Some(Value::Integer(number)) => u64::try_from(*number).map_err(|_| corrupt("a number")),
        _ => Err(corrupt("a number")),
    }
}

/// Reads a text, such as a key.
pub(crate) fn text<'v>(value: Option<&'v Value>, what: &'static str) -> Result<&'v str, PortError> {
    match value {
        Some(Value::Text(text)) => Ok(text),
        _ => Err(corrupt(what)),
    }
}

pub(crate) fn json(value: &impl Serialize) -> Result<Value, StoreError> {
    serde_json::to_string(value).map(Value::Text).map_err(|_| EncodeError("a batch").into())
}
