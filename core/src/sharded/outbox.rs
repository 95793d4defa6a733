//! What an asset's own journal still has to tell the others: its tail, behind what they have received.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use super::hold::{self, integer, run, text};
use super::news::{Ended, Failed, Head, MerchantNews, PayerNews, PaymentNews};
use crate::ports::{Journal as _, PortError};
use crate::session::{Event, Session};
use crate::store::{Sql, SqlJournal, Value};
use crate::svm::Address;

const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS delivered (asset TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID",
];

/// How many batches one delivery covers at most.
const BATCHES: u64 = 32;

const TAIL: &str = "SELECT revision, events FROM journal WHERE asset = ?1
    AND revision > coalesce((SELECT revision FROM delivered WHERE asset = ?1), 0) ORDER BY revision LIMIT ?2";
const PENDING: &str = "SELECT asset, revision, state, due, unsettled, unfulfilled FROM head
    WHERE revision > coalesce((SELECT revision FROM delivered WHERE delivered.asset = head.asset), 0) LIMIT 1";
const DELIVERED: &str = "INSERT INTO delivered (asset, revision) VALUES (?1, ?2)
    ON CONFLICT (asset) DO UPDATE SET revision = max(revision, excluded.revision)";

/// News to be told, and up to where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The last revision that this covers.
    pub revision: u64,
    /// What each payer's place is told.
    pub payers: Vec<PayerNews>,
    /// What each payment's place is told.
    pub payments: Vec<PaymentNews>,
    /// What the merchant's place is told.
    pub merchant: MerchantNews,
}

/// The outbox of the asset whose journal this database holds.
#[derive(Debug)]
pub struct Outbox<'a, S> {
    sql: &'a S,
    journal: &'a SqlJournal<S>,
}

impl<'a, S: Sql> Outbox<'a, S> {
    /// The outbox of this journal.
    pub const fn new(sql: &'a S, journal: &'a SqlJournal<S>) -> Self {
        Self { sql, journal }
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
        Ok(!run(self.sql, PENDING, &[]).await?.is_empty())
    }

    /// What is to be told next; `None` if everything was.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn next(&self) -> Result<Option<Delivery>, PortError> {
        let Some(head) = self.head().await? else { return Ok(None) };
        let asset = self.journal.asset_of(&head.asset)?;
        let rows = run(self.sql, TAIL, &[text(&head.asset), integer(BATCHES)]).await?;
        let revision = rows.last().and_then(|row| number(row.first()));
        let revision = revision.ok_or_else(|| PortError("database: a journal is cut short".to_owned()))?;
        let mut payers: BTreeMap<Address, PayerNews> = BTreeMap::new();
        let (mut payments, mut all_ended, mut sessions) = (Vec::new(), Vec::new(), BTreeSet::new());
        for row in &rows {
            for event in parse::<Vec<Event>>(row.get(1))? {
                let at = event.at();
                let (payer, ended) = match event {
                    Event::PaymentLanded { payment, payer, .. } => (payer, Ended { payment, failed: None }),
                    Event::PaymentFailed { payment, payer, reason, at } => {
                        (payer, Ended { payment, failed: Some(Failed { at, reason }) })
                    }
                    Event::SessionStarted(Session { id, .. })
                    | Event::SessionExtended { session: id, .. }
                    | Event::SessionEnded { session: id, .. } => {
                        sessions.insert(id);
                        continue;
                    }
                    _ => continue,
                };
                payments.push(PaymentNews { ended: ended.clone(), asset: asset.clone(), at });
                of(&mut payers, payer).ended.push(ended.clone());
                all_ended.push(ended);
            }
        }
        for id in &sessions {
            if let Some(record) = self.journal.session(id).await? {
                of(&mut payers, record.session.payer).sessions.push(record);
            }
        }
        let merchant = MerchantNews { head, ended: all_ended };
        Ok(Some(Delivery { revision, payers: payers.into_values().collect(), payments, merchant }))
    }

    /// All of them have received this.
    ///
    /// # Errors
    /// When storage does not answer: then it is told again.
    pub async fn delivered(&self, delivery: &Delivery) -> Result<(), PortError> {
        let parameters = [text(&delivery.merchant.head.asset), integer(delivery.revision)];
        run(self.sql, DELIVERED, &parameters).await.map(drop)
    }

    /// Where the asset stands, if not all of it has been told.
    async fn head(&self) -> Result<Option<Head>, PortError> {
        let rows = run(self.sql, PENDING, &[]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let [Value::Text(asset), revision, Value::Text(state), due, unsettled, unfulfilled] = row.as_slice()
        else {
            return Err(PortError("database: a head can't be read".to_owned()));
        };
        Ok(Some(Head {
            asset: asset.clone(),
            revision: number(Some(revision)).unwrap_or_default(),
            state: state.clone(),
            due: number(Some(due)),
            unsettled: number(Some(unsettled)),
            unfulfilled: number(Some(unfulfilled)) == Some(1),
        }))
    }
}

fn of(payers: &mut BTreeMap<Address, PayerNews>, payer: Address) -> &mut PayerNews {
    payers.entry(payer).or_insert_with(|| PayerNews { payer, ended: Vec::new(), sessions: Vec::new() })
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
