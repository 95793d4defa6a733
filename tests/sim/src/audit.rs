//! Checks after each append what must hold at any moment, and at the end what must have come of everything.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use coinop_core::sharded::ShardKey;
use coinop_core::store::Value;
use coinop_core::testkit::books::{Books, Deed};
use coinop_core::{PaymentId, StreamId};

use crate::chain::{Chain, Transaction};
use crate::plan::{Fault, Keeping};
use crate::promises::Claimed;
use crate::world::World;

/// How long a door may be open after its paid time, in milliseconds: the time that a device takes, and 6 s if the
/// gateway has died.
const SLACK_MS: u64 = 8_000;

/// How long after its payment was finally dead an asset may still be held, in milliseconds.
const HELD_MS: u64 = 15_000;
/// The reason for which a payment that never landed is given up.
const EXPIRED: &str = "transaction_expired";

/// The books of a world, kept beside those of the gateway.
#[derive(Default)]
pub(crate) struct Audit {
    pub(crate) books: Books,
    /// Payments that storage has lost though it said that it had them.
    lost: BTreeSet<PaymentId>,
    /// Whether storage came back from an older copy, or forgot something.
    is_impaired: bool,
    /// Until when each asset is paid for, by the world's own time.
    paid_until: BTreeMap<String, u64>,
    /// Every payment of which somebody was told that it was not charged.
    told_uncharged: BTreeSet<PaymentId>,
    /// The blockhash of each payment that was claimed.
    blockhashes: BTreeMap<PaymentId, [u8; 32]>,
    pub(crate) appends: u64,
    pub(crate) grants: u64,
}

impl Audit {
    /// Returns until when an asset is paid for, in milliseconds since the world began.
    pub(crate) fn paid_until(&self, asset: &str) -> u64 {
        self.paid_until.get(asset).copied().unwrap_or_default()
    }

    /// Notes an append that storage pretends to have written.
    pub(crate) fn forgotten(&mut self, parameters: &[Value]) {
        self.is_impaired = true;
        if let Some((_, events)) = batch(parameters) {
            self.lost.extend(payments_named(&events).unwrap_or_default());
        }
    }

    /// Notes that a client was told that a payment was not charged.
    pub(crate) fn told_uncharged(&mut self, payment: PaymentId) {
        self.told_uncharged.insert(payment);
    }

    /// Tells whether storage has lost something in this world.
    pub(crate) const fn is_impaired(&self) -> bool {
        self.is_impaired
    }

    /// Tells whether storage has lost this payment.
    pub(crate) fn is_lost(&self, payment: &PaymentId) -> bool {
        self.lost.contains(payment)
    }
}

/// Returns the stream and the events of an append.
fn batch(parameters: &[Value]) -> Option<(StreamId, String)> {
    let [Value::Text(key), _, _, Value::Text(events), ..] = parameters else { return None };
    Some((StreamId::parse(key.strip_prefix("main/")?)?, events.clone()))
}

/// Returns the payments that events name.
fn payments_named(events: &str) -> Option<Vec<PaymentId>> {
    let events: serde_json::Value = serde_json::from_str(events).ok()?;
    let named = events.as_array()?.iter().filter_map(|event| event["payment"].as_str());
    Some(named.filter_map(PaymentId::parse).collect())
}

