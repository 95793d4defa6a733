//! The shard of one payment: it records which stream has claimed the payment.
//!
//! A payment without a ticket fits any asset with its price, and a payment with a ticket can be sent again
//! without it. So all streams have to learn here what one of them has claimed.
//!
//! The record is kept only while the payment's blockhash lives. After that the chain itself shows that the
//! payment was used.

use super::hold::{self, HOLD, HOLD_AT, run, text};
use super::request::OwnerOf;
use super::shard::ShardHandler;
use super::updates::{PaymentUpdate, Reservation, Reserved};
use crate::error::StoreError;
use crate::ids::{PaymentId, StreamId};
use crate::ports::PortError;
use crate::store::{Sql, Value, integer};

const TABLES: &[&str] = &[HOLD, HOLD_AT];

/// Holds the payment for this stream, unless another stream has it. A repeated attempt gets the same answer.
const RESERVE: &str = "INSERT INTO hold (payment, attempt, stream, at)
    SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM hold WHERE payment = ?1 AND stream <> ?3)
    ON CONFLICT (payment, attempt) DO UPDATE SET at = excluded.at RETURNING 1";
/// Adds a hold that no attempt can release, because the payment has landed.
const LANDED: &str =
    "INSERT OR IGNORE INTO hold (payment, attempt, stream, at) VALUES (?1, 'landed', ?2, ?3)";
const OWNER: &str = "SELECT stream FROM hold WHERE payment = ?1 LIMIT 1";
const HELD: &str = "SELECT 1 FROM hold LIMIT 1";

/// One payment's shard, on its own database.
#[derive(Debug)]
pub struct PaymentShard<S> {
    sql: S,
}

impl<S> PaymentShard<S> {
    /// Returns the shard of one payment. Run [`ShardHandler::prepare`] before anything is written.
    pub const fn new(sql: S) -> Self {
        Self { sql }
    }
}

impl<S: Sql> PaymentShard<S> {
    /// Returns the stream that holds the payment.
    ///
    /// # Errors
    /// When storage does not answer, or the stored stream can't be read.
    pub async fn owner(&self, payment: &PaymentId) -> Result<Option<StreamId>, PortError> {
        let rows = run(&self.sql, OWNER, &[text(payment.as_str())]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        // An owner that can't be read must not look like no owner.
        let owner = match row.as_slice() {
            [Value::Text(stream)] => StreamId::parse(stream),
            _ => None,
        };
        owner.map(Some).ok_or_else(|| StoreError::Corrupt("a payment's owner").into())
    }

    /// Returns whether no attempt holds the payment, so that nothing has to be kept.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn is_empty(&self) -> Result<bool, PortError> {
        Ok(run(&self.sql, HELD, &[]).await?.is_empty())
    }
}

impl<S: Sql> ShardHandler for PaymentShard<S> {
    type Sql = S;
    type Update = PaymentUpdate;
    type LookUp = OwnerOf;

    const TABLES: &'static [&'static str] = TABLES;
    // The shard keeps nothing but holds, so there is nothing else to give back.
    const GIVE_BACK: &'static [&'static str] = &[];
    const SPEND: &'static [&'static str] = &[];
    /// A landed payment leaves a hold, until the chain itself shows that it was used.
    const UPDATES_HOLD: bool = true;

    fn sql(&self) -> &S {
        &self.sql
    }

    /// Reserves the payment for a stream. The same stream may ask again, because it may continue after a crash.
    async fn reserve(&self, reservation: &Reservation) -> Result<Reserved, PortError> {
        let rows = run(&self.sql, RESERVE, &hold::attempt(reservation)?).await?;
        Ok(if rows.is_empty() { Reserved::Elsewhere } else { Reserved::Done })
    }

    /// Records that the payment landed, or releases every hold if it failed.
    async fn apply(&self, update: &PaymentUpdate) -> Result<(), PortError> {
        let PaymentUpdate { ended, stream, at } = update;
        if ended.failed.is_some() {
            return self.holds().release_all(&ended.payment).await;
        }
        let parameters = [text(ended.payment.as_str()), text(stream), integer(at.millis())?];
        run(&self.sql, LANDED, &parameters).await.map(drop)
    }

    async fn look_up(&self, OwnerOf(payment): &OwnerOf) -> Result<Option<StreamId>, PortError> {
        self.owner(payment).await
    }

    /// Returns whether the payment failed: in a shard without tables, that leaves nothing to record.
    fn is_moot(update: &PaymentUpdate) -> bool {
        update.ended.failed.is_some()
    }

    async fn is_forgettable(&self) -> Result<bool, PortError> {
        self.is_empty().await
    }
}
