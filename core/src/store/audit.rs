//! Holds the ledger against the events that it follows from.

use std::collections::BTreeMap;

use super::sql::{SqlJournal, parse};
use super::value::{Sql, Value, bound, corrupt, number, text};
use crate::account::Account;
use crate::ids::{SessionId, StreamId};
use crate::money::Money;
use crate::ports::PortError;
use crate::session::ledger::{Book, Entry, entries};
use crate::session::{Claim, Event, OwedStatus, StreamState, evolve};
use crate::time::Timestamp;

const JOURNAL: &str = "SELECT stream, revision, events FROM journal
    WHERE (stream, revision) > (?1, ?2) AND stream < ?3 ORDER BY stream, revision LIMIT ?4";
const ENTRIES: &str =
    "SELECT session, from_book, to_book, network, token, decimals, amount, cause, at FROM entry
    WHERE stream = ?1 AND revision = ?2 ORDER BY number";
const STRAY: &str = "SELECT stream, revision, number FROM entry WHERE stream >= ?1 AND stream < ?2 AND NOT EXISTS (
        SELECT 1 FROM journal WHERE journal.stream = entry.stream AND journal.revision = entry.revision) LIMIT ?3";
/// How many appends are read at once.
const PAGE: i64 = 500;
/// How many entries without an append are named.
const STRAYS: i64 = 100;

/// A payment that is on the chain, according to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnTheBooks {
    pub stream: StreamId,
    pub session: SessionId,
    /// The transaction's id.
    pub transaction: String,
    /// What was paid; `None` if the payment landed with an error and has only cost its fee.
    pub paid: Option<Money>,
    /// What the network took for it, by the books, in lamports.
    pub fee: u64,
    /// The gateway's wallet that paid the fee; `None` if none did.
    pub fee_payer: Option<Account>,
    /// When its end was recorded.
    pub at: Timestamp,
}

/// How much was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    pub streams: u64,
    pub appends: u64,
    pub entries: u64,
}

/// A row of the table `entry`, without its place.
type Row = [String; 9];

/// What the entries of one stream add up to.
#[derive(Default)]
struct Balances {
    /// By session, network and token.
    books: BTreeMap<(String, String, String), BTreeMap<Book, i128>>,
    /// What the owner has yet to decide about, by the same.
    unclear: BTreeMap<(String, String, String), i128>,
}

impl Balances {
    fn enter(&mut self, entry: &Entry) {
        let books = self.books.entry(key(&entry.session, &entry.money)).or_default();
        let amount = i128::from(entry.money.amount.atomic());
        *books.entry(entry.from).or_default() -= amount;
        *books.entry(entry.to).or_default() += amount;
    }

    fn take_in(&mut self, event: &Event) {
        let (owed, sign) = match event {
            Event::MoneyOwed(owed) if owed.reason.is_unclear() => (owed, 1),
            Event::OwedDecided { owed, was: OwedStatus::Unclear, .. } => (owed, -1),
            _ => return,
        };
        let amount = i128::from(owed.money.amount.atomic());
        *self.unclear.entry(key(&owed.session, &owed.money)).or_default() += sign * amount;
    }

    /// Returns what is wrong at the end of a stream.
    fn faults(&self, stream: &StreamId, state: &StreamState) -> Vec<String> {
        let mut faults = Vec::new();
        for (key @ (session, _, token), books) in &self.books {
            let unclear = self.unclear.get(key).copied().unwrap_or_default();
            let runs = state.session.as_ref().is_some_and(|running| running.id.as_str() == session);
            for (book, balance) in books {
                if *balance < 0 && !matches!(book, Book::Paid | Book::FeePayer) {
                    faults.push(format!("{stream}, session {session}: {book:?} has {balance} of {token}"));
                }
            }
            let held = books.get(&Book::Held).copied().unwrap_or_default();
            if !runs && held != unclear {
                faults.push(format!(
                    "{stream}, session {session}: it is over, and {held} of {token} is held; {unclear} is undecided"
                ));
            }
        }
        faults
    }
}

