//! The values that go into the database and come out of it.

/// One value of a row or a parameter, as the component sees it.
pub(crate) use coinop_bindings::sqlite::Value;

/// The answer to one statement.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
    /// Rows changed by an INSERT, UPDATE or DELETE.
    pub(crate) changes: Option<u64>,
    /// The rowid of an INSERT. Present if the statement or a trigger changed anything at all.
    pub(crate) last_insert_rowid: Option<i64>,
}

/// Why a statement was not carried out, for the component's log. It holds SQLite's own text where there is
/// one, because the component reads that text to tell a conflict from a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

/// Who runs a statement. The controller's own writes do not wake it, and those of the settler wake the requests that
/// wait for a payment's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Request,
    Controller,
    Settler,
}