impl World {
    /// Enters an append that was written, and checks what must hold at any moment.
    pub(crate) fn written(&self, parameters: &[Value]) {
        let Some((stream, events)) = batch(parameters) else { return };
        self.trace.note(self.exec.now(), || format!("{stream}: {}", brief(&events)));
        let mut audit = self.audit.borrow_mut();
        audit.appends += 1;
        let deeds = audit.books.write(&stream, &events).unwrap_or_else(|error| panic!("{stream}: {error}"));
        audit.books.check_stream(&stream, self.wall());
        let mut chain = self.chain.borrow_mut();
        chain.advance(self.exec.now());
        let mut is_granted = false;
        let (mut bought, mut owed_back) = (None, None);
        for deed in deeds {
            if let Deed::Granted { payment, .. }
            | Deed::Owed { payment, .. }
            | Deed::GivenUp { payment, .. } = &deed
            {
                self.promises.borrow_mut().over(payment.clone(), self.exec.now());
            }
            match deed {
                Deed::Claimed { payment, payer, transaction, price, has_ticket, .. } => {
                    let transaction = Transaction::read(&transaction)
                        .unwrap_or_else(|| panic!("{payment:?} is no payment"));
                    if !audit.is_impaired {
                        let has_bought =
                            audit.books.payments().any(|paid| paid.is_granted && paid.payer == payer);
                        let claimed = Claimed { transaction: &transaction, price, has_ticket, has_bought };
                        self.check_claim(&stream, &claimed);
                        self.check_alone(&audit.books, &stream);
                    }
                    audit.blockhashes.insert(payment, transaction.blockhash);
                }
                Deed::Granted { payment, amount, seconds, session } => {
                    audit.grants += 1;
                    is_granted = true;
                    bought = Some(bought.unwrap_or_default() + seconds);
                    let landed = chain.landed(&payment).filter(|landed| landed.error.is_none());
                    let landed = landed.unwrap_or_else(|| panic!("granted unpaid (inv. 1): {payment:?}"));
                    assert_eq!(landed.transaction.amount, amount, "another amount than was paid (inv. 5)");
                    audit.books.check_session(&session);
                }
                Deed::Owed { payment, amount } => {
                    let landed = chain.landed(&payment).filter(|landed| landed.error.is_none());
                    let landed = landed.unwrap_or_else(|| panic!("owed unpaid (inv. 1): {payment:?}"));
                    assert_eq!(landed.transaction.amount, amount, "another amount than was paid (inv. 5)");
                }
                Deed::OwedBack { undelivered_ms } => owed_back = Some(undelivered_ms),
                Deed::GivenUp { payment, reason } => {
                    let landed = chain.landed(&payment).filter(|landed| landed.error.is_none());
                    if reason == EXPIRED && self.plan.faults.is_empty() {
                        self.check_given_up_in_time(&chain, &audit, &payment);
                    }
                    assert!(
                        landed.is_none(),
                        "given up though it was charged, as {reason} (inv. 3): {payment:?}"
                    );
                }
            }
        }
        drop(chain);
        if !audit.is_impaired && self.can_tell_time() {
            self.check_length(&audit.books, &stream, bought, owed_back);
        }
        if is_granted && stream.is_shared() {
            self.check_seats(&audit, &stream);
        }
        let ends_at = audit.books.open_until(&stream);
        let asset = stream.asset().to_string();
        if let Some(ends_at) = ends_at.filter(|_| is_granted && !stream.is_shared()) {
            // By the world's own time: the wall clock may be set while the session runs.
            let until = self.exec.now() + ends_at.millis_since(self.wall());
            let known = audit.paid_until(&asset);
            if until > known {
                audit.paid_until.insert(asset.clone(), until);
            }
            drop(audit);
            if self.plan.keeping == Keeping::Serve
                && let Some(world) = self.handle()
            {
                self.devices.watch(&world, &asset, until, SLACK_MS);
                if self.has_door(&asset) {
                    self.expect_open(&asset, until);
                }
            }
        }
    }

    /// Checks that no more sessions of a shared asset run than it has seats (invariant 1).
    fn check_seats(&self, audit: &Audit, stream: &StreamId) {
        let asset = stream.asset().as_str();
        let number = crate::world::shared(&self.plan).iter().position(|id| id == asset);
        let Some(seats) = number.map(|at| self.plan.shared[at]).filter(|seats| *seats > 0) else { return };
        if self.plan.rate(Fault::ClockStep) > 0 {
            return;
        }
        let now = self.wall();
        let runs = |stream: &&StreamId| audit.books.open_until(stream).is_some_and(|end| end > now);
        let running =
            audit.books.busy().iter().filter(|other| other.asset() == stream.asset()).filter(runs).count();
        assert!(running as u64 <= seats, "{asset} has {seats} seats, and {running} sessions run (inv. 1)");
    }

    /// Notes that the machine was restarted after it was away for this long.
    ///
    /// If its wall clock is wrong too, nothing tells how long it was away, and paid time goes on for as long.
    pub(crate) fn time_was_lost(&self, away: u64) {
        let Some(world) = self.handle().filter(|world| world.plan.rate(Fault::ClockStep) > 0) else { return };
        let mut audit = self.audit.borrow_mut();
        let running: Vec<_> =
            audit.paid_until.iter_mut().filter(|(_, until)| **until + away > self.exec.now()).collect();
        for (asset, until) in running {
            *until += away;
            self.devices.watch(&world, asset, *until, SLACK_MS);
        }
    }

    /// Enters that a door was opened or closed.
    pub(crate) fn moved(&self, asset: &str, was_open: bool, is_open: bool) {
        let now = self.exec.now();
        if was_open != is_open {
            self.trace.note(now, || format!("{asset} {}", if is_open { "opens" } else { "closes" }));
        }
        let paid = self.audit.borrow().paid_until(asset);
        assert!(
            !is_open || now <= paid + SLACK_MS,
            "{asset} was opened unpaid (inv. 4): paid until {paid}, it is {now}"
        );
    }

    /// Checks that a payment that never landed holds its asset no longer than it might have landed.
    fn check_given_up_in_time(&self, chain: &Chain, audit: &Audit, payment: &PaymentId) {
        let Some(blockhash) = audit.blockhashes.get(payment) else { return };
        let died_at =
            chain.blocks.died_at(blockhash).unwrap_or_else(|| panic!("given up before it was dead (inv. 3)"));
        let late = self.exec.now().saturating_sub(died_at);
        assert!(
            late <= HELD_MS,
            "an asset was held for nothing for {late} ms after the payment was dead: {payment:?}"
        );
    }

