//! The journal's statements.

#![allow(async_fn_in_trait, reason = "as the ports")]

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::de::DeserializeOwned;

#[cfg(test)]
use super::accounts::{FAILURES_OF, HAS_BOUGHT, SEATS, SEATS_OF, SPENT_OF, TRUST_OF};
#[cfg(test)]
use super::catalogue::CATALOGUE;
use super::index::{self, INDEXES};
use super::schema::{TABLES, VERSION, VERSIONS};
use super::value::{Sql, Value, bound, corrupt, integer, json, number, text};
use crate::account::Account;
use crate::error::{SqlError, StoreError};
use crate::ids::{AssetId, OwedId, PaymentId, SessionId, StreamId};
use crate::ports::{Appended, Claims, Cursor, OwedCursor, PortError, Schedule, Streams};
use crate::quote::TicketId;
use crate::session::index::{OwedRecord, PaymentRecord, SessionRecord};
use crate::session::{Batch, Snapshot};
use crate::time::Timestamp;

const LOAD: &str = "SELECT revision, state FROM head WHERE stream = ?1";
const LOAD_ALL: &str =
    "SELECT revision, state, stream FROM head WHERE stream IN (SELECT value FROM json_each(?1))";
const PAYMENT: &str = "SELECT record FROM payment WHERE id = ?1";
const PAYMENT_BY_TICKET: &str = "SELECT record FROM payment WHERE ticket = ?1";
const SESSION: &str = "SELECT record FROM session WHERE id = ?1";
pub(super) const OWED: &str = "SELECT record FROM owed WHERE id = ?1";
const ALL_OWED: &str = "SELECT record FROM owed WHERE (at, id) < (?1, ?2) ORDER BY at DESC, id DESC LIMIT ?3";
const OPEN_OWED: &str =
    "SELECT record FROM owed WHERE is_open AND (at, id) < (?1, ?2) ORDER BY at DESC, id DESC LIMIT ?3";
const SESSIONS_OF: &str = "SELECT record FROM session WHERE payer = ?1 AND (starts, id) < (?2, ?3) ORDER BY starts DESC, id DESC LIMIT ?4";
const SESSIONS: &str =
    "SELECT record FROM session WHERE (starts, id) < (?1, ?2) ORDER BY starts DESC, id DESC LIMIT ?3";
const SESSIONS_OF_ASSET: &str = "SELECT record FROM session WHERE asset = ?4 AND (starts, id) < (?1, ?2) ORDER BY starts DESC, id DESC LIMIT ?3";
// `+stream` keeps SQLite from scanning all streams instead of those that are due.
const DUE: &str =
    "SELECT stream FROM head WHERE due <= ?1 AND +stream >= ?3 AND +stream < ?4 ORDER BY due LIMIT ?2";
const NEXT_DUE: &str =
    "SELECT due FROM head WHERE due > ?1 AND +stream >= ?2 AND +stream < ?3 ORDER BY due LIMIT 1";
const UNSETTLED: &str = "SELECT stream FROM head WHERE unsettled <= ?1 AND +stream >= ?3 AND +stream < ?4 ORDER BY unsettled LIMIT ?2";
const NEXT_UNSETTLED: &str = "SELECT unsettled FROM head WHERE unsettled > ?1 AND +stream >= ?2 AND +stream < ?3 ORDER BY unsettled LIMIT 1";
const UNFULFILLED: &str =
    "SELECT stream FROM head WHERE unfulfilled = 1 AND stream >= ?2 AND stream < ?3 LIMIT ?1";

/// Later than any session begins, in milliseconds since the epoch: the largest integer that a JavaScript
/// number holds exactly.
const END_OF_TIME: i64 = (1 << 53) - 1;

/// All queries that run while a client waits. Each must use an index.
#[cfg(test)]
pub(super) const READS: &[&str] = &[
    LOAD,
    LOAD_ALL,
    PAYMENT,
    PAYMENT_BY_TICKET,
    SESSION,
    OWED,
    FAILURES_OF,
    HAS_BOUGHT,
    TRUST_OF,
    SPENT_OF,
    SEATS,
    SEATS_OF,
    ALL_OWED,
    OPEN_OWED,
    SESSIONS_OF,
    SESSIONS,
    SESSIONS_OF_ASSET,
    DUE,
    NEXT_DUE,
    UNSETTLED,
    NEXT_UNSETTLED,
    UNFULFILLED,
    CATALOGUE,
];

