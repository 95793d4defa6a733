//! The merchant's shard: the budgets for fees, the seats of shared assets, and copies of each stream's head and of all
//! sessions.
//!
//! The latest five million sessions are kept, at some 1,200 bytes with their entries in two indexes. That is 6 GB of the
//! 10 GB that a Durable Object may have, and a full one could sell nothing. The rows come with updates that are
//! sent anyway: a purchase writes a row, its entries and the count, and an extension and the end write the row again.

use std::cell::Cell;
use std::slice::from_ref;

use super::history::{put_owed, put_sessions};
use super::hold::{self, ENDED, ENDED_AT, HOLD, HOLD_AT, NOTE_ENDED, fee_of, refuse_ended, run, text};
use super::ports::{Publication, ShardPorts};
use super::request::Count;
use super::shard::ShardHandler;
use super::updates::{Failed, Head, MerchantUpdate, Reservation, Reserved};
use crate::error::StoreError;
use crate::ports::{Accounts as _, PortError};
use crate::store::fees::{EARN_BUDGET, FEE_BUDGET, put_back_budgets, take_from_budget};
use crate::store::guards::guard_message;
use crate::store::schema::{
    CATALOGUE, HEAD, HEAD_DUE, HEAD_UNFULFILLED, HEAD_UNSETTLED, OWED, OWED_AT, OWED_OPEN, SEAT, SEAT_ASSET,
    SESSION, SESSION_ASSET, SESSION_STARTS,
};
use crate::store::{SEATS, Sql, SqlError, SqlJournal, Value, bound, integer, number};

/// A condition: the payment of a reservation has none yet.
macro_rules! is_new {
    () => {
        "NOT EXISTS (SELECT 1 FROM reserved WHERE payment = NEW.payment)"
    };
}

/// A condition on a row of `seat`: neither a session nor another payment than `?1` has it. Several payments may be tried
/// for one ticket, and each reserves the seat of the same session.
macro_rules! is_only_reserved_by_this {
    () => {
        "NOT EXISTS (SELECT 1 FROM head WHERE head.stream = seat.stream AND state ->> '$.is_seated')
    AND NOT EXISTS (
        SELECT 1 FROM reserved_seat AS other WHERE other.seat = seat.stream AND other.payment <> ?1)"
    };
}

