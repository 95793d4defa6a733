//! A stream's outbox: the part of its journal that other shards have not received yet.
//!
//! The database extracts what it needs from the events, because an update contains only little of them.

use super::hold::{self, run, text};
use super::updates::{Ended, Failed, Head, MerchantUpdate, OwedRow, PayerUpdate, PaymentUpdate, SessionRow};
use crate::account::Account;
use crate::error::StoreError;
use crate::ids::PaymentId;
use crate::ports::PortError;
use crate::store::{Sql, SqlJournal, Value, bound, integer};
use crate::time::Timestamp;

const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS delivered (stream TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID",
    // What payers and payments have received, where the merchant's shard has not.
    "CREATE TABLE IF NOT EXISTS told (stream TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID",
];

/// The most batches that one delivery covers.
const BATCHES: u64 = 32;

/// Selects the stream that has undelivered events, its head, the revision up to which it has delivered everything, and the one
/// up to which payers and payments have received it.
const PENDING: &str = "SELECT head.stream, head.revision, state, due, unsettled, unfulfilled,
        coalesce(delivered.revision, 0), max(coalesce(delivered.revision, 0), coalesce(told.revision, 0))
    FROM head LEFT JOIN delivered USING (stream) LEFT JOIN told USING (stream)
    WHERE head.revision > coalesce(delivered.revision, 0) LIMIT 1";
/// Selects the payments that landed or failed after one revision, up to and including another.
const ENDED: &str = "SELECT event.value ->> '$.payment', event.value ->> '$.payer', event.value ->> '$.at',
        event.value ->> '$.reason'
    FROM journal, json_each(journal.events) AS event
    WHERE stream = ?1 AND revision > ?2 AND revision <= ?3
        AND event.value ->> '$.type' IN ('payment_landed', 'payment_failed')
    ORDER BY revision, event.key";
/// Selects the sessions that began or changed in the same range, as they are now.
const SESSIONS: &str = "SELECT id, asset, payer, starts, record, earned, budget FROM session WHERE id IN (
        SELECT coalesce(event.value ->> '$.session', event.value ->> '$.id')
        FROM journal, json_each(journal.events) AS event
        WHERE stream = ?1 AND revision > ?2 AND revision <= ?3
            AND event.value ->> '$.type' IN ('session_started', 'session_extended', 'session_ended', 'money_owed'))";
/// Selects what became owed in the same range, as it is now.
const OWED: &str = "SELECT id, payer, at, is_open, record FROM owed WHERE id IN (
        SELECT coalesce(event.value ->> '$.owed.id', event.value ->> '$.id')
        FROM journal, json_each(journal.events) AS event
        WHERE stream = ?1 AND revision > ?2 AND revision <= ?3
            AND event.value ->> '$.type' IN ('money_owed', 'owed_decided'))";
/// Selects the latest moment that a shared asset's session has seen, once nothing is due there and nothing is owed.
const LEFT: &str = "SELECT state ->> '$.last' FROM head
    WHERE instr(substr(stream, instr(stream, '/') + 1), '/') > 0
    AND due IS NULL AND unsettled IS NULL AND unfulfilled = 0 AND (SELECT count(*) FROM head) = 1
    AND NOT EXISTS (SELECT 1 FROM owed WHERE is_open)";
const DELIVERED: &str = "INSERT INTO delivered (stream, revision) VALUES (?1, ?2)
    ON CONFLICT (stream) DO UPDATE SET revision = max(revision, excluded.revision)";
const TOLD: &str = "INSERT INTO told (stream, revision) VALUES (?1, ?2)
    ON CONFLICT (stream) DO UPDATE SET revision = max(revision, excluded.revision)";

/// One set of updates, and the revision it reaches up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The last revision that this covers.
    pub revision: u64,
    /// The updates for the payers' shards.
    pub payers: Vec<PayerUpdate>,
    /// The updates for the payments' shards.
    pub payments: Vec<PaymentUpdate>,
    /// The update for the merchant's shard.
    pub merchant: MerchantUpdate,
}

