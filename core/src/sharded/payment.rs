//! The place of one payment without a ticket: which asset has it.

use super::hold::{self, FOR_EVER, HOLD, Holds, LET_ALL_GO, LET_GO, integer, run, text};
use super::news::{PaymentNews, Release, Reservation, Reserved};
use crate::ids::PaymentId;
use crate::ports::PortError;
use crate::store::{Sql, Value};

const TABLES: &[&str] = &[HOLD];

/// Holds it for this asset, unless another has it.
const RESERVE: &str = "INSERT INTO hold (payment, attempt, asset, at)
    SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM hold WHERE payment = ?1 AND asset <> ?3)
    ON CONFLICT DO NOTHING RETURNING 1";
/// It has landed: it is the asset's for ever, and nobody's to ask about.
const LANDED: &str = "UPDATE hold SET at = ?2 WHERE payment = ?1";
const HELD: &str = "SELECT 1 FROM hold LIMIT 1";

/// One payment's place, on a database of its own.
#[derive(Debug)]
pub struct PaymentBook<S> {
    sql: S,
}

impl<S: Sql> PaymentBook<S> {
    /// The place of one payment. Run [`Self::prepare`] before anything else.
    pub const fn new(sql: S) -> Self {
        Self { sql }
    }

    /// Makes the table.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn prepare(&self) -> Result<(), PortError> {
        hold::make_tables(&self.sql, TABLES).await
    }

    /// Reserves the payment for an asset. The same asset may ask again: it goes on after a crash.
    ///
    /// # Errors
    /// When storage does not answer: it may be reserved or not.
    pub async fn reserve(&self, reservation: &Reservation) -> Result<Reserved, PortError> {
        let rows = run(&self.sql, RESERVE, &hold::attempt(reservation)).await?;
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
        let payment = text(news.ended.payment.as_str());
        match news.ended.failed {
            Some(_) => run(&self.sql, LET_ALL_GO, &[payment]).await.map(drop),
            None => run(&self.sql, LANDED, &[payment, integer(FOR_EVER)]).await.map(drop),
        }
    }

    /// Gives up a reservation, whoever holds it: its asset knows nothing of the payment.
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
        Ok(run(&self.sql, HELD, &[] as &[Value]).await?.is_empty())
    }
}