const TABLES: &[&str] = &[
    HEAD,
    HEAD_DUE,
    HEAD_UNSETTLED,
    HEAD_UNFULFILLED,
    FEE_BUDGET,
    CATALOGUE,
    SEAT,
    SEAT_ASSET,
    SESSION,
    SESSION_STARTS,
    SESSION_ASSET,
    OWED,
    OWED_AT,
    OWED_OPEN,
    EARN_BUDGET[0],
    EARN_BUDGET[1],
    "CREATE TABLE IF NOT EXISTS session_count (id INTEGER PRIMARY KEY, sessions INTEGER NOT NULL)",
    // The oldest session makes room for a new one. A late update of one that is gone already goes the same way.
    "CREATE TRIGGER IF NOT EXISTS session_added AFTER INSERT ON session BEGIN
        INSERT INTO session_count (id, sessions) VALUES (1, 1)
            ON CONFLICT (id) DO UPDATE SET sessions = sessions + 1;
        DELETE FROM session WHERE (SELECT sessions FROM session_count) > 5000000
            AND id = (SELECT id FROM session ORDER BY starts, id LIMIT 1);
        UPDATE session_count SET sessions = 5000000 WHERE sessions > 5000000;
    END",
    // Assets whose current listing has not been published yet.
    "CREATE TABLE IF NOT EXISTS unpublished (asset TEXT PRIMARY KEY) WITHOUT ROWID",
    HOLD,
    HOLD_AT,
    ENDED,
    ENDED_AT,
    // The fee of each payment in flight, and what bears it. `ends` is set just before the row is deleted.
    "CREATE TABLE IF NOT EXISTS reserved (
        payment TEXT PRIMARY KEY,
        fee INTEGER NOT NULL,
        fee_payer TEXT NOT NULL,
        guarded INTEGER NOT NULL,
        bearer TEXT,
        unprofitable INTEGER,
        ends TEXT
    ) WITHOUT ROWID",
    concat!(
        "CREATE TRIGGER IF NOT EXISTS fee_put_back AFTER DELETE ON reserved BEGIN
        ",
        put_back_budgets!(),
        "
    END"
    ),
    // The seats that payments in flight have taken. One payment may be tried in several streams at once, so each seat
    // is given back with the attempts of its own stream.
    "CREATE TABLE IF NOT EXISTS reserved_seat (
        payment TEXT NOT NULL,
        stream TEXT NOT NULL,
        seat TEXT NOT NULL,
        PRIMARY KEY (payment, stream)
    ) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS reserved_fee_payer ON reserved (fee_payer)",
    "CREATE VIEW IF NOT EXISTS reservation (payment, attempt, stream, at, fee, seat, seat_of, seats) AS
        SELECT payment, '', '', 0, '', '', '', 0 FROM reserved WHERE 0",
    concat!(
        "CREATE TRIGGER IF NOT EXISTS reservation_made INSTEAD OF INSERT ON reservation BEGIN
        ",
        refuse_ended!(),
        "
        SELECT RAISE(ABORT, '",
        guard_message!(guard_at_risk),
        "')
            WHERE NEW.fee ->> '$.slack' IS NOT NULL
            AND ",
        is_new!(),
        "
            AND (SELECT coalesce(sum(fee), 0) > NEW.fee ->> '$.slack' OR coalesce(max(guarded), 0)
                FROM reserved WHERE fee_payer = NEW.fee ->> '$.fee_payer');
        SELECT RAISE(ABORT, '",
        guard_message!(full),
        "')
            WHERE NOT EXISTS (SELECT 1 FROM seat WHERE stream = NEW.seat)
            AND (SELECT count(*) FROM seat WHERE asset = NEW.seat_of) >= NEW.seats;
        ",
        take_from_budget!(
            "NEW.fee",
            "(NEW.fee ->> '$.budget')",
            "newcomers",
            concat!("NOT NEW.fee ->> '$.is_trusted' AND ", is_new!())
        ),
        "
        ",
        take_from_budget!(
            "NEW.fee",
            "'unprofitable'",
            "unprofitable",
            concat!("NEW.fee ->> '$.unprofitable' IS NOT NULL AND ", is_new!())
        ),
        "
        INSERT OR IGNORE INTO reserved (payment, fee, fee_payer, guarded, bearer, unprofitable)
            SELECT NEW.payment, fee ->> '$.lamports', fee ->> '$.fee_payer', fee ->> '$.slack' IS NOT NULL,
                CASE WHEN NOT fee ->> '$.is_trusted' THEN fee ->> '$.budget' END,
                fee ->> '$.unprofitable' IS NOT NULL
            FROM (SELECT NEW.fee AS fee) WHERE fee IS NOT NULL;
        INSERT OR IGNORE INTO reserved_seat (payment, stream, seat)
            SELECT NEW.payment, NEW.stream, NEW.seat
            WHERE NEW.seat IS NOT NULL;
        INSERT OR IGNORE INTO seat (asset, stream) SELECT NEW.seat_of, NEW.seat WHERE NEW.seat IS NOT NULL;
        INSERT OR IGNORE INTO hold (payment, attempt, stream, at)
            VALUES (NEW.payment, NEW.attempt, NEW.stream, NEW.at);
    END"
    ),
];

const RESERVE: &str = "INSERT INTO reservation (payment, attempt, stream, at, fee, seat, seat_of, seats) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
/// Notes that a payment is over, if how it has ended was not told.
const SPENT: &str = "UPDATE reserved SET ends = 'spent' WHERE payment = ?1 AND ends IS NULL";
/// Notes how a payment has ended, before it is removed.
const ENDS: &str = "UPDATE reserved SET ends = ?2 WHERE payment = ?1";
/// Frees each seat that only this payment reserved, once no attempt of that seat's stream holds the payment any more.
const GIVE_SEAT_BACK: &str = concat!(
    "DELETE FROM seat WHERE stream IN (
    SELECT seat FROM reserved_seat AS own WHERE payment = ?1 AND NOT EXISTS (
        SELECT 1 FROM hold WHERE payment = ?1 AND stream = own.stream)) AND ",
    is_only_reserved_by_this!()
);
/// Frees the seat of a stream that no longer has a session in it, unless a payment has reserved the seat for the next.
const LEAVE_SEAT: &str = "DELETE FROM seat WHERE stream IN (
    SELECT stream FROM head WHERE stream = ?1 AND NOT coalesce(state ->> '$.is_seated', 0))
    AND NOT EXISTS (SELECT 1 FROM reserved_seat WHERE seat = ?1)";
/// Deletes the head of a shared asset's session once nothing is due there, because such sessions never stop coming.
const DROP_SESSION: &str =
    "DELETE FROM head WHERE stream = ?1 AND instr(substr(?1, instr(?1, '/') + 1), '/') > 0
    AND due IS NULL AND unsettled IS NULL AND unfulfilled = 0";
const DROP_UNHELD_SEATS: &str = "DELETE FROM reserved_seat WHERE payment = ?1 AND NOT EXISTS (
    SELECT 1 FROM hold WHERE hold.payment = ?1 AND hold.stream = reserved_seat.stream)";
