//! The books that follow from the events alone: what the tables should contain.

use std::collections::{BTreeMap, BTreeSet};

use crate::account::Account;
use crate::encoding::from_base64;
use crate::ids::{PaymentId, SessionId, StreamId};
use crate::listing::Listing;
use crate::session::fee::FeeCheck;
use crate::session::index::{IndexChange, OwedRecord, PaymentRecord, PaymentStatus, SessionRecord, changes};
use crate::session::ledger::{Book, Entry};
use crate::session::{Desired, Event, OwedStatus, Session, StreamState, desired_state, evolve};
use crate::time::{Now, Timestamp};

fn paid(record: &PaymentRecord) -> Paid {
    Paid {
        payment: record.payment.clone(),
        payer: record.payer.clone(),
        session: record.session.clone(),
        amount: record.purchase.price.amount.atomic(),
        is_granted: record.status == PaymentStatus::Granted,
        is_owed: record.status == PaymentStatus::Owed,
    }
}

/// What the tables should contain.
#[derive(Default)]
pub struct Books {
    pub(super) payments: BTreeMap<String, PaymentRecord>,
    pub(super) sessions: BTreeMap<String, SessionRecord>,
    /// The asset, the amount and the time of each sale, by payment.
    pub(super) sales: BTreeMap<String, (String, String, u64)>,
    pub(super) catalogue: BTreeMap<String, Listing>,
    /// What is owed or may be, by id.
    pub(super) owed: BTreeMap<String, OwedRecord>,
    /// What each session that is over has earned, by its id.
    earned: BTreeMap<String, (Account, u64)>,
    /// The entries of the ledger.
    pub(super) entries: Vec<Entry>,
    /// What the fees of all payments may have cost, by payment.
    fees: BTreeMap<String, Fee>,
    pub(super) seats: BTreeSet<(String, String)>,
    /// Whether the wall clock may have been set. Then a session's end on it says little about its length.
    pub is_clock_set: bool,
    /// The state of each stream with events.
    pub(super) states: BTreeMap<String, StreamState>,
}

/// What a payment's fee may have cost.
#[derive(Clone, Debug)]
struct Fee {
    payer: Account,
    /// The highest fee, in lamports.
    lamports: u64,
    fate: Fate,
}

/// What has become of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    InFlight,
    Landed,
    /// It landed with an error, and has cost its fee.
    Failed,
    NeverLanded,
}

/// What one append did to a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It was claimed, and may cost the fee payer this much, in lamports.
    Claimed {
        /// The payment.
        payment: PaymentId,
        /// The wallet that pays.
        payer: Account,
        /// The highest fee, in lamports.
        fee: u64,
        /// The bytes of its transaction.
        transaction: Vec<u8>,
        /// What was bought: the price in atomic units, and for how many units of the tariff.
        price: (u64, u64),
        /// Whether it showed a ticket, which may hold another price than the present one.
        has_ticket: bool,
    },
    /// It was seen to have landed, and bought something.
    Granted {
        /// The payment.
        payment: PaymentId,
        /// What was paid, in atomic units.
        amount: u64,
        /// How much time was bought, in seconds.
        seconds: u64,
        /// The session that it started or extended.
        session: SessionId,
    },
    /// It was seen to have landed, and bought nothing.
    Owed {
        /// The payment.
        payment: PaymentId,
        /// What was paid, in atomic units.
        amount: u64,
    },
    /// What a session has not delivered is owed back.
    OwedBack {
        /// How much of the paid time was not delivered by now, in milliseconds.
        undelivered_ms: u64,
    },
    /// It was given up, because it can't land any more or landed with an error.
    GivenUp {
        /// The payment.
        payment: PaymentId,
        /// The stable reason.
        reason: String,
    },
}

/// A payment as the books have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The payment.
    pub payment: PaymentId,
    /// The wallet that pays.
    pub payer: Account,
    /// The session that it starts or extends.
    pub session: SessionId,
    /// The price, in atomic units.
    pub amount: u64,
    /// Whether it has bought something.
    pub is_granted: bool,
    /// Whether it landed but bought nothing, so that all of it is owed. If neither, it is in flight.
    pub is_owed: bool,
}

