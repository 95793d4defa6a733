//! The tables that an append's index changes are written to.
//!
//! Each [`Index`] describes one kind of change. The list yields the tables, the columns of what an append
//! inserts, and the statements of the trigger. A new kind is a new entry.

use super::fees::{
    EARN, FEE_BUDGET, TRUST, is_trusted, put_back_budgets, put_back_trust, take_from_budget, take_trust,
};
use super::guards::guard_message;
use super::schema::{
    CATALOGUE, ENTRY, FAILURE, FAILURE_AT, FEE_PAYER, IN_FLIGHT, IN_FLIGHT_FEE_PAYER, IN_FLIGHT_SOURCE, OWED,
    OWED_AT, OWED_OPEN, SALE, SEAT, SEAT_ASSET, SESSION, SESSION_ASSET, SESSION_PAYER, SESSION_STARTS,
    SOURCE_BALANCE, SOURCE_BALANCE_CLOSED, hold_against_source,
};
use super::value::{Value, json};
use crate::error::StoreError;
use crate::session::Batch;
use crate::session::index::IndexChange;

/// The key of the asset whose seats a batch changes: the merchant's id, taken from the stream's key, and the
/// asset's id.
macro_rules! seats_of {
    () => {
        "substr(NEW.stream, 1, instr(NEW.stream, '/')) || (NEW.seat ->> '$.asset')"
    };
}

/// A condition: the payment that a batch claims is in flight like this.
macro_rules! bears {
    ($condition:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM in_flight WHERE stream = NEW.stream AND ",
            $condition,
            " AND payment IN (SELECT value ->> '$.id' FROM json_each(NEW.claims)))"
        )
    };
}

/// The trigger that puts back what a payment took, or part of it, when it is no longer in flight.
const FEE_PUT_BACK: &str = concat!(
    "CREATE TRIGGER IF NOT EXISTS fee_put_back AFTER DELETE ON in_flight WHEN OLD.bearer IS NOT NULL BEGIN
        ",
    put_back_trust!(),
    "
        ",
    put_back_budgets!(),
    "
    END"
);

/// One kind of index change.
pub(super) struct Index {
    /// The column of the view `batch` that carries the change.
    pub column: &'static str,
    /// The statements that create its tables.
    pub tables: &'static [&'static str],
    /// The trigger's statements that write the change, each with its semicolon.
    pub write: &'static str,
    /// Returns the column's value for a batch: JSON, or null if nothing of this kind changes.
    pub value: fn(&Batch) -> Result<Value, StoreError>,
}

