//! The tables.
//!
//! An append is **one** statement, an `INSERT` into the view `batch`, because that is the only atomic
//! operation that every SQLite host offers. Durable Objects refuse `BEGIN`. The view's trigger spreads the
//! batch over the tables; if any part fails, the whole statement is undone.
//!
//! The primary key of `journal` is the compare-and-swap, because each revision can be written only once. The
//! primary key and the unique ticket of `payment` limit one payment to one grant (invariant 1).
//!
//! # What a balance covers
//!
//! Each payment passes its simulation alone. A hundred at once, from a balance for one, would land as one
//! payment and ninety-nine errors, and each error costs the fee payer. So the trigger refuses a claim unless
//! the balance covers everything that is `in_flight` from it, on every asset in this database.
//!
//! `source_balance.available` is how much of a balance may still be claimed while anything is in flight from it. It is
//! the larger of two figures:
//!
//! * what was left when the first payment in flight was claimed, minus every claim since
//! * what the chain has just reported, minus what is in flight
//!
//! The second figure alone would refuse honest buyers, because a payment that has landed but is not recorded yet would
//! be subtracted twice. `available` is never more than the chain has just reported, because money may have been moved
//! away.
//!
//! Some risk remains, because a balance is read a moment before it is checked against the other claims:
//!
//! * Another payment from it may land *and* be recorded in between, or the node that simulates may lag behind the
//!   one that showed it landed. Then claims worth as much as that payment are wrongly accepted. Its payer has paid
//!   for that window, which lasts no longer than an append takes to follow its simulation, or a node to catch up.
//! * Its owner may move the money elsewhere before the gateway sends the payment. The gateway can't see that,
//!   but the owner needs money for all of the payments at first.
//!
//! Both cases end with payments that land with an error. Those are counted in `failure`, and make their payer wait. What
//! they may cost is limited by their payer's trust, and by the budgets for newcomers.
//!
//! # What a wallet's guards allow
//!
//! A guard on the amount or the hash of the paying token account holds for only one payment at a time. Such a
//! payment is `exclusive`: nothing else from its source may be in flight together with it.
//!
//! A guard on the fee payer's lamports makes a payment `guarded`. It is checked against the lamports that the
//! fees in flight leave, and each fee payer has one such payment in flight at a time. Later payments without such
//! a guard are accepted. They may make the guarded payment fail, but otherwise one buyer could block all sales.

/// The current state of each stream.
pub(crate) const HEAD: &str = "CREATE TABLE IF NOT EXISTS head (
        stream TEXT PRIMARY KEY,
        revision INTEGER NOT NULL,
        state TEXT NOT NULL,
        due INTEGER,
        unsettled INTEGER,
        unfulfilled INTEGER NOT NULL
    ) WITHOUT ROWID";
pub(crate) const HEAD_DUE: &str = "CREATE INDEX IF NOT EXISTS head_due ON head (due) WHERE due IS NOT NULL";
pub(crate) const HEAD_UNSETTLED: &str =
    "CREATE INDEX IF NOT EXISTS head_unsettled ON head (unsettled) WHERE unsettled IS NOT NULL";
pub(crate) const HEAD_UNFULFILLED: &str =
    "CREATE INDEX IF NOT EXISTS head_unfulfilled ON head (stream) WHERE unfulfilled = 1";

/// Sessions, running and past.
///
/// `earned` is half of what a session that is over has earned, in lamports, and `budget` the budget that gets as much as its
/// payer's trust does.
pub(crate) const SESSION: &str = "CREATE TABLE IF NOT EXISTS session (
        id TEXT PRIMARY KEY,
        asset TEXT NOT NULL,
        payer TEXT NOT NULL,
        starts INTEGER NOT NULL,
        record TEXT NOT NULL,
        earned INTEGER NOT NULL,
        budget TEXT
    ) WITHOUT ROWID";
pub(crate) const SESSION_PAYER: &str =
    "CREATE INDEX IF NOT EXISTS session_payer ON session (payer, starts, id)";

/// The order in which the merchant's list of sessions is read: all of them, or those of one asset.
///
/// A million sessions take about 1.4 GB, of which these two indexes have 0.1 GB. A page reads as many entries of one
/// index as it has sessions, and as many rows, wherever in the list it is. A new session writes one entry into each
/// index, and a change of a session none, because its start and its asset never change.
pub(crate) const SESSION_STARTS: &str = "CREATE INDEX IF NOT EXISTS session_starts ON session (starts, id)";
pub(crate) const SESSION_ASSET: &str =
    "CREATE INDEX IF NOT EXISTS session_asset ON session (asset, starts, id)";

