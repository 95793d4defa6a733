//! The tables.
//!
//! An append is **one** statement, an `INSERT` into the view `batch`, because
//! that is the one atomic thing that every SQLite has in common (on Durable
//! Objects `BEGIN` is refused). Its trigger spreads the batch over the tables;
//! if any part fails, all of it is undone by the same statement.
//!
//! The compare-and-swap is the primary key of `journal`: a revision can be written
//! once. The primary key and the unique ticket of `payment` are what makes one
//! payment one grant (invariant 1).
//!
//! # What a balance covers
//!
//! Each payment passes its simulation alone; a hundred at once from a balance for one
//! would land as one payment and ninety-nine errors, and each error costs our fee payer.
//! So the trigger refuses a claim unless the balance is enough for all that
//! is `in_flight` from it, on every asset of this database.
//!
//! `source_balance.available` is what of a balance may still be claimed while anything is in flight from
//! it: what was left of it when that began, less every claim since; or what the chain has
//! just said is left, less what is in flight, if that is more. The second alone would
//! refuse honest buyers: a payment that has landed and is not written down yet would be
//! taken off twice. It is never more than the chain has just said is left: what was there
//! once may have been moved away since.
//!
//! What remains is that a balance is read a moment before it is held against the others:
//!
//! * another payment from it may land *and* be written down in between, or the node that
//!   simulates may lag behind the one that showed it landed. Then claims worth as much as
//!   that payment are let through too many. Its payer has paid for that window, which is no
//!   longer than an append takes to follow its simulation, or a node to catch up.
//! * its owner may move the money elsewhere before we send. Nothing on our side can see
//!   that; it takes money for all of them at first.
//!
//! Both end with payments that land with an error. Those are counted (`failure`): a few
//! make their payer wait, and the day's fee budget bounds what all payers together can cost.
//!
//! # What a wallet's guards allow
//!
//! A guard on the amount or the hash of the paying token account holds for one payment at a time: such a payment is
//! `exclusive`, and nothing else is claimed from its source while it is in flight, nor it while anything else is. A guard on
//! our fee payer's lamports (`guarded`) is held to what the fees in flight leave of them, and there is one such payment at a time
//! for each fee payer. Later payments without one are let through: they may make it fail, but nobody can close the shop.

/// Where each stream stands.
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
pub(crate) const SESSION: &str = "CREATE TABLE IF NOT EXISTS session (
        id TEXT PRIMARY KEY,
        payer TEXT NOT NULL,
        starts INTEGER NOT NULL,
        record TEXT NOT NULL
    ) WITHOUT ROWID";
pub(crate) const SESSION_PAYER: &str =
    "CREATE INDEX IF NOT EXISTS session_payer ON session (payer, starts, id)";

/// What our fee payer may have spent on a day.
pub(crate) const FEE: &str =
    "CREATE TABLE IF NOT EXISTS fee (day INTEGER PRIMARY KEY, lamports INTEGER NOT NULL)";

/// The claims in `head`, by the account that pays and by the wallet that pays the fee, as far as they have one. Amounts beyond what SQLite counts to are
/// taken for the most that it does: so they are refused rather than overlooked.
pub(crate) const IN_FLIGHT: &str = "CREATE TABLE IF NOT EXISTS in_flight (
        stream TEXT NOT NULL,
        payment TEXT NOT NULL,
        source TEXT,
        amount INTEGER,
        exclusive INTEGER,
        fee_payer TEXT,
        fee INTEGER,
        guarded INTEGER,
        PRIMARY KEY (stream, payment)
    ) WITHOUT ROWID";
pub(crate) const IN_FLIGHT_SOURCE: &str =
    "CREATE INDEX IF NOT EXISTS in_flight_source ON in_flight (source, amount)";

pub(crate) const IN_FLIGHT_FEE_PAYER: &str =
    "CREATE INDEX IF NOT EXISTS in_flight_fee_payer ON in_flight (fee_payer, fee, guarded)";

/// What may still be claimed from a balance while something is in flight from it.
pub(crate) const SOURCE_BALANCE: &str =
    "CREATE TABLE IF NOT EXISTS source_balance (source TEXT PRIMARY KEY, available INTEGER NOT NULL) WITHOUT ROWID";
pub(crate) const SOURCE_BALANCE_CLOSED: &str = "CREATE TRIGGER IF NOT EXISTS source_balance_closed AFTER DELETE ON in_flight
        WHEN NOT EXISTS (SELECT 1 FROM in_flight WHERE source = OLD.source) BEGIN
        DELETE FROM source_balance WHERE source = OLD.source;
    END";

/// Forgotten with the next failure an hour later: so they never fill anything.
pub(crate) const FAILURE: &str = "CREATE TABLE IF NOT EXISTS failure (
        payer TEXT NOT NULL,
        at INTEGER NOT NULL,
        payment TEXT NOT NULL,
        PRIMARY KEY (payer, at, payment)
    ) WITHOUT ROWID";
pub(crate) const FAILURE_AT: &str = "CREATE INDEX IF NOT EXISTS failure_at ON failure (at)";

/// The wallets that have paid fees for this journal. A fee payer belongs to one journal alone.
pub(crate) const FEE_PAYER: &str =
    "CREATE TABLE IF NOT EXISTS fee_payer (address TEXT PRIMARY KEY) WITHOUT ROWID";

/// The sessions of shared assets of limited capacity that run or are being paid for.
pub(crate) const SEAT: &str = "CREATE TABLE IF NOT EXISTS seat (
        stream TEXT PRIMARY KEY,
        asset TEXT NOT NULL
    ) WITHOUT ROWID";
pub(crate) const SEAT_ASSET: &str = "CREATE INDEX IF NOT EXISTS seat_asset ON seat (asset)";

/// What the listing of each asset is that was made by API: what stands in its state, to be listed.
pub(crate) const CATALOGUE: &str =
    "CREATE TABLE IF NOT EXISTS catalogue (asset TEXT PRIMARY KEY, listing TEXT NOT NULL) WITHOUT ROWID";

/// The statements of a trigger that hold a claim against the guards and the balance of what is in flight from its source:
/// `NEW.funds` is a [`FundsCheck`](crate::session::FundsCheck) as JSON, or nothing.
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

/// The version of the tables. A database of any other version is refused; from the first release on, older ones are
/// brought up to date instead.
pub(super) const VERSION: i64 = 6;

/// Where a database says which version its tables have. Made first, so that a database without it is known to be older.
/// `PRAGMA user_version` is no place for it: hosts refuse to write it.
pub(super) const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)";

/// The statements that make the tables.
///
/// Each can be run again, at once with another process that does the same: it may have been stopped after any of them.
/// They are single statements, as some hosts run only the first of several, silently.
pub(super) const TABLES: &[&str] = &[
    // What happened, for ever.
    "CREATE TABLE IF NOT EXISTS journal (
        stream TEXT NOT NULL,
        revision INTEGER NOT NULL,
        version INTEGER NOT NULL,
        events TEXT NOT NULL,
        PRIMARY KEY (stream, revision)
    ) WITHOUT ROWID",
    // Where each stream stands.
    HEAD,
    HEAD_DUE,
    HEAD_UNSETTLED,
    HEAD_UNFULFILLED,
];