impl Books {
    /// Enters an append as it was written, and returns what it did.
    ///
    /// # Errors
    /// The reason why the events can't be read.
    pub fn write(&mut self, stream: &StreamId, events: &str) -> Result<Vec<Deed>, String> {
        let events: Vec<Event> = serde_json::from_str(events).map_err(|error| error.to_string())?;
        self.append(stream, &events);
        Ok(events.iter().filter_map(|event| self.deed(event)).collect())
    }

    fn deed(&self, event: &Event) -> Option<Deed> {
        match event {
            Event::PaymentClaimed(claim) => Some(Deed::Claimed {
                payment: claim.payment.clone(),
                payer: claim.payer.clone(),
                fee: claim.rail.holds(claim.purchase.price.amount).fee.map_or(0, |fee| fee.amount),
                transaction: from_base64(&claim.rail.exact().transaction).unwrap(),
                price: (claim.purchase.price.amount.atomic(), claim.purchase.quantity),
                has_ticket: claim.ticket.is_some(),
            }),
            Event::PaymentLanded { payment, .. } => {
                let record = &self.payments[payment.as_str()];
                let amount = record.purchase.price.amount.atomic();
                if record.status == PaymentStatus::Owed {
                    return Some(Deed::Owed { payment: payment.clone(), amount });
                }
                let seconds = record.purchase.allowance.seconds().unwrap();
                Some(Deed::Granted {
                    payment: payment.clone(),
                    amount,
                    seconds,
                    session: record.session.clone(),
                })
            }
            Event::MoneyOwed(owed) if owed.payment.is_none() => {
                Some(Deed::OwedBack { undelivered_ms: owed.undelivered_ms })
            }
            Event::PaymentFailed { payment, reason, .. } => {
                Some(Deed::GivenUp { payment: payment.clone(), reason: reason.clone() })
            }
            _ => None,
        }
    }

    /// Returns a payment that is in flight or has bought something.
    #[must_use]
    pub fn payment(&self, id: &PaymentId) -> Option<Paid> {
        self.payments.get(id.as_str()).map(paid)
    }

    /// Returns all payments that are in flight or have bought something.
    pub fn payments(&self) -> impl Iterator<Item = Paid> {
        self.payments.values().map(paid)
    }

    /// Returns what the payments that landed with an error have cost at the most, and half of what all sessions have
    /// earned, in lamports.
    #[must_use]
    pub fn fees(&self) -> (u64, u64) {
        let failed = self.fees.values().filter(|fee| fee.fate == Fate::Failed);
        let earned = self.earned.values().map(|(_, lamports)| lamports);
        (failed.map(|fee| fee.lamports).sum(), earned.sum())
    }

    /// Checks what payers are trusted with: no more than half of what they have earned, and no less than that without what
    /// their payments have cost or may cost (invariant 5). `may_be_less` says that what was earned may not be told yet.
    pub fn check_trust(&self, trusted: &[(Account, u64)], may_be_less: bool) {
        let mut payers: BTreeMap<&Account, [u64; 2]> = BTreeMap::new();
        for fee in self.fees.values() {
            let [_, risked] = payers.entry(&fee.payer).or_default();
            match fee.fate {
                Fate::InFlight | Fate::Failed => *risked += fee.lamports,
                Fate::Landed | Fate::NeverLanded => {}
            }
        }
        for (payer, lamports) in self.earned.values() {
            payers.entry(payer).or_default()[0] += lamports;
        }
        let trust: BTreeMap<_, _> = trusted.iter().map(|(payer, lamports)| (payer, *lamports)).collect();
        assert!(trust.keys().all(|payer| payers.contains_key(payer)), "{trust:?}");
        for (payer, [earned, risked]) in payers {
            let trust = trust.get(payer).copied().unwrap_or_default();
            let least = if may_be_less { 0 } else { earned.saturating_sub(risked) };
            assert!(trust <= earned && trust >= least, "{payer}: {trust} of {earned}, {risked} at risk");
        }
    }

