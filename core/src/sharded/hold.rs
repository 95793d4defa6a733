//! The holds of a shard: which attempts to claim a payment have a reservation there, each by its name.

use super::updates::{Release, Reservation};
use crate::error::StoreError;
use crate::ids::{PaymentId, StreamId};
use crate::ports::PortError;
use crate::store::{Sql, Value, bound, integer, json, number};
use crate::time::Timestamp;

/// How old a reservation is when its stream is asked about it, in milliseconds. This is much longer than any
/// payment's blockhash lives.
pub(crate) const STALE_MS: u64 = 600_000;

/// One row per attempt that holds a reservation.
pub(super) const HOLD: &str = "CREATE TABLE IF NOT EXISTS hold (
        payment TEXT NOT NULL,
        attempt TEXT NOT NULL,
        stream TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (payment, attempt)
    ) WITHOUT ROWID";
/// The payments that were held here when they ended, with the time of their latest attempt. A reservation that arrives
/// again after that is refused, so that nothing is counted twice.
pub(super) const ENDED: &str =
    "CREATE TABLE IF NOT EXISTS ended (payment TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID";
pub(super) const ENDED_AT: &str = "CREATE INDEX IF NOT EXISTS ended_at ON ended (at)";
/// Adds a payment that is held, and forgets those whose attempts were ten minutes earlier. A message is late by seconds at the
/// most, and clocks differ by less than that.
pub(super) const NOTE_ENDED: &[&str] = &[
    "INSERT OR IGNORE INTO ended (payment, at)
        SELECT payment, max(at) FROM hold WHERE payment = ?1 GROUP BY payment",
    "DELETE FROM ended WHERE at < (SELECT max(at) - 600000 FROM hold WHERE payment = ?1)",
];

/// The statement of a trigger that refuses a reservation of a payment that has ended.
macro_rules! refuse_ended {
    () => {
        concat!(
            "SELECT RAISE(ABORT, '",
            crate::store::guards::guard_message!(has_ended),
            "') FROM ended WHERE payment = NEW.payment;"
        )
    };
}
pub(super) use refuse_ended;

pub(super) const HOLD_AT: &str = "CREATE INDEX IF NOT EXISTS hold_at ON hold (at)";

/// Deletes one attempt's hold. It must run before what was held is given back.
const RELEASE: &str = "DELETE FROM hold WHERE payment = ?1 AND attempt = ?2";
/// Deletes the holds of one stream's attempts.
const RELEASE_STREAM: &str = "DELETE FROM hold WHERE payment = ?1 AND stream = ?2";
/// Deletes the holds of all attempts.
const RELEASE_ALL: &str = "DELETE FROM hold WHERE payment = ?1";
/// Selects old holds, the oldest first.
const STALE: &str =
    "SELECT payment, stream FROM hold WHERE at <= ?1 GROUP BY payment, stream ORDER BY min(at) LIMIT 16";
/// Selects the time of the oldest hold.
const OLDEST: &str = "SELECT at FROM hold ORDER BY at LIMIT 1";
/// Renews the holds of a payment that its stream knows.
const RENEW: &str = "UPDATE hold SET at = ?2 WHERE payment = ?1";

pub(super) async fn make_tables<S: Sql>(sql: &S, statements: &[&str]) -> Result<(), PortError> {
    for statement in statements {
        run(sql, statement, &[]).await?;
    }
    Ok(())
}

/// Runs a statement that is not expected to be refused.
pub(super) async fn run<S: Sql>(
    sql: &S,
    statement: &str,
    parameters: &[Value],
) -> Result<Vec<Vec<Value>>, PortError> {
    sql.run(statement, parameters).await.map_err(|error| StoreError::Database(error).into())
}

pub(super) fn text(text: impl ToString) -> Value {
    Value::Text(text.to_string())
}

pub(super) fn attempt(reservation: &Reservation) -> Result<[Value; 4], StoreError> {
    Ok([
        text(reservation.payment.as_str()),
        text(&reservation.attempt),
        text(&reservation.stream),
        integer(reservation.at.millis())?,
    ])
}

/// Returns a reservation's fee as JSON, or null.
///
/// # Errors
/// When the fee does not fit into the database's integers.
pub(super) fn fee_of(reservation: &Reservation) -> Result<Value, StoreError> {
    let Some(fee) = &reservation.fee else { return Ok(Value::Null) };
    integer(fee.check.lamports)?;
    json(fee)
}