const DROP_UNHELD: &str =
    "DELETE FROM reserved WHERE payment = ?1 AND NOT EXISTS (SELECT 1 FROM hold WHERE payment = ?1)";
// A repeated update may arrive after a later one, so an older revision changes nothing.
const PUT_HEAD: &str = "INSERT INTO head (stream, revision, state, due, unsettled, unfulfilled)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (stream) DO UPDATE SET revision = excluded.revision, state = excluded.state,
        due = excluded.due, unsettled = excluded.unsettled, unfulfilled = excluded.unfulfilled
    WHERE excluded.revision > head.revision";

const IN_CATALOGUE: &str = "SELECT listing FROM catalogue WHERE asset = ?1";
const IN_HEAD: &str = "SELECT nullif(state -> '$.listing', 'null') FROM head WHERE stream = ?1";
const LIST: &str = "INSERT INTO catalogue (asset, listing) VALUES (?1, ?2)
    ON CONFLICT (asset) DO UPDATE SET listing = excluded.listing";
const UNLIST: &str = "DELETE FROM catalogue WHERE asset = ?1";
const TO_PUBLISH: &str = "INSERT OR IGNORE INTO unpublished (asset) VALUES (?1)";
const UNPUBLISHED: &str =
    "SELECT unpublished.asset, listing FROM unpublished LEFT JOIN catalogue USING (asset)
    ORDER BY asset LIMIT 16";
const PUBLISHED: &str = "DELETE FROM unpublished WHERE asset = ?1
    AND (SELECT listing FROM catalogue WHERE asset = ?1) IS ?2";

/// The merchant's shard, on its own database.
///
/// Lists and the search for overdue streams use its copy of the heads, which [`SqlJournal`](crate::store::SqlJournal)
/// reads from the same database. The copy is only as fresh as the streams' latest updates; no decision depends on it.
#[derive(Debug)]
pub struct MerchantShard<S> {
    sql: S,
    /// Whether a publication is running. Two at once could overtake each other.
    publishing: Cell<bool>,
}

impl<S: Sql> MerchantShard<S> {
    /// Returns the merchant's shard. Run [`ShardHandler::prepare`] before anything else.
    pub const fn new(sql: S) -> Self {
        Self { sql, publishing: Cell::new(false) }
    }

    /// Brings the catalogue up to date with the asset's head.
    async fn list(&self, asset: Value) -> Result<(), PortError> {
        let listing = first(run(&self.sql, IN_HEAD, from_ref(&asset)).await?)?;
        if listing == first(run(&self.sql, IN_CATALOGUE, from_ref(&asset)).await?)? {
            return Ok(());
        }
        match listing {
            Some(listing) => run(&self.sql, LIST, &[asset.clone(), text(listing)]).await?,
            None => run(&self.sql, UNLIST, from_ref(&asset)).await?,
        };
        run(&self.sql, TO_PUBLISH, &[asset]).await.map(drop)
    }

    /// Returns some of the changes that are not published yet.
    ///
    /// # Errors
    /// When storage does not answer.
    pub(crate) async fn unpublished(&self) -> Result<Vec<Publication>, PortError> {
        let rows = run(&self.sql, UNPUBLISHED, &[]).await?;
        let read = |row: Vec<Value>| match row.as_slice() {
            [Value::Text(asset), Value::Text(listing)] => {
                Some(Publication { asset: asset.clone(), listing: Some(listing.clone()) })
            }
            [Value::Text(asset), Value::Null] => Some(Publication { asset: asset.clone(), listing: None }),
            _ => None,
        };
        let corrupt = || StoreError::Corrupt("a listing").into();
        rows.into_iter().map(|row| read(row).ok_or_else(corrupt)).collect()
    }

    /// Marks a listing as published, unless it has changed since; then it has to be published again.
    ///
    /// # Errors
    /// When storage does not answer. Repeating it is harmless.
    pub(crate) async fn published(&self, publication: &Publication) -> Result<(), PortError> {
        let listing = publication.listing.as_ref().map_or(Value::Null, text);
        run(&self.sql, PUBLISHED, &[text(&publication.asset), listing]).await.map(drop)
    }

    /// Publishes all changes.
    async fn publish_all(&self, ports: &impl ShardPorts) -> Result<(), PortError> {
        loop {
            let publications = self.unpublished().await?;
            if publications.is_empty() {
                return Ok(());
            }
            for publication in &publications {
                ports.publish(publication).await?;
                self.published(publication).await?;
            }
        }
    }
}

impl<S: Sql + Clone> ShardHandler for MerchantShard<S> {
    type Sql = S;
    type Update = MerchantUpdate;
    type LookUp = Count;