/// The outbox of the stream whose journal is in this database.
#[derive(Debug)]
pub(crate) struct Outbox<'a, S> {
    sql: &'a S,
    journal: &'a SqlJournal<S>,
}

impl<'a, S: Sql> Outbox<'a, S> {
    /// Returns the outbox of this journal.
    pub(crate) const fn new(sql: &'a S, journal: &'a SqlJournal<S>) -> Self {
        Self { sql, journal }
    }

    /// Creates the table.
    ///
    /// # Errors
    /// When the statement fails.
    pub(crate) async fn prepare(&self) -> Result<(), PortError> {
        hold::make_tables(self.sql, TABLES).await
    }

    /// Returns the latest moment that a shared asset's session has seen, once nothing is due there any more.
    ///
    /// Returns `None` for any other stream, and while something is still due.
    ///
    /// # Errors
    /// When storage does not answer.
    pub(crate) async fn left_at(&self) -> Result<Option<Timestamp>, PortError> {
        let rows = run(self.sql, LEFT, &[]).await?;
        let moment = rows.first().map(|row| row.first().and_then(number));
        let moment = moment.map(|moment| moment.ok_or_else(|| corrupt("a head"))).transpose()?;
        Ok(moment.map(Timestamp::from_millis))
    }

    /// Returns whether there is anything to deliver.
    ///
    /// # Errors
    /// When storage does not answer.
    pub(crate) async fn is_pending(&self) -> Result<bool, PortError> {
        Ok(!run(self.sql, PENDING, &[]).await?.is_empty())
    }

    /// Returns the next delivery to payers and payments; `None` if they have received everything.
    ///
    /// They have received what is up to the revision `told`, which need not be recorded.
    ///
    /// # Errors
    /// When storage does not answer.
    pub(crate) async fn next_to_buyers(&self, told: u64) -> Result<Option<Delivery>, PortError> {
        self.next(|pending| (pending.told.max(told), u64::MAX)).await
    }

    /// Returns the next delivery to the merchant's shard, of what payers and payments have received; `None` if it has
    /// received that too.
    ///
    /// They have received what is up to the revision `told`, which need not be recorded.
    ///
    /// # Errors
    /// When storage does not answer.
    pub(crate) async fn next_to_merchant(&self, told: u64) -> Result<Option<Delivery>, PortError> {
        self.next(|pending| (pending.delivered, pending.told.max(told))).await
    }