/// All kinds, in the order in which the trigger writes them.
pub(super) const INDEXES: &[Index] = &[
    // What has to cover a claim. It is checked against what is in flight before this claim joins it.
    Index {
        column: "funds",
        tables: &[
            IN_FLIGHT,
            IN_FLIGHT_SOURCE,
            IN_FLIGHT_FEE_PAYER,
            SOURCE_BALANCE,
            SOURCE_BALANCE_CLOSED,
            TRUST,
            FEE_BUDGET,
            FEE_PUT_BACK,
        ],
        write: concat!(
            hold_against_source!(),
            "
        SELECT RAISE(ABORT, '",
            guard_message!(guard_at_risk),
            "')
            WHERE NEW.funds ->> '$.slack' IS NOT NULL
            AND (SELECT coalesce(sum(fee), 0) > NEW.funds ->> '$.slack' OR coalesce(max(guarded), 0)
                FROM in_flight WHERE fee_payer = NEW.funds ->> '$.fee_payer');"
        ),
        value: |batch| batch.funds.as_ref().map_or(Ok(Value::Null), json),
    },
    // Failed payments. They leave only a note of who failed, and put back what they did not cost.
    Index {
        column: "purges",
        tables: &[FAILURE, FAILURE_AT],
        write: "UPDATE in_flight SET ends = 'failed' WHERE stream = NEW.stream
            AND payment IN (SELECT value ->> '$.id' FROM json_each(NEW.purges) WHERE value ->> '$.has_landed');
        DELETE FROM payment WHERE id IN (SELECT value ->> '$.id' FROM json_each(NEW.purges));
        DELETE FROM in_flight WHERE stream = NEW.stream
            AND payment IN (SELECT value ->> '$.id' FROM json_each(NEW.purges));
        DELETE FROM failure WHERE at < (
            SELECT max(value ->> '$.at') - 86400000 FROM json_each(NEW.purges));
        INSERT OR IGNORE INTO failure (payer, at, payment, is_bounce)
            SELECT value ->> '$.payer', value ->> '$.at', value ->> '$.id', value ->> '$.is_bounce'
            FROM json_each(NEW.purges) WHERE value ->> '$.is_payers';",
        value: |batch| changes(batch, |change| matches!(change, IndexChange::Purge { .. })),
    },
    // Claims. If the payment's id or ticket is not new, nothing is written (invariant 1).
    Index {
        column: "claims",
        tables: &[
            "CREATE TABLE IF NOT EXISTS payment (
        id TEXT PRIMARY KEY,
        ticket TEXT UNIQUE,
        record TEXT NOT NULL
    ) WITHOUT ROWID",
            FEE_PAYER,
        ],
        write: concat!(
            "INSERT INTO payment (id, ticket, record)
            SELECT value ->> '$.id', value ->> '$.ticket', value -> '$.record' FROM json_each(NEW.claims);
        INSERT INTO in_flight (stream, payment, source, amount, exclusive, fee_payer, fee, guarded, payer, bearer,
                unprofitable)
            SELECT NEW.stream, value ->> '$.id', value ->> '$.holds.source.account',
                CAST(value ->> '$.holds.source.amount' AS INTEGER), value ->> '$.holds.source.exclusive',
                value ->> '$.holds.fee.payer', value ->> '$.holds.fee.amount', value ->> '$.holds.fee.guarded',
                NEW.funds ->> '$.fee.payer',
                CASE WHEN ",
            is_trusted!("NEW.funds -> '$.fee'"),
            " THEN 'trust' ELSE NEW.funds ->> '$.fee.budget' END,
                NEW.funds ->> '$.fee.unprofitable' IS NOT NULL
            FROM json_each(NEW.claims);
        ",
            take_trust!("NEW.funds -> '$.fee'", bears!("bearer = 'trust'")),
            "
        ",
            take_from_budget!(
                "NEW.funds -> '$.fee'",
                "(NEW.funds ->> '$.fee.budget')",
                "newcomers",
                bears!("bearer = NEW.funds ->> '$.fee.budget'")
            ),
            "
        ",
            take_from_budget!(
                "NEW.funds -> '$.fee'",
                "'unprofitable'",
                "unprofitable",
                bears!("unprofitable")
            ),
            "
        INSERT OR IGNORE INTO fee_payer (address)
            SELECT value ->> '$.holds.fee.payer' FROM json_each(NEW.claims)
            WHERE value ->> '$.holds.fee' IS NOT NULL;"
        ),
        value: |batch| changes(batch, |change| matches!(change, IndexChange::Claim { .. })),
    },
    // Payments of which more has become known. A payment that has landed is no longer in flight.
    Index {
        column: "landed",
        tables: &[],
        write: "UPDATE payment SET record = change.value -> '$.record'
            FROM json_each(NEW.landed) AS change WHERE payment.id = change.value ->> '$.id';
        UPDATE in_flight SET ends = 'landed' WHERE stream = NEW.stream
            AND payment IN (SELECT value ->> '$.id' FROM json_each(NEW.landed)
                WHERE value ->> '$.record.status' <> 'pending');
        DELETE FROM in_flight WHERE stream = NEW.stream AND ends = 'landed';",
        value: |batch| changes(batch, |change| matches!(change, IndexChange::Payment { .. })),
    },
    Index {
        column: "sessions",
        tables: &[SESSION, SESSION_PAYER, SESSION_STARTS, SESSION_ASSET, EARN[0], EARN[1]],
        write: "INSERT INTO session (id, asset, payer, starts, record, earned, budget)
            SELECT value ->> '$.id', value ->> '$.asset', value ->> '$.payer', value ->> '$.starts',
                value -> '$.record', coalesce(value ->> '$.earned.lamports', 0), value ->> '$.earned.budget'
            FROM json_each(NEW.sessions) WHERE true
            ON CONFLICT (id) DO UPDATE SET record = excluded.record, earned = excluded.earned,
                budget = excluded.budget;",
        value: |batch| changes(batch, |change| matches!(change, IndexChange::Session { .. })),
    },
    // What was sold, for the owner.
    Index {
        column: "sales",
        tables: &[SALE],
        write: "INSERT INTO sale (at, asset, payment, network, token, decimals, amount)
            SELECT value ->> '$.at', value ->> '$.asset', value ->> '$.payment', value ->> '$.price.network',
                value ->> '$.price.token', value ->> '$.price.decimals', value ->> '$.price.amount'
            FROM json_each(NEW.sales);",
        value: |batch| changes(batch, |change| matches!(change, IndexChange::Sale { .. })),
    },
    // What is owed.
    Index {
        column: "owed",
        tables: &[OWED, OWED_AT, OWED_OPEN],
        write: "INSERT INTO owed (id, payer, at, is_open, record)
            SELECT value ->> '$.id', value ->> '$.payer', value ->> '$.at', value ->> '$.is_open', value -> '$.record'
            FROM json_each(NEW.owed) WHERE true
            ON CONFLICT (id) DO UPDATE SET is_open = excluded.is_open, record = excluded.record;",
        value: |batch| changes(batch, |change| matches!(change, IndexChange::Owed { .. })),
    },
    // The ledger.
    Index {
        column: "entries",
        tables: &[ENTRY],
        write: "INSERT INTO entry (stream, revision, number, session, from_book, to_book, network, token, decimals,
                amount, cause, at)
            SELECT NEW.stream, NEW.revision, key, value ->> '$.session', value ->> '$.from', value ->> '$.to',
                value ->> '$.money.network', value ->> '$.money.token', value ->> '$.money.decimals',
                value ->> '$.money.amount', value ->> '$.cause', value ->> '$.at'
            FROM json_each(NEW.entries);",
        value: |batch| changes(batch, |change| matches!(change, IndexChange::Entry(_))),
    },
    // The seat that a session of a shared asset takes or leaves.
    Index {
        column: "seat",
        tables: &[SEAT, SEAT_ASSET],
        write: concat!(
            "SELECT RAISE(ABORT, '",
            guard_message!(full),
            "')
            WHERE (SELECT count(*) FROM seat WHERE asset = ",
            seats_of!(),
            ") >= NEW.seat ->> '$.taken_of';
        INSERT INTO seat (asset, stream)
            SELECT ",
            seats_of!(),
            ", NEW.stream WHERE NEW.seat ->> '$.taken_of' IS NOT NULL;
        DELETE FROM seat WHERE asset = ",
            seats_of!(),
            " AND stream = NEW.stream
            AND NEW.seat ->> '$.taken_of' IS NULL;"
        ),
        value: |batch| one(batch, |change| matches!(change, IndexChange::Seat { .. })),
    },
    // What the catalogue shows of the asset from now on; `null` if the asset was deleted.
    Index {
        column: "listing",
        tables: &[CATALOGUE],
        write: "INSERT INTO catalogue (asset, listing)
            SELECT NEW.stream, NEW.listing WHERE NEW.listing != 'null'
            ON CONFLICT (asset) DO UPDATE SET listing = excluded.listing;
        DELETE FROM catalogue WHERE asset = NEW.stream AND NEW.listing = 'null';",
        value: listing,
    },
];

