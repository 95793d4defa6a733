//! The blockhash for buyers, which all instances share.
//!
//! On Spin each request is a new instance. If each of them asked the node for a blockhash, anyone could have it asked
//! at will. So a row of the database keeps the latest one, and when the node was last asked.

use coinop_core::Timestamp;
use coinop_core::error::SettleError;
use coinop_core::ports::{
    Claim, Effort, Found, Outcome, PrepareError, Prepared, Settlement, Submitted, Verified,
};
use coinop_core::store::{Sql as _, SqlError, Value};
use coinop_core::svm::{Address, RecentBlockhash};

use crate::sql::Database;

/// How long the node is not asked again, in milliseconds.
const ASK_AGAIN_MS: i64 = 5_000;

/// From which age on a blockhash is renewed, in milliseconds. It is offered for twice as long, so nobody has to wait for
/// the next one.
const RENEW_MS: u64 = 10_000;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS buyers_blockhash \
     (row INTEGER PRIMARY KEY CHECK (row = 1), asked_at INTEGER NOT NULL, latest TEXT) STRICT";
const READ: &str = "SELECT latest FROM buyers_blockhash WHERE latest IS NOT NULL";
/// Returns a row to the one instance that may ask. A time far in the future comes from a clock that was set back.
const ASK: &str = "INSERT INTO buyers_blockhash (row, asked_at) VALUES (1, ?1) \
     ON CONFLICT (row) DO UPDATE SET asked_at = ?1 WHERE abs(?1 - asked_at) >= ?2 RETURNING row";
const KEEP: &str = "UPDATE buyers_blockhash SET latest = ?1";

/// What an instance has to do for a blockhash.
enum Turn {
    /// Take the one that is kept.
    Kept(RecentBlockhash),
    /// Ask the node. The one that is kept still does, if the node gives none.
    Mine(Option<RecentBlockhash>),
    /// Wait for the instance that asks.
    Others,
}

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

    /// Returns what this instance has to do for a blockhash.
    ///
    /// # Errors
    /// When the database can't tell.
    async fn turn(database: &Database, now: Timestamp) -> Result<Turn, SqlError> {
        database.run(CREATE, &[]).await?;
        let row = database.run(READ, &[]).await?.into_iter().flatten().next();
        let kept = row.and_then(|value| match value {
            Value::Text(latest) => RecentBlockhash::from_header(&latest),
            _ => None,
        });
        let kept = kept.filter(|recent| recent.is_fresh(now));
        if let Some(recent) = kept.filter(|recent| now.millis_since(recent.seen_at) < RENEW_MS) {
            return Ok(Turn::Kept(recent));
        }
        let now = i64::try_from(now.millis()).unwrap_or(i64::MAX);
        let mine = database.run(ASK, &[Value::Integer(now), Value::Integer(ASK_AGAIN_MS)]).await?;
        Ok(match kept {
            _ if !mine.is_empty() => Turn::Mine(kept),
            Some(recent) => Turn::Kept(recent),
            None => Turn::Others,
        })
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
        // A failure of the database must not let everyone ask.
        let turn = Self::turn(database, now).await.unwrap_or_else(|error| {
            eprintln!("the database can't say when the node was last asked for a blockhash: {error:?}");
            Turn::Others
        });
        let kept = match turn {
            Turn::Kept(recent) => return Ok(recent),
            Turn::Others => return Err(SettleError::AskedJustNow),
            Turn::Mine(kept) => kept,
        };
        let latest = match self.inner.fetch_blockhash(now).await {
            Ok(latest) => latest,
            Err(error) => return kept.ok_or(error),
        };
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

    async fn find(&self, payment: &Verified, since: Timestamp) -> Result<Option<Found>, SettleError> {
        self.inner.find(payment, since).await
    }

    async fn health(&self) -> Result<(), SettleError> {
        self.inner.health().await
    }
}