/// The sales: each payment that landed and was granted, numbered in the order of their records.
///
/// Nothing is ever deleted here, so who has read up to a number finds what is new behind it. It has no unique column
/// but the number, which the database chooses, and it does no sums: whatever has landed can be written (invariant 2).
/// The amount is text, because it may be greater than SQLite's largest integer. A row takes some 200 bytes.
pub(crate) const SALE: &str = "CREATE TABLE IF NOT EXISTS sale (
        number INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        asset TEXT NOT NULL,
        payment TEXT NOT NULL,
        network TEXT NOT NULL,
        token TEXT NOT NULL,
        decimals INTEGER NOT NULL,
        amount TEXT NOT NULL
    )";

/// The claims in flight, by the account that pays and the wallet that pays the fee, where they have one.
///
/// `bearer` is what bears the fee: `trust`, or the name of a budget, or nothing. `unprofitable` is that of the fee's check.
/// `ends` is set just before the row is deleted.
/// An amount above SQLite's largest integer is stored as that integer, so that it is refused rather than overlooked.
pub(crate) const IN_FLIGHT: &str = "CREATE TABLE IF NOT EXISTS in_flight (
        stream TEXT NOT NULL,
        payment TEXT NOT NULL,
        source TEXT,
        amount INTEGER,
        exclusive INTEGER,
        fee_payer TEXT,
        fee INTEGER,
        guarded INTEGER,
        payer TEXT,
        bearer TEXT,
        unprofitable INTEGER,
        ends TEXT,
        PRIMARY KEY (stream, payment)
    ) WITHOUT ROWID";
pub(crate) const IN_FLIGHT_SOURCE: &str =
    "CREATE INDEX IF NOT EXISTS in_flight_source ON in_flight (source, amount)";

pub(crate) const IN_FLIGHT_FEE_PAYER: &str =
    "CREATE INDEX IF NOT EXISTS in_flight_fee_payer ON in_flight (fee_payer, fee, guarded)";

/// What may still be claimed from a balance while something is in flight from it.
pub(crate) const SOURCE_BALANCE: &str = "CREATE TABLE IF NOT EXISTS source_balance (source TEXT PRIMARY KEY, available INTEGER NOT NULL) WITHOUT ROWID";
pub(crate) const SOURCE_BALANCE_CLOSED: &str =
    "CREATE TRIGGER IF NOT EXISTS source_balance_closed AFTER DELETE ON in_flight
        WHEN NOT EXISTS (SELECT 1 FROM in_flight WHERE source = OLD.source) BEGIN
        DELETE FROM source_balance WHERE source = OLD.source;
    END";

/// Failed payments of the last day. A failure deletes those that are more than a day older, so the table can't grow
/// without limit.
pub(crate) const FAILURE: &str = "CREATE TABLE IF NOT EXISTS failure (
        payer TEXT NOT NULL,
        at INTEGER NOT NULL,
        payment TEXT NOT NULL,
        is_bounce INTEGER NOT NULL,
        PRIMARY KEY (payer, at, payment)
    ) WITHOUT ROWID";
pub(crate) const FAILURE_AT: &str = "CREATE INDEX IF NOT EXISTS failure_at ON failure (at)";

/// What is owed to payers, or may be.
pub(crate) const OWED: &str = "CREATE TABLE IF NOT EXISTS owed (
        id TEXT PRIMARY KEY,
        payer TEXT NOT NULL,
        at INTEGER NOT NULL,
        is_open INTEGER NOT NULL,
        record TEXT NOT NULL
    ) WITHOUT ROWID";
pub(crate) const OWED_AT: &str = "CREATE INDEX IF NOT EXISTS owed_at ON owed (at, id)";
pub(crate) const OWED_OPEN: &str = "CREATE INDEX IF NOT EXISTS owed_open ON owed (at, id) WHERE is_open";