    const TABLES: &'static [&'static str] = TABLES;
    const NOTE_ENDED: &'static [&'static str] = NOTE_ENDED;
    const GIVE_BACK: &'static [&'static str] = &[GIVE_SEAT_BACK, DROP_UNHELD_SEATS, DROP_UNHELD];
    const SPEND: &'static [&'static str] = &[SPENT, GIVE_SEAT_BACK, DROP_UNHELD_SEATS, DROP_UNHELD];

    fn sql(&self) -> &S {
        &self.sql
    }

    /// Reserves a payment's fee from the budgets that bear it, and the seat it takes.
    async fn reserve(&self, reservation: &Reservation) -> Result<Reserved, PortError> {
        if reservation.fee.is_none() && reservation.seat.is_none() {
            // Without a fee or a seat, the reservation would check nothing.
            return Err(StoreError::Invariant("a reservation names neither fee nor seat").into());
        }
        let [payment, attempt, stream, at] = hold::attempt(reservation)?;
        let fee = fee_of(reservation)?;
        let [seat, seat_of, seats] = match &reservation.seat {
            Some(seat) => [text(&seat.stream), text(&seat.asset), bound(seat.of)],
            None => [Value::Null, Value::Null, Value::Null],
        };
        let parameters = [payment, attempt, stream, at, fee, seat, seat_of, seats];
        match self.sql.run(RESERVE, &parameters).await {
            Ok(_) => Ok(Reserved::Done),
            Err(SqlError::GuardAtRisk) => Ok(Reserved::GuardAtRisk),
            Err(SqlError::OverBudget) => Ok(Reserved::OverBudget),
            Err(SqlError::Full) => Ok(Reserved::Full),
            Err(SqlError::HasEnded) => Ok(Reserved::HasEnded),
            Err(error) => Err(StoreError::Database(error).into()),
        }
    }

    /// Stores a stream's head and its sessions, and releases or spends what its ended payments had reserved.
    async fn apply(&self, update: &MerchantUpdate) -> Result<(), PortError> {
        let Head { stream, revision, state, due, unsettled, unfulfilled } = &update.head;
        let moment = |at: &Option<u64>| at.map_or(Ok(Value::Null), integer);
        let parameters = [
            text(stream),
            integer(*revision)?,
            text(state),
            moment(due)?,
            moment(unsettled)?,
            Value::Integer(i64::from(*unfulfilled)),
        ];
        // This comes first, because the seat's statement below reads the head.
        run(&self.sql, PUT_HEAD, &parameters).await?;
        for ended in &update.ended {
            if let Some(ends) = ended.ends() {
                run(&self.sql, ENDS, &[text(ended.payment.as_str()), text(ends)]).await?;
            }
            // A payment that landed keeps its seat, unless it landed with an error and its stream has left it.
            if ended.failed.as_ref().is_some_and(Failed::cost_nothing) {
                self.holds().release_all(&ended.payment).await?;
            } else {
                self.holds().spend_all(&ended.payment).await?;
            }
        }
        put_owed(&self.sql, &update.owed).await?;
        put_sessions(&self.sql, &update.sessions).await?;
        let key = text(stream);
        run(&self.sql, LEAVE_SEAT, from_ref(&key)).await?;
        self.list(key.clone()).await?;
        run(&self.sql, DROP_SESSION, &[key]).await.map(drop)
    }

    /// Counts the seats of a shared asset that are taken, or what newcomers' fees have cost.
    async fn look_up(&self, asked: &Count) -> Result<u64, PortError> {
        match asked {
            Count::SeatsTaken(asset) => {
                let rows = run(&self.sql, SEATS, &[text(asset)]).await?;
                // A shard that has never been written to has no tables and returns no row.
                rows.first().map_or(Ok(0), |row| number(row.first()))
            }
            Count::FeesOfNewcomers(budget, limit, now) => {
                let journal = SqlJournal::new(self.sql.clone(), String::new());
                journal.fees_of_newcomers(*budget, *limit, *now).await
            }
        }
    }

    /// Returns whether there is anything left to publish.
    async fn is_pending(&self) -> Result<bool, PortError> {
        Ok(!self.unpublished().await?.is_empty())
    }

    /// Publishes the changes that are not published yet.
    async fn run_due(&self, ports: &impl ShardPorts) -> Result<(), PortError> {
        // The call that is already publishing includes this change.
        if self.publishing.replace(true) {
            return Ok(());
        }
        let done = self.publish_all(ports).await;
        self.publishing.set(false);
        done
    }
}

/// Returns the text in the first row, if there is one.
fn first(rows: Vec<Vec<Value>>) -> Result<Option<String>, StoreError> {
    match rows.into_iter().flatten().next() {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(Value::Integer(_)) => Err(StoreError::Corrupt("a listing")),
    }
}
