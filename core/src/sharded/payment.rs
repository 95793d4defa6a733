//! The shard of one payment: which stream has it.
//!
//! A payment without a ticket fits any asset of its price, and bytes of one with a ticket can be sent without it: what
//! one asset has claimed is known here to all others.
//!
//! Nothing is kept for long: once the payment's blockhash is dead, the chain itself tells that it was used.

use super::hold::{self, HOLD, HOLD_AT, run, text};
use super::request::OwnerOf;
use super::shard::ShardHandler;
use super::updates::{PaymentUpdate, Reservation, Reserved};
use crate::error::StoreError;
use crate::ids::{PaymentId, StreamId};
use crate::ports::PortError;
use crate::store::{Sql, Value, integer};

const TABLES: &[&str] = &[HOLD, HOLD_AT];

/// Holds it for this stream, unless another has it. An attempt that asks twice is answered twice alike.
const RESERVE: &str = "INSERT INTO hold (payment, attempt, stream, at)
    SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM hold WHERE payment = ?1 AND stream <> ?3)
    ON CONFLICT (payment, attempt) DO UPDATE SET at = excluded.at RETURNING 1";
/// It has landed: no attempt can take that back.
const LANDED: &str =
    "INSERT OR IGNORE INTO hold (payment, attempt, stream, at) VALUES (?1, 'landed', ?2, ?3)";
const OWNER: &str = "SELECT stream FROM hold WHERE payment = ?1 LIMIT 1";
const HELD: &str = "SELECT 1 FROM hold LIMIT 1";

/// One payment's shard, on a database of its own.
#[derive(Debug)]
pub struct PaymentShard<S> {
    sql: S,
}

impl<S> PaymentShard<S> {
    /// The shard of one payment. Run [`ShardHandler::prepare`] before anything is written.
    pub const fn new(sql: S) -> Self {
        Self { sql }
    }
}

impl<S: Sql> PaymentShard<S> {
    /// Returns the stream that has it.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn owner(&self, payment: &PaymentId) -> Result<Option<StreamId>, PortError> {
        let rows = run(&self.sql, OWNER, &[text(payment.as_str())]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        // An owner that can't be read is not nobody.
        let owner = match row.as_slice() {
            [Value::Text(stream)] => StreamId::parse(stream),
            _ => None,
        };
        owner.map(Some).ok_or_else(|| StoreError::Corrupt("a payment's owner").into())
    }

    /// Whether nobody holds the payment: then nothing of it has to be kept.
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
    // A hold is all that there is.
    const GIVE_BACK: &'static [&'static str] = &[];
    const SPEND: &'static [&'static str] = &[];
    /// What has landed is held until the chain itself tells that it was used.
    const UPDATES_HOLD: bool = true;

    fn sql(&self) -> &S {
        &self.sql
    }

    /// Reserves the payment for a stream. The same stream may ask again: it goes on after a crash.
    async fn reserve(&self, reservation: &Reservation) -> Result<Reserved, PortError> {
        let rows = run(&self.sql, RESERVE, &hold::attempt(reservation)?).await?;
        Ok(if rows.is_empty() { Reserved::Elsewhere } else { Reserved::Done })
    }

    /// Takes in what has become of the payment.
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

    /// What failed before anybody asked for it leaves nothing here.
    fn is_moot(update: &PaymentUpdate) -> bool {
        update.ended.failed.is_some()
    }

    async fn is_forgettable(&self) -> Result<bool, PortError> {
        self.is_empty().await
    }
}