/// The journal of one merchant on an SQLite database.
#[derive(Debug)]
pub struct SqlJournal<S> {
    sql: S,
    merchant: String,
}

impl<S: Sql> SqlJournal<S> {
    /// Returns the journal of this merchant. Run [`Self::prepare`] once before the first use.
    pub const fn new(sql: S, merchant: String) -> Self {
        Self { sql, merchant }
    }

    /// Returns the database.
    pub const fn sql(&self) -> &S {
        &self.sql
    }

    /// Creates the tables in a new database.
    ///
    /// # Errors
    /// When a statement fails, or the database has another version.
    pub async fn prepare(&self) -> Result<(), PortError> {
        // Reading the version first keeps a normal start from writing, and a second process from waiting.
        match self.version().await? {
            Some(VERSION) => return Ok(()),
            Some(found) => return Err(StoreError::Version { found, own: VERSION }.into()),
            None => {}
        }
        for statement in std::iter::once(&VERSIONS).chain(TABLES) {
            self.run(statement, &[]).await?;
        }
        for statement in index::tables() {
            self.run(&statement, &[]).await?;
        }
        let done = "INSERT OR IGNORE INTO schema_version (version) VALUES (?1)";
        self.run(done, &[Value::Integer(VERSION)]).await.map(drop)
    }

    /// Returns the version of the database's tables; `None` if they are still to be made.
    pub(super) async fn version(&self) -> Result<Option<i64>, PortError> {
        let named = "SELECT name FROM sqlite_master WHERE name IN ('schema_version', 'journal')";
        let found = self.run(named, &[]).await?;
        let is_there =
            |name: &str| found.iter().any(|row| row.first() == Some(&Value::Text(name.to_owned())));
        if !is_there("schema_version") {
            // The first versions recorded no version.
            return Ok(is_there("journal").then_some(0));
        }
        let rows = self.run("SELECT max(version) FROM schema_version", &[]).await?;
        match rows.first().and_then(|row| row.first()) {
            Some(Value::Integer(version)) => Ok(Some(*version)),
            // The table exists, but no version was written yet.
            Some(Value::Null) => Ok(None),
            _ => Err(corrupt("the version")),
        }
    }

    /// Returns the key of a stream or an asset. It contains the merchant's id, so that several merchants can
    /// share a database later.
    pub(crate) fn key_of(&self, name: &dyn Display) -> String {
        format!("{}/{name}", self.merchant)
    }

    pub(super) fn key(&self, name: &dyn Display) -> Value {
        Value::Text(self.key_of(name))
    }

    /// Returns the keys of streams or assets, as a list in JSON.
    pub(super) fn keys<T: Display>(&self, names: &[T]) -> Result<Value, PortError> {
        Ok(json(&names.iter().map(|name| self.key_of(name)).collect::<Vec<_>>())?)
    }

