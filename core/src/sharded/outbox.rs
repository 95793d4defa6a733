//! What an asset's own journal still has to tell the others: its tail, behind what they have received.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::hold::{self, integer, run, text};
use super::news::{Ended, Failed, Head, MerchantNews, PayerNews, PaymentNews};
use crate::ids::{AssetId, SessionId};
use crate::ports::{Journal as _, PortError};
use crate::session::Event;
use crate::session::index::SessionRecord;
use crate::store::{Sql, SqlJournal, Value};
use crate::svm::Address;

const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS delivered (asset TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID",
];

/// How many batches one delivery covers at most.
const BATCHES: u64 = 32;

const TAIL: &str = "SELECT revision, events FROM journal WHERE asset = ?1
    AND revision > coalesce((SELECT revision FROM delivered WHERE asset = ?1), 0) ORDER BY revision LIMIT ?2";
const PENDING: &str = "SELECT 1 FROM head WHERE asset = ?1
    AND revision > coalesce((SELECT revision FROM delivered WHERE asset = ?1), 0)";
const HEAD: &str = "SELECT revision, state, due, unsettled, unfulfilled FROM head WHERE asset = ?1";
const DELIVERED: &str = "INSERT INTO delivered (asset, revision) VALUES (?1, ?2)
    ON CONFLICT (asset) DO UPDATE SET revision = max(revision, excluded.revision)";

/// News to be told, and up to where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The last revision that this covers.
    pub revision: u64,
    /// What each payer's place is told.
    pub payers: Vec<(Address, PayerNews)>,
    /// What the places of payments without a ticket are told.
    pub payments: Vec<PaymentNews>,
    /// What the merchant's place is told.
    pub merchant: MerchantNews,
}

/// The outbox of one asset, on the database of its journal.
#[derive(Debug)]
pub struct Outbox<'a, S> {
    sql: &'a S,
    journal: &'a SqlJournal<S>,
    asset: AssetId,
}

impl<'a, S: Sql> Outbox<'a, S> {
    /// The outbox of this asset, whose journal this is.
    pub const fn new(sql: &'a S, journal: &'a SqlJournal<S>, asset: AssetId) -> Self {
        Self { sql, journal, asset }
    }

    /// Makes the table.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn prepare(&self) -> Result<(), PortError> {
        hold::make_tables(self.sql, TABLES).await
    }

    /// Whether anything is to be told.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn is_pending(&self) -> Result<bool, PortError> {
        Ok(!run(self.sql, PENDING, &[self.key()]).await?.is_empty())
    }

    /// What is to be told next; `None` if everything was.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn next(&self) -> Result<Option<Delivery>, PortError> {
        let rows = run(self.sql, TAIL, &[self.key(), integer(BATCHES)]).await?;
        let Some(revision) = rows.last().and_then(|row| number(row.first())) else { return Ok(None) };
        let mut payers: BTreeMap<Address, PayerNews> = BTreeMap::new();
        let (mut payments, mut all_ended) = (Vec::new(), Vec::new());
        let mut sessions: Vec<SessionId> = Vec::new();
        for row in &rows {
            for event in parse::<Vec<Event>>(row.get(1))? {
                let (payer, ended) = match event {
                    Event::PaymentLanded { payment, payer, .. } => (payer, Ended { payment, failed: None }),
                    Event::PaymentFailed { payment, payer, reason, at } => {
                        (payer, Ended { payment, failed: Some(Failed { at, reason }) })
                    }
                    Event::SessionStarted(session) => {
                        sessions.push(session.id);
                        continue;
                    }
                    Event::SessionExtended { session, .. } | Event::SessionEnded { session, .. } => {
                        sessions.push(session);
                        continue;
                    }
                    _ => continue,
                };
                // One that failed is forgotten, and whether it had a ticket with it: then
                // its place is told something that it does not know of.
                let record = self.journal.payment(&ended.payment).await?;
                if record.is_none_or(|record| record.ticket.is_none()) {
                    payments.push(PaymentNews { ended: ended.clone() });
                }
                payers.entry(payer).or_default().ended.push(ended.clone());
                all_ended.push(ended);
            }
        }
        sessions.sort_unstable();
        sessions.dedup();
        for id in sessions {
            let record: Option<SessionRecord> = self.journal.session(&id).await?;
            if let Some(record) = record {
                payers.entry(record.session.payer).or_default().sessions.push(record);
            }
        }
        let merchant = MerchantNews { head: self.head().await?, ended: all_ended };
        Ok(Some(Delivery { revision, payers: payers.into_iter().collect(), payments, merchant }))
    }

    /// All of them have received what goes up to this revision.
    ///
    /// # Errors
    /// When storage does not answer: then it is told again.
    pub async fn delivered(&self, revision: u64) -> Result<(), PortError> {
        run(self.sql, DELIVERED, &[self.key(), integer(revision)]).await.map(drop)
    }

    async fn head(&self) -> Result<Head, PortError> {
        let corrupt = || PortError("database: a head can't be read".to_owned());
        let rows = run(self.sql, HEAD, &[self.key()]).await?;
        let row = rows.into_iter().next().ok_or_else(corrupt)?;
        let [revision, Value::Text(state), due, unsettled, unfulfilled] = row.as_slice() else {
            return Err(corrupt());
        };
        Ok(Head {
            asset: self.journal.key_text(&self.asset),
            revision: number(Some(revision)).ok_or_else(corrupt)?,
            state: state.clone(),
            due: number(Some(due)),
            unsettled: number(Some(unsettled)),
            unfulfilled: number(Some(unfulfilled)) == Some(1),
        })
    }

    fn key(&self) -> Value {
        text(self.journal.key_text(&self.asset))
    }
}

fn number(value: Option<&Value>) -> Option<u64> {
    match value {
        Some(Value::Integer(number)) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn parse<T: DeserializeOwned>(value: Option<&Value>) -> Result<T, PortError> {
    let read = match value {
        Some(Value::Text(text)) => serde_json::from_str(text).ok(),
        _ => None,
    };
    read.ok_or_else(|| PortError("database: events can't be read".to_owned()))
}
