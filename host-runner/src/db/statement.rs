//! Runs one prepared statement.

use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Statement, ToSql};

use super::values::{Answer, Refused, Value};

/// The most memory that one answer may take, in bytes. The component itself has 64 MiB. The limit keeps a
/// forgotten LIMIT from taking the host's memory.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

/// How long a statement may take.
pub(crate) const LONGEST: Duration = Duration::from_secs(5);

/// How many steps SQLite's virtual machine takes between two looks at the time.
const STEPS: i32 = 1_000;

/// Limits the time of the statements that the connection runs next.
pub(crate) fn limit(connection: &Connection, within: Duration) {
    let until = Instant::now() + within;
    connection.progress_handler(STEPS, Some(move || Instant::now() >= until));
}

/// Returns the refusal of a statement that ran out of time.
pub(crate) fn took_too_long() -> Refused {
    Refused("the statement took too long".to_owned())
}

/// Why a statement did not run to its end.
pub(crate) enum Failure {
    Sqlite(rusqlite::Error),
    Refused(Refused),
}

impl Failure {
    /// Tells whether it reached its [`limit`].
    pub(crate) fn is_interruption(&self) -> bool {
        self.is(ErrorCode::OperationInterrupted)
    }

    /// Tells whether it tried to write on a connection that only reads.
    pub(crate) fn is_attempt_to_write(&self) -> bool {
        self.is(ErrorCode::ReadOnly)
    }

    fn is(&self, code: ErrorCode) -> bool {
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code() == Some(code))
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        match failure {
            interrupted if interrupted.is_interruption() => took_too_long(),
            Failure::Sqlite(error) => error.into(),
            Failure::Refused(refused) => refused,
        }
    }
}

struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Integer(i) => ValueRef::Integer(*i),
            Value::Real(r) => ValueRef::Real(*r),
            Value::Text(t) => ValueRef::Text(t.as_bytes()),
            Value::Blob(b) => ValueRef::Blob(b),
            Value::Null => ValueRef::Null,
        }))
    }
}

fn value(from: ValueRef<'_>) -> Result<Value, Refused> {
    Ok(match from {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(i) => Value::Integer(i),
        ValueRef::Real(r) => Value::Real(r),
        ValueRef::Text(t) => Value::Text(
            std::str::from_utf8(t)
                .map_err(|_| Refused("a text in the database is not UTF-8".to_owned()))?
                .to_owned(),
        ),
        ValueRef::Blob(b) => Value::Blob(b.to_vec()),
    })
}

fn size(value: &Value) -> usize {
    match value {
        Value::Text(t) => t.len(),
        Value::Blob(b) => b.len(),
        Value::Integer(_) | Value::Real(_) | Value::Null => 0,
    }
    .saturating_add(size_of::<Value>())
}

/// Runs the statement to its end and gathers its rows.
pub(crate) fn run(statement: &mut Statement<'_>, parameters: &[Value]) -> Result<Answer, Failure> {
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let width = columns.len();
    let mut rows = statement.query(rusqlite::params_from_iter(parameters.iter().map(Parameter)))?;
    let mut answer = Answer { columns, ..Answer::default() };
    let mut total = 0usize;
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(width);
        for index in 0..width {
            let value = value(row.get_ref(index)?)?;
            total = total.saturating_add(size(&value));
            values.push(value);
        }
        if total > LARGEST_ANSWER {
            return Err(Refused("the answer is too large".to_owned()).into());
        }
        answer.rows.push(values);
    }
    Ok(answer)
}

/// Runs a statement that writes, and reports what it changed.
pub(crate) fn write(connection: &Connection, sql: &str, parameters: &[Value]) -> Result<Answer, Refused> {
    let before = connection.total_changes();
    limit(connection, LONGEST);
    let mut statement = connection.prepare_cached(sql)?;
    let mut answer = run(&mut statement, parameters)?;
    if connection.total_changes() == before {
        answer.changes = Some(0);
    } else {
        answer.changes = Some(connection.changes());
        answer.last_insert_rowid = Some(connection.last_insert_rowid());
    }
    Ok(answer)
}