    /// Returns the name that follows the merchant's id in a key.
    pub(super) fn name<'k>(&self, key: &'k str) -> Option<&'k str> {
        key.strip_prefix(self.merchant.as_str())?.strip_prefix('/')
    }

    /// Returns the stream that a key names.
    pub(crate) fn stream_of(&self, key: &str) -> Result<StreamId, PortError> {
        self.name(key).and_then(StreamId::parse).ok_or_else(|| corrupt("a stream's key"))
    }

    pub(super) async fn run(
        &self,
        statement: &str,
        parameters: &[Value],
    ) -> Result<Vec<Vec<Value>>, PortError> {
        self.sql.run(statement, parameters).await.map_err(|error| StoreError::Database(error).into())
    }

    async fn record<T: DeserializeOwned>(&self, statement: &str, key: &str) -> Result<Option<T>, PortError> {
        let rows = self.run(statement, &[Value::Text(key.to_owned())]).await?;
        rows.first().map(|row| parse(row.first(), "a record")).transpose()
    }

    async fn streams(&self, statement: &str, parameters: &[Value]) -> Result<Vec<StreamId>, PortError> {
        let rows = self.run(statement, parameters).await?;
        let read = |key: &Value| match key {
            Value::Text(key) => self.stream_of(key),
            _ => Err(corrupt("a stream's key")),
        };
        rows.iter().filter_map(|row| row.first()).map(read).collect()
    }

    async fn streams_until(
        &self,
        statement: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<StreamId>, PortError> {
        let [from, to] = self.bounds();
        let limit = Value::Integer(i64::from(limit));
        self.streams(statement, &[bound(now.millis()), limit, from, to]).await
    }

    async fn moment_after(&self, statement: &str, now: Timestamp) -> Result<Option<Timestamp>, PortError> {
        let [from, to] = self.bounds();
        let rows = self.run(statement, &[bound(now.millis()), from, to]).await?;
        rows.first().map(|row| number(row.first()).map(Timestamp::from_millis)).transpose()
    }

    /// Returns the bounds between which all keys of this merchant lie.
    pub(super) fn bounds(&self) -> [Value; 2] {
        // '0' follows '/' in ASCII.
        [Value::Text(format!("{}/", self.merchant)), Value::Text(format!("{}0", self.merchant))]
    }
}

pub(super) fn parse<T: DeserializeOwned>(value: Option<&Value>, what: &'static str) -> Result<T, PortError> {
    match value {
        Some(Value::Text(text)) => serde_json::from_str(text).map_err(|_| corrupt(what)),
        _ => Err(corrupt(what)),
    }
}

fn snapshot(row: &[Value]) -> Result<Snapshot, PortError> {
    Ok(Snapshot { revision: number(row.first())?, state: parse(row.get(1), "a state")? })
}

impl<S: Sql> Streams for SqlJournal<S> {
    async fn load(&self, stream: &StreamId) -> Result<Snapshot, PortError> {
        let rows = self.run(LOAD, &[self.key(stream)]).await?;
        let Some(row) = rows.first() else { return Ok(Snapshot::default()) };
        snapshot(row)
    }

    async fn load_all(&self, streams: &[StreamId]) -> Result<Vec<Snapshot>, PortError> {
        let rows = self.run(LOAD_ALL, &[self.keys(streams)?]).await?;
        let mut found = BTreeMap::new();
        for row in &rows {
            found.insert(text(row.get(2), "a stream's key")?, row);
        }
        let row_of = |stream: &StreamId| found.get(self.key_of(stream).as_str());
        streams
            .iter()
            .map(|stream| row_of(stream).map_or(Ok(Snapshot::default()), |row| snapshot(row)))
            .collect()
    }

    fn forgets(&self, _: &StreamId) -> bool {
        false
    }

    async fn append(&self, stream: &StreamId, expected: u64, batch: &Batch) -> Result<Appended, PortError> {
        let moment = |at: Option<Timestamp>| at.map_or(Ok(Value::Null), |at| integer(at.millis()));
        let parameters = [
            self.key(stream),
            integer(expected.saturating_add(1))?,
            Value::Integer(i64::from(batch.v)),
            json(&batch.events)?,
            json(&batch.state)?,
            moment(batch.due)?,
            moment(batch.unsettled)?,
            Value::Integer(i64::from(batch.unfulfilled)),
        ];
        let indexes = INDEXES.iter().map(|index| (index.value)(batch));
        let parameters = parameters.into_iter().map(Ok).chain(indexes).collect::<Result<Vec<_>, _>>()?;
        match self.sql.run(&index::append(), &parameters).await {
            Ok(_) => Ok(Appended::Done),
            Err(SqlError::Unique) => Ok(Appended::Conflict),
            Err(SqlError::NotCovered) => Ok(Appended::NotCovered),
            Err(SqlError::OverBudget) => Ok(Appended::OverBudget),
            Err(SqlError::GuardAtRisk) => Ok(Appended::GuardAtRisk),
            Err(SqlError::Full) => Ok(Appended::Full),
            Err(error @ (SqlError::HasEnded | SqlError::Other(_))) => Err(StoreError::Database(error).into()),
        }
    }
}