    /// Returns until when the device of a stream may be open, at this moment.
    #[must_use]
    pub fn open_until(&self, stream: &StreamId) -> Option<Timestamp> {
        let state = self.state(stream);
        state.session.as_ref().and_then(Session::ends_at)
    }

    /// Returns the session that runs in a stream, if its buyer has not stopped it.
    #[must_use]
    pub fn wanted(&self, stream: &StreamId) -> Option<SessionId> {
        self.state(stream).session.filter(|session| session.delivery.stop.is_none()).map(|session| session.id)
    }

    /// Returns the streams in which a session runs or a payment is in flight.
    #[must_use]
    pub fn busy(&self) -> Vec<StreamId> {
        let busy =
            self.states.iter().filter(|(_, state)| state.session.is_some() || !state.claims.is_empty());
        busy.filter_map(|(stream, _)| StreamId::parse(stream)).collect()
    }

    /// Checks a stream as it is now: it is open only for its session, and no longer than that is paid for
    /// (invariant 4).
    pub(super) fn check_open(state: &StreamState, now: Timestamp) {
        let open = state.fulfilment.desired.as_ref().and_then(Desired::open_until);
        let ends_at = state.session.as_ref().and_then(Session::ends_at);
        assert!(open.is_none() || open == ends_at, "{open:?} {ends_at:?}");
        let now = state.clamped_now(&Now::at(now));
        assert!(desired_state(state, &now).unlocked_until().is_none_or(|until| until > now.wall));
    }

    /// Checks a stream, and that the index of sessions says who is inside (invariants 1, 4).
    pub fn check_stream(&self, stream: &StreamId, now: Timestamp) {
        let state = self.state(stream);
        Self::check_open(&state, now);
        let running = self.sessions.values().filter(|record| record.stream == *stream && !record.ended);
        let running: Vec<_> = running.map(|record| &record.session).collect();
        assert_eq!(running, state.session.iter().collect::<Vec<_>>(), "one inside, who the index says");
    }

    /// Checks that a session is what its payments bought, to the last unit (invariant 5).
    pub fn check_session(&self, session: &SessionId) {
        let Some(SessionRecord { session, .. }) = self.sessions.get(session.as_str()) else {
            panic!("paid for nothing: {session} is not there");
        };
        let granted = self.payments.values().filter(|payment| payment.status == PaymentStatus::Granted);
        let own: Vec<_> = granted.filter(|payment| payment.session == session.id).collect();
        let sum = |of: fn(&PaymentRecord) -> u64| own.iter().map(|payment| of(payment)).sum::<u64>();
        assert_eq!(sum(|p| p.purchase.price.amount.atomic()), session.purchase.price.amount.atomic());
        assert_eq!(sum(|p| p.purchase.quantity), session.purchase.quantity);
        let seconds = session.purchase.allowance.seconds().unwrap();
        assert_eq!(sum(|p| p.purchase.allowance.seconds().unwrap()), seconds);
        let lasts = session.ends_at().unwrap().millis_since(session.starts_at);
        assert!(lasts >= seconds * 1000 || self.is_clock_set, "{lasts} ms of {seconds} s");
    }

