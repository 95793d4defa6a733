//! The place of one payment: which asset has it.
//!
//! A payment without a ticket fits any asset of its price, and bytes of one with a ticket can be sent without it: what
//! one asset has claimed is known here to all others.
//!
//! Nothing is kept for long: once the payment's blockhash is dead, the chain itself tells that it was used.

use super::hold::{self, HOLD, HOLD_AT, Holds, LET_ALL_GO, LET_ASSET_GO, LET_GO, run, text};
use super::news::{PaymentNews, Release, Reservation, Reserved};
use crate::error::StoreError;
use crate::ids::{AssetId, PaymentId};
use crate::ports::PortError;
use crate::store::{Sql, Value, integer};

const TABLES: &[&str] = &[HOLD, HOLD_AT];

/// Holds it for this asset, unless another has it.
const RESERVE: &str = "INSERT INTO hold (payment, attempt, asset, at)
    SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM hold WHERE payment = ?1 AND asset <> ?3)
    ON CONFLICT DO NOTHING RETURNING 1";
/// It has landed: no attempt can take that back.
const LANDED: &str = "INSERT OR IGNORE INTO hold (payment, attempt, asset, at) VALUES (?1, 'landed', ?2, ?3)";
const OWNER: &str = "SELECT asset FROM hold WHERE payment = ?1 LIMIT 1";
const HELD: &str = "SELECT 1 FROM hold LIMIT 1";

/// One payment's place, on a database of its own.
#[derive(Debug)]
pub struct PaymentBook<S> {
    sql: S,
}

impl<S: Sql> PaymentBook<S> {
    /// The place of one payment. Run [`Self::prepare`] before anything is written.
    pub const fn new(sql: S) -> Self {
        Self { sql }
    }

    /// Makes the table.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn prepare(&self) -> Result<(), PortError> {
        hold::make_tables(&self.sql, TABLES).await
    }

    /// Reserves the payment for an asset. The same asset may ask again: it goes on after a crash.
    ///
    /// # Errors
    /// When storage does not answer: it may be reserved or not.
    pub async fn reserve(&self, reservation: &Reservation) -> Result<Reserved, PortError> {
        let rows = run(&self.sql, RESERVE, &hold::attempt(reservation)?).await?;
        Ok(if rows.is_empty() { Reserved::Elsewhere } else { Reserved::Done })
    }

    /// Takes one attempt's reservation back.
    ///
    /// # Errors
    /// When storage does not answer. Again is harmless.
    pub async fn release(&self, release: &Release) -> Result<(), PortError> {
        run(&self.sql, LET_GO, &[text(release.payment.as_str()), text(&release.attempt)]).await.map(drop)
    }

    /// Takes in what has become of the payment.
    ///
    /// # Errors
    /// When storage does not answer. Again is harmless.
    pub async fn hear(&self, news: &PaymentNews) -> Result<(), PortError> {
        let PaymentNews { ended, asset, at } = news;
        if ended.failed.is_some() {
            return self.drop_reservation(&ended.payment).await;
        }
        let parameters = [text(ended.payment.as_str()), text(asset), integer(at.millis())?];
        run(&self.sql, LANDED, &parameters).await.map(drop)
    }

    /// The asset that has it.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn owner(&self, payment: &PaymentId) -> Result<Option<AssetId>, PortError> {
        let rows = run(&self.sql, OWNER, &[text(payment.as_str())]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        // An owner that can't be read is not nobody.
        let owner = match row.as_slice() {
            [Value::Text(asset)] => AssetId::parse(asset),
            _ => None,
        };
        owner.map(Some).ok_or_else(|| StoreError::Corrupt("a payment's owner").into())
    }

    /// Gives up what this asset's attempts have left behind: it knows nothing of the payment. Another asset's stays.
    ///
    /// # Errors
    /// When storage does not answer. Again is harmless.
    pub async fn clear_away(&self, payment: &PaymentId, asset: &AssetId) -> Result<(), PortError> {
        run(&self.sql, LET_ASSET_GO, &[text(payment.as_str()), text(asset)]).await.map(drop)
    }

    /// Gives up what is known, whoever holds it: the payment has failed, or the chain tells of it.
    ///
    /// # Errors
    /// When storage does not answer. Again is harmless.
    pub async fn drop_reservation(&self, payment: &PaymentId) -> Result<(), PortError> {
        run(&self.sql, LET_ALL_GO, &[text(payment.as_str())]).await.map(drop)
    }

    /// The reservations, as far as they may be stale.
    pub const fn holds(&self) -> Holds<'_, S> {
        Holds::new(&self.sql)
    }

    /// Whether nobody holds the payment: then nothing of it has to be kept.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn is_empty(&self) -> Result<bool, PortError> {
        Ok(run(&self.sql, HELD, &[]).await?.is_empty())
    }
}