fn key(session: &SessionId, money: &Money) -> (String, String, String) {
    (session.to_string(), money.network.clone(), money.token.to_string())
}

/// The stream that is read at the moment.
struct Reading {
    stream: StreamId,
    state: StreamState,
    balances: Balances,
}

impl<S: Sql> SqlJournal<S> {
    /// Makes the ledger anew from the events and compares it with the table. Calls `found` with each fault, and `on_chain`
    /// with each payment that the chain should have.
    ///
    /// It may run beside a gateway. What is appended meanwhile is checked too, or left for the next time.
    ///
    /// # Errors
    /// When storage does not answer, or an event can't be read.
    pub async fn audit_ledger(
        &self,
        mut found: impl FnMut(String),
        mut on_chain: impl FnMut(OnTheBooks),
    ) -> Result<Checked, PortError> {
        let mut checked = Checked::default();
        let [from, to] = self.bounds();
        let mut after = (from.clone(), 0);
        let mut reading: Option<Reading> = None;
        loop {
            let parameters = [after.0.clone(), bound(after.1), to.clone(), Value::Integer(PAGE)];
            let rows = self.run(JOURNAL, &parameters).await?;
            for row in &rows {
                let (key, revision) = (text(row.first(), "a stream's key")?, number(row.get(1))?);
                let events: Vec<Event> = parse(row.get(2), "events")?;
                let stream = self.stream_of(key)?;
                let mut now = match reading.take() {
                    Some(now) if now.stream == stream => now,
                    other => {
                        other.iter().flat_map(faults).for_each(&mut found);
                        checked.streams += 1;
                        Reading { stream, state: StreamState::default(), balances: Balances::default() }
                    }
                };
                let expected = entries(&now.state, &events);
                let written = self.run(ENTRIES, &[Value::Text(key.to_owned()), bound(revision)]).await?;
                let place = format!("{}, revision {revision}", now.stream);
                differences(&place, &expected, &written)?.into_iter().for_each(&mut found);
                checked.appends += 1;
                checked.entries += u64::try_from(expected.len()).unwrap_or(u64::MAX);
                expected.iter().for_each(|entry| now.balances.enter(entry));
                for event in &events {
                    now.balances.take_in(event);
                    ended(&now.stream, &now.state, event, &expected).into_iter().for_each(&mut on_chain);
                    now.state = evolve(now.state, event);
                }
                after = (Value::Text(key.to_owned()), revision);
                reading = Some(now);
            }
            if rows.is_empty() {
                break;
            }
        }
        reading.iter().flat_map(faults).for_each(&mut found);
        for row in &self.run(STRAY, &[from, to, Value::Integer(STRAYS)]).await? {
            let (stream, revision) = (text(row.first(), "a stream's key")?, number(row.get(1))?);
            found(format!("{stream}, revision {revision}: the ledger has an entry without an event"));
        }
        Ok(checked)
    }
}

fn faults(reading: &Reading) -> Vec<String> {
    reading.balances.faults(&reading.stream, &reading.state)
}

/// Returns what differs between the entries that follow from an append and the rows that were written.
fn differences(place: &str, expected: &[Entry], written: &[Vec<Value>]) -> Result<Vec<String>, PortError> {
    let expected = expected.iter().map(row_of).collect::<Result<Vec<_>, _>>()?;
    let written: Vec<Option<Row>> = written.iter().map(|row| row_as_written(row)).collect();
    let mut found = Vec::new();
    for at in 0..expected.len().max(written.len()) {
        match (expected.get(at), written.get(at)) {
            (Some(expected), Some(Some(written))) if expected == written => {}
            (Some(expected), Some(Some(written))) => found.push(format!(
                "{place}, entry {at}: the events say {}, and the ledger has {}",
                words(expected),
                words(written)
            )),
            (Some(expected), None) => {
                found.push(format!("{place}, entry {at}: the ledger lacks {}", words(expected)));
            }
            (None, Some(Some(written))) => {
                found.push(format!(
                    "{place}, entry {at}: the ledger has {}, which no event says",
                    words(written)
                ));
            }
            (_, Some(None)) => found.push(format!("{place}, entry {at}: the ledger's row can't be read")),
            (None, None) => {}
        }
    }
    Ok(found)
}