/// The holds of one shard, and what happens when a hold is released.
#[derive(Debug)]
pub struct HoldTable<'a, S> {
    sql: &'a S,
    /// Statements that note that a payment has ended, while it is still held.
    note_ended: &'static [&'static str],
    /// Statements that give back what a payment took, once no attempt holds it any more.
    give_back: &'static [&'static str],
    /// Statements that drop it instead, because it was spent.
    spend: &'static [&'static str],
}

impl<S> Clone for HoldTable<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for HoldTable<'_, S> {}

impl<'a, S: Sql> HoldTable<'a, S> {
    pub(super) const fn new(
        sql: &'a S,
        note_ended: &'static [&'static str],
        give_back: &'static [&'static str],
        spend: &'static [&'static str],
    ) -> Self {
        Self { sql, note_ended, give_back, spend }
    }

    /// Releases one attempt's reservation.
    ///
    /// # Errors
    /// When storage does not answer. Repeating it is harmless.
    pub async fn release(self, release: &Release) -> Result<(), PortError> {
        let payment = text(release.payment.as_str());
        self.release_where(RELEASE, &[payment, text(&release.attempt)], self.give_back).await
    }

    /// Releases the reservations of this stream's attempts, because the stream knows nothing of the payment.
    /// Other streams keep theirs.
    ///
    /// # Errors
    /// When storage does not answer. Repeating it is harmless.
    pub(crate) async fn expire_stale(self, payment: &PaymentId, stream: &StreamId) -> Result<(), PortError> {
        self.release_where(RELEASE_STREAM, &[text(payment.as_str()), text(stream)], self.give_back).await
    }

    /// Releases every attempt's reservation of a payment that failed and cost nothing.
    ///
    /// # Errors
    /// When storage does not answer. Repeating it is harmless.
    pub(crate) async fn release_all(self, payment: &PaymentId) -> Result<(), PortError> {
        self.end(payment, self.give_back).await
    }

    /// Drops every attempt's reservation of a payment that landed and cost its fee.
    ///
    /// # Errors
    /// When storage does not answer. Repeating it is harmless.
    pub(crate) async fn spend_all(self, payment: &PaymentId) -> Result<(), PortError> {
        self.end(payment, self.spend).await
    }

    /// Deletes all holds of a payment that has ended, then runs the statements in `then`.
    async fn end(self, payment: &PaymentId, then: &[&str]) -> Result<(), PortError> {
        let payment = [text(payment.as_str())];
        for statement in self.note_ended {
            run(self.sql, statement, &payment).await?;
        }
        self.release_where(RELEASE_ALL, &payment, then).await
    }

    /// Deletes the holds that `parameters` select, then runs the statements in `then`.
    ///
    /// The first parameter is the payment. No other request's statement runs in between.
    async fn release_where(self, holds: &str, parameters: &[Value], then: &[&str]) -> Result<(), PortError> {
        run(self.sql, holds, parameters).await?;
        for statement in then {
            run(self.sql, statement, parameters.get(..1).unwrap_or_default()).await?;
        }
        Ok(())
    }

    /// Returns payments held since `before` or earlier, the oldest first, each with the stream to ask about it.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn stale(self, before: Timestamp) -> Result<Vec<(PaymentId, StreamId)>, PortError> {
        let rows = run(self.sql, STALE, &[bound(before.millis())]).await?;
        let read = |row: Vec<Value>| match row.as_slice() {
            [Value::Text(payment), Value::Text(stream)] => {
                Some((PaymentId::parse(payment)?, StreamId::parse(stream)?))
            }
            _ => None,
        };
        let corrupt = || StoreError::Corrupt("a reservation").into();
        rows.into_iter().map(|row| read(row).ok_or_else(corrupt)).collect()
    }

    /// Returns when the oldest reservation becomes stale; `None` if there is none.
    ///
    /// # Errors
    /// When storage does not answer.
    pub(crate) async fn next_stale(self) -> Result<Option<Timestamp>, PortError> {
        let rows = run(self.sql, OLDEST, &[]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(Timestamp::from_millis(number(row.first())?).plus_millis(STALE_MS)))
    }

    /// Renews the reservation of a payment in flight, so that it is asked about again later.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn renew(self, payment: &PaymentId, now: Timestamp) -> Result<(), PortError> {
        run(self.sql, RENEW, &[text(payment.as_str()), integer(now.millis())?]).await.map(drop)
    }
}
