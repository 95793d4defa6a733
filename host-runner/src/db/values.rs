//! What goes into the database, and what comes out of it.

/// One value of a row or a parameter, as the component sees it.
pub(crate) use coinop_bindings::sqlite::Value;

/// What a statement answered.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
    /// Rows changed, for an INSERT, UPDATE or DELETE.
    pub(crate) changes: Option<u64>,
    /// The rowid of an INSERT; present if anything at all was changed, be it by
    /// a trigger.
    pub(crate) last_insert_rowid: Option<i64>,
}

/// Why a statement was not carried out, in words for the component's log.
/// SQLite's own words where it has some: the component reads them to tell a
/// conflict from a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

/// Who asks. The controller is not woken by its own writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Request,
    Controller,
}