fn words(row: &Row) -> String {
    let [session, from, to, _, token, _, amount, cause, at] = row;
    format!("{amount} of {token} from {from} to {to} for session {session} ({cause} at {at})")
}

/// Returns the row that an append writes for an entry.
fn row_of(entry: &Entry) -> Result<Row, PortError> {
    let Entry { session, from, to, money, cause, at } = entry;
    let name = |book: &Book| match serde_json::to_value(book) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        _ => Err(corrupt("an account of the ledger")),
    };
    Ok([
        session.to_string(),
        name(from)?,
        name(to)?,
        money.network.clone(),
        money.token.to_string(),
        money.decimals.to_string(),
        money.amount.to_string(),
        cause.clone(),
        at.millis().to_string(),
    ])
}

fn row_as_written(row: &[Value]) -> Option<Row> {
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::Integer(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.clone()),
    };
    row.iter().map(text).collect::<Option<Vec<_>>>()?.try_into().ok()
}

/// Returns the payment that an event ends, with what the entries of its append say of it; `None` if they say nothing.
fn ended(stream: &StreamId, state: &StreamState, event: &Event, entries: &[Entry]) -> Option<OnTheBooks> {
    let (payment, landing) = match event {
        Event::PaymentLanded { payment, landing, .. } => (payment, landing.transaction()),
        Event::PaymentFailed { payment, .. } => (payment, None),
        _ => return None,
    };
    let from = |book| entries.iter().find(|entry| entry.from == book && entry.cause == payment.as_str());
    let (paid, fee) = (from(Book::Paid), from(Book::FeePayer));
    paid.or(fee)?;
    let Claim { session, purchase, rail, .. } = state.claim(payment)?;
    Some(OnTheBooks {
        stream: stream.clone(),
        session: session.clone(),
        transaction: landing.or(rail.transaction())?.to_owned(),
        paid: paid.map(|entry| entry.money.clone()),
        fee: fee.map_or(0, |entry| entry.money.amount.atomic()),
        fee_payer: rail.holds(purchase.price.amount).fee.map(|fee| fee.payer),
        at: event.at(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Amount;

    #[test]
    fn money_that_is_held_of_a_session_that_is_over_and_an_account_below_zero_are_found_inv_5() {
        let stream = StreamId::parse("door-1").unwrap();
        let entry = |from, to, amount| Entry {
            session: SessionId::from_bytes([1; 16]),
            from,
            to,
            money: Money {
                network: "devnet".to_owned(),
                token: Account::new("USDC"),
                amount: Amount::new(amount),
                decimals: 6,
            },
            cause: String::new(),
            at: Timestamp::default(),
        };
        let faults = |entries: &[Entry]| {
            let mut balances = Balances::default();
            entries.iter().for_each(|entry| balances.enter(entry));
            balances.faults(&stream, &StreamState::default())
        };
        let paid = entry(Book::Paid, Book::Held, 10);
        assert!(faults(&[paid.clone(), entry(Book::Held, Book::Earned, 10)]).is_empty());
        let held = faults(&[paid.clone(), entry(Book::Held, Book::Earned, 7)]);
        assert!(matches!(held.as_slice(), [one] if one.contains("3 of USDC is held")), "{held:?}");
        let below = faults(&[paid, entry(Book::Held, Book::Earned, 10), entry(Book::Owed, Book::Earned, 2)]);
        assert!(matches!(below.as_slice(), [one] if one.contains("Owed has -2")), "{below:?}");
    }
}