    /// Checks the ledger: no account but those that money comes from is below zero, what is held of a session that is over
    /// is what the owner has to decide about, and what was paid is what payments have moved (invariant 5).
    pub fn check_ledger(&self) {
        let mut balances: BTreeMap<(&str, Book), i128> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| entry.to != Book::Fees) {
            let amount = i128::from(entry.money.amount.atomic());
            *balances.entry((entry.session.as_str(), entry.from)).or_default() -= amount;
            *balances.entry((entry.session.as_str(), entry.to)).or_default() += amount;
        }
        let running: BTreeSet<&str> =
            self.states.values().filter_map(|state| Some(state.session.as_ref()?.id.as_str())).collect();
        let unclear = |session: &str| -> i128 {
            let unclear = self.owed.values().filter(|record| record.status == OwedStatus::Unclear);
            let own = unclear.map(|record| &record.owed).filter(|owed| owed.session.as_str() == session);
            own.map(|owed| i128::from(owed.money.amount.atomic())).sum()
        };
        for ((session, book), balance) in &balances {
            assert!(*balance >= 0 || *book == Book::Paid, "{session} {book:?}: {balance}");
            if *book == Book::Held && !running.contains(session) {
                assert_eq!(*balance, unclear(session), "{session}");
            }
        }
        let paid: i128 =
            balances.iter().filter(|((_, book), _)| *book == Book::Paid).map(|(_, sum)| -sum).sum();
        let landed = self.payments.values().filter(|payment| payment.status != PaymentStatus::Pending);
        let landed: i128 = landed.map(|payment| i128::from(payment.purchase.price.amount.atomic())).sum();
        assert_eq!(paid, landed, "the books balance");
    }

    /// Enters an append to a stream.
    pub(super) fn append(&mut self, stream: &StreamId, events: &[Event]) {
        let before = self.state(stream);
        self.is_clock_set |= events.iter().any(|event| matches!(event, Event::EntitlementChanged { .. }));
        let after = events.iter().fold(before.clone(), evolve);
        for change in changes(stream, &before, &after, events) {
            self.enter(stream, change);
        }
        self.states.insert(stream.to_string(), after);
    }

    /// Returns the state of a stream.
    pub(super) fn state(&self, stream: &StreamId) -> StreamState {
        self.states.get(&stream.to_string()).cloned().unwrap_or_default()
    }

    fn ends(&mut self, payment: &PaymentId, fate: Fate) {
        if let Some(fee) = self.fees.get_mut(payment.as_str()) {
            fee.fate = fate;
        }
    }

    fn enter(&mut self, stream: &StreamId, change: IndexChange) {
        match change {
            IndexChange::Claim { id, record, holds, .. } => {
                let (payer, price) = (record.payer.clone(), &record.purchase.price);
                if let Some(check) = FeeCheck::new(&holds, price, &payer, 0, record.at) {
                    let fee = Fee { payer, lamports: check.lamports, fate: Fate::InFlight };
                    self.fees.insert(id.as_str().to_owned(), fee);
                }
                assert!(self.payments.insert(id.as_str().to_owned(), record).is_none(), "claimed twice");
            }
            IndexChange::Payment { id, record } => {
                if record.status != PaymentStatus::Pending {
                    self.ends(&id, Fate::Landed);
                }
                self.payments.insert(id.as_str().to_owned(), record).expect("a claim before the grant");
            }
            IndexChange::Purge { id, has_landed, .. } => {
                self.payments.remove(id.as_str()).expect("a claim before its end");
                self.ends(&id, if has_landed { Fate::Failed } else { Fate::NeverLanded });
            }
            IndexChange::Session { id, record, earned, .. } => {
                if let Some(earned) = earned {
                    let payer = record.session.payer.clone();
                    self.earned.insert(id.as_str().to_owned(), (payer, earned.lamports));
                }
                self.sessions.insert(id.as_str().to_owned(), record);
            }
            IndexChange::Sale { payment, asset, price, at } => {
                let sale = (asset.to_string(), price.amount.to_string(), at.millis());
                assert!(self.sales.insert(payment.as_str().to_owned(), sale).is_none(), "sold twice");
            }
            IndexChange::Owed { id, record, .. } => {
                self.owed.insert(id.as_str().to_owned(), record);
            }
            IndexChange::Entry(entry) => self.entries.push(entry),
            IndexChange::Seat { asset, taken_of } => {
                let seat = (format!("main/{asset}"), format!("main/{stream}"));
                match taken_of {
                    Some(_) => assert!(self.seats.insert(seat), "a seat is taken twice"),
                    None => assert!(self.seats.remove(&seat), "a seat is left that was not taken"),
                }
            }
            IndexChange::Listing { listing: Some(listing) } => {
                self.catalogue.insert(format!("main/{stream}"), listing);
            }
            IndexChange::Listing { listing: None } => {
                self.catalogue.remove(&format!("main/{stream}")).expect("listed before it was deleted");
            }
        }
    }
}