    /// Returns the delivery of what comes after the first revision of `range`, up to the second.
    async fn next(&self, range: impl FnOnce(&Pending) -> (u64, u64)) -> Result<Option<Delivery>, PortError> {
        let rows = run(self.sql, PENDING, &[]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let pending = pending(row).ok_or_else(|| corrupt("a head"))?;
        let (after, up_to) = range(&pending);
        let head = pending.head;
        let revision = head.revision.min(after.saturating_add(BATCHES)).min(up_to);
        if revision <= after {
            return Ok(None);
        }
        let stream = self.journal.stream_of(&head.stream)?;
        let tail = [text(&head.stream), bound(after), bound(revision)];
        let mut payers = Vec::new();
        let (mut payments, mut all_ended) = (Vec::new(), Vec::new());
        for row in &run(self.sql, ENDED, &tail).await? {
            let (payer, at, ended) = ended(row).ok_or_else(|| corrupt("an event"))?;
            payments.push(PaymentUpdate { ended: ended.clone(), stream: stream.clone(), at });
            add(&mut payers, payer, |update| update.ended.push(ended.clone()));
            all_ended.push(ended);
        }
        let mut sessions = Vec::new();
        for row in &run(self.sql, SESSIONS, &tail).await? {
            let session = session(row).ok_or_else(|| corrupt("a session"))?;
            add(&mut payers, session.payer.clone(), |update| update.sessions.push(session.clone()));
            sessions.push(session);
        }
        let mut all_owed = Vec::new();
        for row in &run(self.sql, OWED, &tail).await? {
            let owed = owed(row).ok_or_else(|| corrupt("what is owed"))?;
            add(&mut payers, owed.payer.clone(), |update| update.owed.push(owed.clone()));
            all_owed.push(owed);
        }
        let merchant = MerchantUpdate { head, ended: all_ended, sessions, owed: all_owed };
        Ok(Some(Delivery { revision, payers, payments, merchant }))
    }

    /// Records that every shard has received this delivery.
    ///
    /// # Errors
    /// When storage does not answer; then the delivery is sent again.
    pub(crate) async fn delivered(&self, delivery: &Delivery) -> Result<(), PortError> {
        let parameters = [text(&delivery.merchant.head.stream), integer(delivery.revision)?];
        run(self.sql, DELIVERED, &parameters).await.map(drop)
    }

    /// Records that all payers and payments have received what is up to this revision, in which the delivery is.
    ///
    /// # Errors
    /// When storage does not answer; then it is sent again.
    pub(crate) async fn told(&self, delivery: &Delivery, revision: u64) -> Result<(), PortError> {
        let parameters = [text(&delivery.merchant.head.stream), integer(revision)?];
        run(self.sql, TOLD, &parameters).await.map(drop)
    }
}

/// What a stream has yet to deliver.
struct Pending {
    head: Head,
    /// The revision up to which every shard has received everything.
    delivered: u64,
    /// The revision up to which payers and payments have.
    told: u64,
}

/// Changes the update of one payer, and adds it if it is new. A linear search is enough for the few in a delivery.
fn add(payers: &mut Vec<PayerUpdate>, payer: Account, to: impl FnOnce(&mut PayerUpdate)) {
    match payers.iter_mut().find(|update| update.payer == payer) {
        Some(update) => to(update),
        None => {
            let mut update = PayerUpdate { payer, ended: Vec::new(), sessions: Vec::new(), owed: Vec::new() };
            to(&mut update);
            payers.push(update);
        }
    }
}

fn pending(row: &[Value]) -> Option<Pending> {
    let [Value::Text(stream), revision, Value::Text(state), due, unsettled, unfulfilled, delivered, told] =
        row
    else {
        return None;
    };
    let head = Head {
        stream: stream.clone(),
        revision: number(revision)?,
        state: state.clone(),
        due: moment(due)?,
        unsettled: moment(unsettled)?,
        unfulfilled: number(unfulfilled)? == 1,
    };
    Some(Pending { head, delivered: number(delivered)?, told: number(told)? })
}

fn ended(row: &[Value]) -> Option<(Account, Timestamp, Ended)> {
    let [Value::Text(payment), Value::Text(payer), at, reason] = row else { return None };
    let at = Timestamp::from_millis(number(at)?);
    let failed = match reason {
        Value::Text(reason) => Some(Failed { at, reason: reason.clone() }),
        Value::Null => None,
        // A reason that can't be read must not count as a landing.
        Value::Integer(_) => return None,
    };
    Some((Account::new(payer), at, Ended { payment: PaymentId::parse(payment)?, failed }))
}

fn session(row: &[Value]) -> Option<SessionRow> {
    let [
        Value::Text(id),
        Value::Text(asset),
        Value::Text(payer),
        starts,
        Value::Text(record),
        earned,
        budget,
    ] = row
    else {
        return None;
    };
    let budget = match budget {
        Value::Text(budget) => Some(budget.clone()),
        _ => None,
    };
    Some(SessionRow {
        id: id.clone(),
        asset: asset.clone(),
        payer: Account::new(payer),
        starts: number(starts)?,
        record: record.clone(),
        earned: number(earned)?,
        budget,
    })
}

fn owed(row: &[Value]) -> Option<OwedRow> {
    let [Value::Text(id), Value::Text(payer), at, is_open, Value::Text(record)] = row else { return None };
    Some(OwedRow {
        id: id.clone(),
        payer: Account::new(payer),
        at: number(at)?,
        is_open: number(is_open)? == 1,
        record: record.clone(),
    })
}

/// Reads a moment that may be absent; `None` if the value is neither.
fn moment(value: &Value) -> Option<Option<u64>> {
    match value {
        Value::Null => Some(None),
        other => number(other).map(Some),
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn corrupt(what: &'static str) -> PortError {
    StoreError::Corrupt(what).into()
}
