//! The tables.
//!
//! An append is **one** statement, an `INSERT` into the view `append`, because
//! that is the one atomic thing that every SQLite has in common (on Durable
//! Objects `BEGIN` is refused). Its trigger spreads the batch over the tables;
//! if any part fails, all of it is undone by the same statement.
//!
//! The compare-and-swap is the primary key of `journal`: a revision can be written
//! once. The primary key and the unique ticket of `payment` are what makes one
//! payment one grant (invariant 1).

/// The statements that make the tables, in order; each can be run again.
///
/// One statement each: some hosts run only the first of several, silently.
pub const SCHEMA: &[&str] = &[
    // What happened, for ever.
    "CREATE TABLE IF NOT EXISTS journal (
        asset TEXT NOT NULL,
        revision INTEGER NOT NULL,
        version INTEGER NOT NULL,
        events TEXT NOT NULL,
        PRIMARY KEY (asset, revision)
    ) WITHOUT ROWID",
    // Where each asset stands.
    "CREATE TABLE IF NOT EXISTS head (
        asset TEXT PRIMARY KEY,
        revision INTEGER NOT NULL,
        state TEXT NOT NULL,
        due INTEGER,
        unsettled INTEGER,
        unfulfilled INTEGER NOT NULL
    ) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS head_due ON head (due) WHERE due IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS head_unsettled ON head (unsettled) WHERE unsettled IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS head_unfulfilled ON head (asset) WHERE unfulfilled = 1",
    // Payments in flight and payments that bought something.
    "CREATE TABLE IF NOT EXISTS payment (
        id TEXT PRIMARY KEY,
        ticket TEXT UNIQUE,
        record TEXT NOT NULL
    ) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS session (
        id TEXT PRIMARY KEY,
        payer TEXT NOT NULL,
        starts INTEGER NOT NULL,
        record TEXT NOT NULL
    ) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS session_payer ON session (payer, starts, id)",
    // What our fee payer may have spent on a day.
    "CREATE TABLE IF NOT EXISTS fee (day INTEGER PRIMARY KEY, lamports INTEGER NOT NULL)",
    "CREATE VIEW IF NOT EXISTS append (asset, revision, batch) AS
        SELECT asset, revision, '' FROM head WHERE 0",
    "CREATE TRIGGER IF NOT EXISTS append_batch INSTEAD OF INSERT ON append BEGIN
        INSERT INTO journal (asset, revision, version, events)
            VALUES (NEW.asset, NEW.revision, NEW.batch ->> '$.v', NEW.batch -> '$.events');
        INSERT INTO head (asset, revision, state, due, unsettled, unfulfilled)
            VALUES (NEW.asset, NEW.revision, NEW.batch -> '$.state', NEW.batch ->> '$.due',
                NEW.batch ->> '$.unsettled', NEW.batch ->> '$.unfulfilled')
            ON CONFLICT (asset) DO UPDATE SET revision = excluded.revision, state = excluded.state,
                due = excluded.due, unsettled = excluded.unsettled, unfulfilled = excluded.unfulfilled;
        UPDATE fee SET lamports = lamports - (change.value ->> '$.fee')
            FROM json_each(NEW.batch, '$.index') AS change
            WHERE change.value ->> '$.kind' = 'purge' AND fee.day = change.value ->> '$.day';
        DELETE FROM payment WHERE id IN (
            SELECT value ->> '$.id' FROM json_each(NEW.batch, '$.index') WHERE value ->> '$.kind' = 'purge');
        INSERT INTO payment (id, ticket, record)
            SELECT value ->> '$.id', value ->> '$.ticket', value -> '$.record'
            FROM json_each(NEW.batch, '$.index') WHERE value ->> '$.kind' = 'claim';
        INSERT INTO fee (day, lamports)
            SELECT value ->> '$.day', value ->> '$.fee'
            FROM json_each(NEW.batch, '$.index') WHERE value ->> '$.kind' = 'claim'
            ON CONFLICT (day) DO UPDATE SET lamports = lamports + excluded.lamports;
        UPDATE payment SET record = change.value -> '$.record'
            FROM json_each(NEW.batch, '$.index') AS change
            WHERE change.value ->> '$.kind' = 'payment' AND payment.id = change.value ->> '$.id';
        INSERT INTO session (id, payer, starts, record)
            SELECT value ->> '$.id', value ->> '$.payer', value ->> '$.starts', value -> '$.record'
            FROM json_each(NEW.batch, '$.index') WHERE value ->> '$.kind' = 'session'
            ON CONFLICT (id) DO UPDATE SET record = excluded.record;
    END",
];