/// The columns of every append.
const COLUMNS: &str = "stream, revision, version, events, state, due, unsettled, unfulfilled";
/// The number of those columns.
const COLUMN_COUNT: usize = 8;

/// Returns the statement that appends a batch. Its parameters are the columns of every append, then one value
/// per index.
pub(super) fn append() -> String {
    let mut statement = format!("INSERT INTO batch ({}) VALUES (?1", columns());
    for parameter in 2..=COLUMN_COUNT + INDEXES.len() {
        statement.push_str(&format!(", ?{parameter}"));
    }
    statement.push(')');
    statement
}

/// Returns the statements that create all index tables, and the view and the trigger that an append goes through.
pub(super) fn tables() -> Vec<String> {
    let tables = INDEXES.iter().flat_map(|index| index.tables).map(|statement| (*statement).to_owned());
    tables.chain([view(), trigger()]).collect()
}

fn columns() -> String {
    INDEXES.iter().fold(COLUMNS.to_owned(), |columns, index| format!("{columns}, {}", index.column))
}

/// Returns the statement that creates the view. The view holds nothing; what is inserted there reaches the trigger.
fn view() -> String {
    let nothing = ", ''".repeat(INDEXES.len());
    format!(
        "CREATE VIEW IF NOT EXISTS batch ({}) AS
        SELECT stream, revision, 1, '', state, due, unsettled, unfulfilled{nothing} FROM head WHERE 0",
        columns()
    )
}