impl<S: Sql> Claims for SqlJournal<S> {
    async fn payment(&self, id: &PaymentId) -> Result<Option<PaymentRecord>, PortError> {
        self.record(PAYMENT, id.as_str()).await
    }

    /// Returns false. One database holds all streams, so [`Self::payment`] has already searched all payments.
    async fn is_claimed_elsewhere(&self, _: &StreamId, _: &PaymentId) -> Result<bool, PortError> {
        Ok(false)
    }

    /// Returns false, for the same reason.
    async fn is_known_in(&self, _: &StreamId, _: &PaymentId) -> Result<bool, PortError> {
        Ok(false)
    }

    async fn payment_by_ticket(&self, ticket: &TicketId) -> Result<Option<PaymentRecord>, PortError> {
        self.record(PAYMENT_BY_TICKET, ticket.as_str()).await
    }

    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, PortError> {
        self.record(SESSION, id.as_str()).await
    }

    async fn has_owners_word(&self, transaction: &str) -> Result<bool, PortError> {
        Ok(!self.decided(&[transaction.to_owned()]).await?.is_empty())
    }

    async fn owed(&self, ids: &[OwedId]) -> Result<Vec<OwedRecord>, PortError> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.record(OWED, id.as_str()).await?);
        }
        Ok(found)
    }

    async fn all_owed(
        &self,
        is_open: bool,
        before: Option<&OwedCursor>,
        limit: u32,
    ) -> Result<Vec<OwedRecord>, PortError> {
        let [at, id] = match before {
            Some(cursor) => [bound(cursor.at.millis()), Value::Text(cursor.id.to_string())],
            None => [Value::Integer(END_OF_TIME), Value::Text(String::new())],
        };
        let statement = if is_open { OPEN_OWED } else { ALL_OWED };
        let rows = self.run(statement, &[at, id, Value::Integer(i64::from(limit))]).await?;
        rows.iter().map(|row| parse(row.first(), "what is owed")).collect()
    }

    async fn sessions_of(
        &self,
        payer: &Account,
        before: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, PortError> {
        let [starts, id] = position(before);
        let parameters = [Value::Text(payer.to_string()), starts, id, Value::Integer(i64::from(limit))];
        let rows = self.run(SESSIONS_OF, &parameters).await?;
        rows.iter().map(|row| parse(row.first(), "a session")).collect()
    }

    async fn sessions(
        &self,
        asset: Option<&AssetId>,
        before: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, PortError> {
        let [starts, id] = position(before);
        let limit = Value::Integer(i64::from(limit));
        let rows = match asset {
            Some(asset) => {
                let asset = Value::Text(asset.to_string());
                self.run(SESSIONS_OF_ASSET, &[starts, id, limit, asset]).await?
            }
            None => self.run(SESSIONS, &[starts, id, limit]).await?,
        };
        rows.iter().map(|row| parse(row.first(), "a session")).collect()
    }
}

/// Returns the start and the id before which a page of sessions begins.
fn position(before: Option<&Cursor>) -> [Value; 2] {
    match before {
        Some(cursor) => [bound(cursor.starts.millis()), Value::Text(cursor.session.to_string())],
        None => [Value::Integer(END_OF_TIME), Value::Text(String::new())],
    }
}

impl<S: Sql> Schedule for SqlJournal<S> {
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<StreamId>, PortError> {
        self.streams_until(DUE, now, limit).await
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, PortError> {
        self.moment_after(NEXT_DUE, now).await
    }

    async fn unsettled(&self, now: Timestamp, limit: u32) -> Result<Vec<StreamId>, PortError> {
        self.streams_until(UNSETTLED, now, limit).await
    }

    async fn next_unsettled(&self, now: Timestamp) -> Result<Option<Timestamp>, PortError> {
        self.moment_after(NEXT_UNSETTLED, now).await
    }

    async fn unfulfilled(&self, limit: u32) -> Result<Vec<StreamId>, PortError> {
        let [from, to] = self.bounds();
        self.streams(UNFULFILLED, &[Value::Integer(i64::from(limit)), from, to]).await
    }
}