    /// Begins the books anew from a database that came back from an older copy.
    pub(crate) fn restored(&self) {
        self.trace.note(self.exec.now(), || "storage is back from an older copy".to_owned());
        let mut books = Books::default();
        books.is_clock_set = self.plan.rate(Fault::ClockStep) > 0;
        self.gateways.file().with(|database| {
            let mut journal = database
                .prepare("SELECT stream, events FROM journal ORDER BY stream, revision")
                .unwrap_or_else(|error| panic!("{error}"));
            let rows = journal.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
            for row in rows.unwrap_or_else(|error| panic!("{error}")) {
                let (key, events) = row.unwrap_or_else(|error| panic!("{error}"));
                let stream =
                    key.strip_prefix("main/").and_then(StreamId::parse).unwrap_or_else(|| panic!("{key}"));
                books.write(&stream, &events).unwrap_or_else(|error| panic!("{error}"));
            }
        });
        let mut audit = self.audit.borrow_mut();
        let gone: Vec<_> = audit
            .books
            .payments()
            .map(|paid| paid.payment)
            .filter(|id| books.payment(id).is_none())
            .collect();
        audit.lost.extend(gone);
        audit.is_impaired = true;
        audit.books = books;
    }

    /// Checks that no money is unaccounted for (invariant 2), and that nobody was told something untrue about it
    /// (invariant 3).
    pub(crate) fn check_money(&self) {
        let audit = self.audit.borrow();
        let chain = self.chain.borrow();
        let to = self.token_account(&self.merchant());
        for (id, landed) in chain.all_landed() {
            if landed.error.is_some() || landed.transaction.destination != to {
                continue;
            }
            let known = audit.books.payment(id);
            assert!(known.is_some() || audit.is_lost(id), "money vanished (inv. 2): {id:?}");
            assert!(
                !audit.told_uncharged.contains(id) || audit.is_lost(id),
                "its buyer was told that it was not charged (inv. 3): {id:?}"
            );
        }
    }

    /// Checks that the tables hold what follows from the events (invariants 1, 2, 5).
    pub(crate) fn check_tables(&self) {
        let audit = self.audit.borrow();
        audit.books.check_ledger();
        if self.plan.keeping == Keeping::Sharded {
            return;
        }
        let file = self.gateways.file();
        // Nothing is there before the first start has made the tables.
        if audit.appends > 0 {
            file.with(|database| audit.books.check_tables(database));
        }
    }

    /// Checks that the shards hold nothing for payments that are over (invariants 1, 2, 5).
    fn check_shards(&self, audit: &Audit) {
        let mut trusted = Vec::new();
        self.gateways.each_shard(|key, file| {
            if !file.has_tables.get() {
                return;
            }
            let count = |what: &str| {
                file.with(|database| {
                    database
                        .query_row(what, [], |row| row.get::<_, u64>(0))
                        .unwrap_or_else(|error| panic!("{key:?}: {error}"))
                })
            };
            match key {
                ShardKey::Payer(_) => {
                    assert_eq!(
                        count("SELECT count(*) FROM in_flight"),
                        0,
                        "{key:?} still counts a payment as in flight"
                    );
                    trusted.extend(file.with(Books::trusted));
                }
                ShardKey::Merchant => {
                    assert_eq!(count("SELECT count(*) FROM seat"), 0, "a seat is taken by nobody");
                    assert_eq!(
                        count("SELECT count(*) FROM reserved"),
                        0,
                        "a fee is still counted as in flight"
                    );
                }
                ShardKey::Payment(_) | ShardKey::Stream(_) => {}
            }
        });
        if audit.is_impaired {
            return;
        }
        // An update that took too long leaves a payer without the trust that it has earned, and a copy of one that came
        // too late adds none.
        audit.books.check_trust(&trusted, true);
    }

    /// Checks what must have come of everything once the world has healed.
    pub(crate) fn check_healed(self: &Rc<Self>) {
        self.check_money();
        self.check_gain();
        self.check_tables();
        let audit = self.audit.borrow();
        if self.plan.keeping == Keeping::Sharded {
            self.check_shards(&audit);
        }
        let now = self.exec.now();
        let busy: Vec<_> = audit.books.busy().iter().map(StreamId::to_string).collect();
        assert!(busy.is_empty(), "still in use long after it was over (liveness): {busy:?} at {now}");
        for paid in audit.books.payments() {
            assert!(paid.is_granted || paid.is_owed, "still in flight (liveness): {:?}", paid.payment);
        }
        if self.plan.keeping == Keeping::Serve {
            for asset in crate::world::doors(&self.plan) {
                // Nobody learns of it if the last thing that a device says is a lie.
                let (is_open, is_excused) = self.devices.state(&asset, now);
                assert!(!is_open || is_excused, "{asset} stands open after everything is over (inv. 4)");
            }
        }
    }
}

/// Returns the types of events, for a trace.
fn brief(events: &str) -> String {
    let events: serde_json::Value = serde_json::from_str(events).unwrap_or_default();
    let name = |event: &serde_json::Value| {
        let payment =
            event["payment"].as_str().map_or(String::new(), |id| format!(" {}", &id[..8.min(id.len())]));
        format!("{}{payment}", event["type"].as_str().unwrap_or("?"))
    };
    events.as_array().map(|all| all.iter().map(name).collect::<Vec<_>>().join(", ")).unwrap_or_default()
}
