//! The auditor: checks everything that must hold of a world at any moment, including between a crash and the
//! restart. It derives the expected tables a second time, from the events alone.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::books::Books;
use super::world::World;
use crate::ids::StreamId;
use crate::session::index::{PaymentRecord, PaymentStatus, SessionRecord};
use crate::session::{Event, StreamState, pending};
use crate::time::{Now, Timestamp};

impl World {
    fn rows<T: DeserializeOwned>(&self, statement: &str) -> Vec<T> {
        let mut prepared = self.database.prepare(statement).unwrap();
        let rows = prepared.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(|text| serde_json::from_str(&text.unwrap()).unwrap()).collect()
    }

    /// Returns the events of each append, in order.
    fn appends(&self, stream: &StreamId) -> Vec<Vec<Event>> {
        let key = format!("main/{stream}");
        self.rows(&format!("SELECT events FROM journal WHERE stream = '{key}' ORDER BY revision"))
    }

    /// Returns the state that the tables hold of a stream, after checking it against the stream's history.
    fn replay(&self, stream: &StreamId, books: &mut Books) -> StreamState {
        let appends = self.appends(stream);
        for events in &appends {
            books.append(stream, events);
        }
        let state = books.state(stream);
        let head = format!("FROM head WHERE stream = 'main/{stream}'");
        if appends.is_empty() {
            return state;
        }
        let now = Now::at(self.now());
        let pending = pending(&state, &now);
        let columns = format!("SELECT json_array(revision, due, unsettled) {head}");
        let columns: Vec<(usize, Option<Timestamp>, Option<Timestamp>)> = self.rows(&columns);
        assert_eq!(columns, [(appends.len(), pending.due, pending.unsettled)]);
        state
    }

    /// Returns the streams of the configured assets, and all other streams with events.
    fn every_stream(&self) -> BTreeSet<StreamId> {
        let written: Vec<String> = self.rows("SELECT DISTINCT json_quote(stream) FROM journal");
        let written = written.iter().map(|key| StreamId::parse(key.strip_prefix("main/").unwrap()).unwrap());
        let configured = self.deployment.config.assets.iter().map(|asset| asset.id.clone().into());
        configured.chain(written).collect()
    }

    /// Checks everything (invariants 1 to 5).
    pub fn audit(&self) {
        let mut books = Books::default();
        for stream in self.every_stream() {
            let state = self.replay(&stream, &mut books);
            let asset = stream.asset();
            // An asset is never deleted while a session runs or money may be on its way (invariant 2).
            let used = state.session.is_some() || !state.claims.is_empty();
            let configured = self.deployment.config.asset(asset).is_some();
            let may_be_gone = configured || stream.is_shared();
            assert!(!used || may_be_gone || state.listing.is_some(), "{asset} is gone under its buyer");
            let of_state = state.listing.as_ref().map(|listing| listing.generation);
            assert!(of_state.is_none_or(|generation| generation == state.generation));
            books.check_stream(&stream, self.now());
        }
        // The tables match what follows from the events.
        books.check_tables(&self.database);
        // What moved is claimed or granted (invariant 2), and what is granted has moved (invariant 1).
        let landed = self.ledger.moved();
        for (id, amount) in &landed {
            let known = books.payment(id).expect("money vanished");
            assert_eq!(known.amount, *amount);
        }
        let mut granted = books.payments().filter(|paid| paid.is_granted || paid.is_owed);
        assert!(granted.all(|paid| landed.contains_key(&paid.payment)), "granted unpaid");
    }

    /// Checks everything when nothing is in flight any more: every payment is granted, and the books balance.
    pub fn audit_settled(&self) {
        self.audit();
        let payments: Vec<PaymentRecord> = self.rows("SELECT record FROM payment ORDER BY id");
        assert!(payments.iter().all(|payment| payment.status == PaymentStatus::Granted));
        let bought: u64 = payments.iter().map(|payment| payment.purchase.price.amount.atomic()).sum();
        let sessions: Vec<SessionRecord> = self.rows("SELECT record FROM session");
        let sold: u64 = sessions.iter().map(|record| record.session.purchase.price.amount.atomic()).sum();
        assert_eq!((bought, sold), (self.gained(), self.gained()), "the books balance");
    }

    /// Returns what the merchant's balance has gained, in atomic units.
    pub fn gained(&self) -> u64 {
        self.ledger.moved().values().sum()
    }
}