/// Returns the statement that creates the trigger, which spreads what is inserted over the tables.
///
/// The first index comes first, so that its guards see what was in flight before this batch.
///
/// A revision follows the last one. A gap would mean that storage has lost an append that it had confirmed, or came back
/// from an older copy under a running process. Nothing may be built on what is not there.
fn trigger() -> String {
    let writes: Vec<&str> = INDEXES.iter().map(|index| index.write).collect();
    let not_next = guard_message!(not_next);
    format!(
        "CREATE TRIGGER IF NOT EXISTS batch_written INSTEAD OF INSERT ON batch BEGIN
        SELECT RAISE(ABORT, '{not_next}') WHERE NEW.revision <> 1 +
            coalesce((SELECT revision FROM head WHERE stream = NEW.stream), 0);
        INSERT INTO journal (stream, revision, version, events)
            VALUES (NEW.stream, NEW.revision, NEW.version, NEW.events);
        INSERT INTO head (stream, revision, state, due, unsettled, unfulfilled)
            VALUES (NEW.stream, NEW.revision, NEW.state, NEW.due, NEW.unsettled, NEW.unfulfilled)
            ON CONFLICT (stream) DO UPDATE SET revision = excluded.revision, state = excluded.state,
                due = excluded.due, unsettled = excluded.unsettled, unfulfilled = excluded.unfulfilled;
        {}
    END",
        writes.join("\n        ")
    )
}

/// Returns the changes of one kind as a list; null if there are none.
fn changes(batch: &Batch, kind: fn(&IndexChange) -> bool) -> Result<Value, StoreError> {
    let changes: Vec<&IndexChange> = batch.index.iter().filter(|change| kind(change)).collect();
    if changes.is_empty() { Ok(Value::Null) } else { json(&changes) }
}

/// Returns the latest change of one kind; null if there is none.
fn one(batch: &Batch, kind: fn(&IndexChange) -> bool) -> Result<Value, StoreError> {
    batch.index.iter().rev().find(|change| kind(change)).map_or(Ok(Value::Null), json)
}

/// Returns the asset's new entry of the catalogue: SQL's `NULL` if it does not change, and the JSON text `null` if the
/// asset was deleted.
fn listing(batch: &Batch) -> Result<Value, StoreError> {
    let changed = batch.index.iter().rev().find_map(|change| match change {
        IndexChange::Listing { listing } => Some(listing),
        _ => None,
    });
    changed.map_or(Ok(Value::Null), json)
}