/// The ledger: what moved from one account to another. It follows from the events of the same append.
///
/// The amount is text, because it may be greater than SQLite's largest integer.
pub(crate) const ENTRY: &str = "CREATE TABLE IF NOT EXISTS entry (
        stream TEXT NOT NULL,
        revision INTEGER NOT NULL,
        number INTEGER NOT NULL,
        session TEXT NOT NULL,
        from_book TEXT NOT NULL,
        to_book TEXT NOT NULL,
        network TEXT NOT NULL,
        token TEXT NOT NULL,
        decimals INTEGER NOT NULL,
        amount TEXT NOT NULL,
        cause TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (stream, revision, number)
    ) WITHOUT ROWID";

/// The wallets that have paid fees for this journal. No other journal may use them.
pub(crate) const FEE_PAYER: &str =
    "CREATE TABLE IF NOT EXISTS fee_payer (address TEXT PRIMARY KEY) WITHOUT ROWID";

/// The seats that are taken: one row for each session of a limited shared asset that runs, or whose payment is in flight.
pub(crate) const SEAT: &str = "CREATE TABLE IF NOT EXISTS seat (
        stream TEXT PRIMARY KEY,
        asset TEXT NOT NULL
    ) WITHOUT ROWID";
pub(crate) const SEAT_ASSET: &str = "CREATE INDEX IF NOT EXISTS seat_asset ON seat (asset)";

/// The proofs of wallets that have fetched a grant, each until it expires.
pub(crate) const USED_PROOF: &str = "CREATE TABLE IF NOT EXISTS used_proof (
        nonce TEXT NOT NULL,
        payer TEXT NOT NULL,
        expires INTEGER NOT NULL,
        PRIMARY KEY (nonce, payer)
    ) WITHOUT ROWID";

/// The listing of each asset that was made by API, copied from the stream's state for lists.
pub(crate) const CATALOGUE: &str =
    "CREATE TABLE IF NOT EXISTS catalogue (asset TEXT PRIMARY KEY, listing TEXT NOT NULL) WITHOUT ROWID";

/// The statements of a trigger that check a claim against the guards and the balance of what is in flight
/// from its source.
///
/// `NEW.funds` is a [`FundsCheck`](crate::session::FundsCheck) as JSON, or null.
macro_rules! hold_against_source {
    () => {
        concat!(
            "SELECT RAISE(ABORT, '",
            guard_message!(guard_at_risk),
            "') FROM in_flight
            WHERE source = NEW.funds ->> '$.source' AND (exclusive OR NEW.funds ->> '$.exclusive');
        INSERT INTO source_balance (source, available)
            SELECT funds ->> '$.source', min(CAST(funds ->> '$.remaining' AS INTEGER), 9223372036854775806)
                - coalesce((SELECT sum(amount) FROM in_flight WHERE source = funds ->> '$.source'), 0)
            FROM (SELECT NEW.funds AS funds) WHERE funds ->> '$.source' IS NOT NULL
            ON CONFLICT (source) DO UPDATE SET available = min(
                max(excluded.available, available - CAST(NEW.funds ->> '$.amount' AS INTEGER)),
                CAST(NEW.funds ->> '$.remaining' AS INTEGER));
        SELECT RAISE(ABORT, '",
            guard_message!(not_covered),
            "')
            FROM source_balance WHERE source = NEW.funds ->> '$.source' AND available < 0;"
        )
    };
}
pub(crate) use hold_against_source;

/// The version of the tables. A database of any other version is refused.
///
/// From the first release on, older databases will be brought up to date instead.
pub(super) const VERSION: i64 = 12;

/// The table in which a database records its version.
///
/// It is created first, so that a database without it is known to be older. `PRAGMA user_version` is not
/// used, because some hosts refuse to write it.
pub(super) const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)";

/// The statements that create the tables.
///
/// Each statement can run again, even while another process runs the same ones, because a process may stop
/// after any of them. Each is a single statement, because some hosts silently run only the first of several.
pub(super) const TABLES: &[&str] = &[
    // All events, for ever.
    "CREATE TABLE IF NOT EXISTS journal (
        stream TEXT NOT NULL,
        revision INTEGER NOT NULL,
        version INTEGER NOT NULL,
        events TEXT NOT NULL,
        PRIMARY KEY (stream, revision)
    ) WITHOUT ROWID",
    HEAD,
    HEAD_DUE,
    HEAD_UNSETTLED,
    HEAD_UNFULFILLED,
    USED_PROOF,
];
