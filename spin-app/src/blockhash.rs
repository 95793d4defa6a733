//! The blockhash for buyers, which all instances share.
//!
//! On Spin each request is a new instance. If each of them asked the node for a blockhash, anyone could have it asked
//! at will. So a row of the database keeps the latest one, and when the node was last asked.

use coinop_core::Timestamp;
use coinop_core::error::SettleError;
use coinop_core::ports::{Claim, Effort, Outcome, PrepareError, Prepared, Settlement, Submitted, Verified};
use coinop_core::store::{Sql as _, SqlError, Value};
use coinop_core::svm::{Address, RecentBlockhash};

use crate::sql::Database;

/// How long the node is not asked again, in milliseconds.
const ASK_AGAIN_MS: i64 = 5_000;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS buyers_blockhash \
     (row INTEGER PRIMARY KEY CHECK (row = 1), asked_at INTEGER NOT NULL, latest TEXT) STRICT";
const READ: &str = "SELECT latest FROM buyers_blockhash WHERE latest IS NOT NULL";
/// Returns a row to the one instance that may ask. A time in the future comes from a clock that was set back.
const ASK: &str = "INSERT INTO buyers_blockhash (row, asked_at) VALUES (1, ?1) \
     ON CONFLICT (row) DO UPDATE SET asked_at = ?1 WHERE asked_at <= ?1 - ?2 OR asked_at > ?1 RETURNING row";
const KEEP: &str = "UPDATE buyers_blockhash SET latest = ?1";

/// A settlement whose instances ask for a blockhash for buyers at most once in five seconds together.
pub(crate) struct Shared<S> {
    inner: S,
    /// The database that they share; none where one instance answers all requests.
    database: Option<Database>,
}

impl<S: Settlement> Shared<S> {
    /// Shares the blockhash unless a single instance answers all requests.
    pub(crate) fn new(inner: S, is_alone: bool) -> Self {
        Self { inner, database: (!is_alone).then(Database::default) }
    }

    /// Returns the blockhash that is kept, or none if this instance is the one that has to ask for another.
    ///
    /// # Errors
    /// `SettleError::AskedJustNow` if another instance has asked, and if the database can't tell.
    async fn kept(database: &Database, now: Timestamp) -> Result<Option<RecentBlockhash>, SettleError> {
        let found = Self::look_up(database, now).await;
        found.unwrap_or_else(|error| {
            eprintln!("the database can't say when the node was last asked for a blockhash: {error:?}");
            Err(SettleError::AskedJustNow)
        })
    }

    async fn look_up(
        database: &Database,
        now: Timestamp,
    ) -> Result<Result<Option<RecentBlockhash>, SettleError>, SqlError> {
        database.run(CREATE, &[]).await?;
        if let Some(Value::Text(latest)) = database.run(READ, &[]).await?.into_iter().flatten().next()
            && let Some(recent) = RecentBlockhash::from_header(&latest).filter(|recent| recent.is_fresh(now))
        {
            return Ok(Ok(Some(recent)));
        }
        let now = i64::try_from(now.millis()).unwrap_or(i64::MAX);
        let mine = database.run(ASK, &[Value::Integer(now), Value::Integer(ASK_AGAIN_MS)]).await?;
        Ok(if mine.is_empty() { Err(SettleError::AskedJustNow) } else { Ok(None) })
    }
}

impl<S: Settlement> Settlement for Shared<S> {
    fn fee_payers(&self) -> &[Address] {
        self.inner.fee_payers()
    }

    fn recent_blockhash(&self, now: Timestamp) -> Option<RecentBlockhash> {
        self.inner.recent_blockhash(now)
    }

    async fn fetch_blockhash(&self, now: Timestamp) -> Result<RecentBlockhash, SettleError> {
        let Some(database) = &self.database else { return self.inner.fetch_blockhash(now).await };
        if let Some(kept) = Self::kept(database, now).await? {
            return Ok(kept);
        }
        let latest = self.inner.fetch_blockhash(now).await?;
        if let Err(error) = database.run(KEEP, &[Value::Text(latest.to_header())]).await {
            eprintln!("a blockhash can't be kept for other buyers: {error:?}");
        }
        Ok(latest)
    }

    async fn prepare(&self, payment: &Verified, now: Timestamp) -> Result<Prepared, PrepareError> {
        self.inner.prepare(payment, now).await
    }

    async fn submit(&self, claim: &Claim) -> Result<Submitted, SettleError> {
        self.inner.submit(claim).await
    }

    fn first_look_ms(&self) -> u64 {
        self.inner.first_look_ms()
    }

    async fn outcome(&self, claim: &Claim, effort: Effort) -> Outcome {
        self.inner.outcome(claim, effort).await
    }

    async fn health(&self) -> Result<(), SettleError> {
        self.inner.health().await
    }
}
