//! Compares the tables of a database that holds all streams with the books that follow from the events.

use rusqlite::Connection;
use serde::de::DeserializeOwned;

use super::books::Books;
use crate::account::Account;
use crate::listing::Listing;
use crate::session::Claim;
use crate::session::StreamState;
use crate::session::index::{OwedRecord, PaymentRecord, PaymentStatus, SessionRecord};
use crate::session::ledger::Entry;

/// Returns the values of a query's first column, which are JSON.
fn rows<T: DeserializeOwned>(database: &Connection, statement: &str) -> Vec<T> {
    let mut prepared = database.prepare_cached(statement).unwrap();
    let rows = prepared.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(|text| serde_json::from_str(&text.unwrap()).unwrap()).collect()
}

impl Books {
    /// Checks that every table holds what follows from the events, and nothing else (invariants 1, 2, 5).
    pub fn check_tables(&self, database: &Connection) {
        self.check_heads(database);
        let catalogue: Vec<(String, Listing)> =
            rows(database, "SELECT json_array(asset, json(listing)) FROM catalogue ORDER BY asset");
        assert_eq!(catalogue, self.catalogue.clone().into_iter().collect::<Vec<_>>());
        let seats: Vec<(String, String)> =
            rows(database, "SELECT json_array(asset, stream) FROM seat ORDER BY asset, stream");
        assert_eq!(seats, self.seats.clone().into_iter().collect::<Vec<_>>());
        let payments: Vec<PaymentRecord> = rows(database, "SELECT record FROM payment ORDER BY id");
        assert_eq!(payments, self.payments.values().cloned().collect::<Vec<_>>());
        let sessions: Vec<SessionRecord> = rows(database, "SELECT record FROM session ORDER BY id");
        assert_eq!(sessions, self.sessions.values().cloned().collect::<Vec<_>>());
        let sales: Vec<(String, (String, String, u64))> = rows(
            database,
            "SELECT json_array(payment, json_array(asset, amount, at)) FROM sale ORDER BY payment",
        );
        assert_eq!(sales, self.sales.clone().into_iter().collect::<Vec<_>>());
        let owed: Vec<OwedRecord> = rows(database, "SELECT record FROM owed ORDER BY id");
        assert_eq!(owed, self.owed.values().cloned().collect::<Vec<_>>());
        self.check_entries(database);
        self.check_ledger();
        let trusted = Self::trusted(database);
        // The journal of one stream leaves its fees to the shards of its payers and of the merchant.
        if !rows::<String>(database, "SELECT json_quote(name) FROM fee_budget").is_empty() {
            self.check_trust(&trusted, false);
        }
        self.check_in_flight(database);
        self.check_granted(&payments, &sales, &sessions);
    }

    /// Checks that the ledger's table has the entries that follow from the events, and no other (invariant 5).
    fn check_entries(&self, database: &Connection) {
        let shown = |entry: &Entry| {
            let from_and_to = [entry.from, entry.to].map(|book| serde_json::to_value(book).unwrap());
            let Entry { session, money, cause, at, .. } = entry;
            serde_json::json!([session, from_and_to[0], from_and_to[1], money.token, money.amount, cause, at])
        };
        let mut own: Vec<String> = self.entries.iter().map(|entry| shown(entry).to_string()).collect();
        own.sort();
        let written: Vec<serde_json::Value> = rows(
            database,
            "SELECT json_array(session, from_book, to_book, token, amount, cause, at) FROM entry",
        );
        let mut written: Vec<String> = written.iter().map(ToString::to_string).collect();
        written.sort();
        assert_eq!(written, own, "the ledger and the events differ");
    }

    /// Returns what the payers of a database are trusted with, in lamports.
    #[must_use]
    pub fn trusted(database: &Connection) -> Vec<(Account, u64)> {
        rows(database, "SELECT json_array(payer, max(lamports, 0)) FROM trust")
    }

    /// Checks that the state of each stream follows from its history, without a gap.
    fn check_heads(&self, database: &Connection) {
        let gaps: Vec<String> = rows(
            database,
            "SELECT json_quote(stream) FROM journal GROUP BY stream HAVING count(*) != max(revision)",
        );
        assert!(gaps.is_empty(), "revisions have gaps: {gaps:?}");
        let heads: Vec<(String, StreamState)> =
            rows(database, "SELECT json_array(stream, json(state)) FROM head ORDER BY stream");
        let own = self.states.iter().map(|(stream, state)| (format!("main/{stream}"), state.clone()));
        assert_eq!(heads, own.collect::<Vec<_>>(), "state and history differ");
    }

    /// Checks that exactly the payments in flight are counted against their balances.
    fn check_in_flight(&self, database: &Connection) {
        let named =
            |claim: &Claim| (claim.payment.as_str().to_owned(), claim.rail.source().unwrap().to_string());
        let mut claimed: Vec<_> =
            self.states.values().flat_map(|state| state.claims.iter().map(named)).collect();
        claimed.sort();
        let in_flight: Vec<(String, String)> =
            rows(database, "SELECT json_array(payment, source) FROM in_flight ORDER BY payment");
        assert_eq!(in_flight, claimed);
        let unused = "SELECT json_quote(source) FROM source_balance WHERE source NOT IN (SELECT source FROM in_flight)";
        assert_eq!(
            rows::<String>(database, unused),
            [""; 0],
            "a balance is counted that nothing is in flight from"
        );
    }

    /// Checks that what is granted is sold once, and has its session (invariants 1, 5).
    fn check_granted(
        &self,
        payments: &[PaymentRecord],
        sales: &[(String, (String, String, u64))],
        sessions: &[SessionRecord],
    ) {
        let granted = || payments.iter().filter(|payment| payment.status == PaymentStatus::Granted);
        let ids = || granted().map(|payment| payment.payment.as_str());
        assert!(ids().eq(sales.iter().map(|(payment, _)| payment.as_str())), "{sales:?}");
        for record in sessions {
            self.check_session(&record.session.id);
        }
        assert!(granted().all(|p| sessions.iter().any(|s| s.session.id == p.session)), "paid for nothing");
    }
}
