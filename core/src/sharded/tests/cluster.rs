//! Runs all shards of a merchant in one process, each with its own database and alarm, and with messages that may fail.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use rusqlite::Connection;

use super::site::{Shop, Site, SitePorts};
use crate::gateway::{BuyRequest, Gateway, Sale, SaleError};
use crate::ids::{PaymentId, StreamId};
use crate::ports::{Clock as _, PortError};
use crate::quote::Operation;
use crate::sharded::join::Boxed;
use crate::sharded::{
    AGAIN_MS, MerchantShard, PayerShard, PaymentShard, Publication, ShardKey, ShardPorts as _, ShardServer,
    ShardedJournal, StreamShard,
};
use crate::store::{Sql, Value};
use crate::testkit::keys;
use crate::testkit::world::{START, World};
use crate::time::Timestamp;
use crate::x402::PaymentPayload;

/// How a message fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It never arrives, and the sender hears nothing.
    Lost,
    /// It arrives, but its answer does not.
    AnswerLost,
    /// It arrives twice, and the sender gets the second answer.
    Twice,
    /// It arrives when [`Cluster::let_late_ones_arrive`] is called; the sender hears nothing.
    Late,
    /// Everything is cut off before it arrives.
    CutOff,
    /// Everything is cut off after it is carried out and before its answer arrives.
    CutOffBehind,
    /// It never arrives, and the sender waits as long as it waits for any answer.
    Silence,
}

/// How long a sender waits for an answer, in milliseconds.
pub(super) const SILENCE_MS: u64 = 10_000;

/// Every way in which a message can fail, but for the time that it takes.
pub(super) const FAULTS: [Fault; 6] =
    [Fault::Lost, Fault::AnswerLost, Fault::Twice, Fault::Late, Fault::CutOff, Fault::CutOffBehind];

/// How an append to a stream's journal fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AppendFault {
    /// Everything is cut off before it.
    CutOff,
    /// It is written but answered with an error.
    WrittenButErrs,
    /// It is not written, and answered with an error.
    Errs,
}

/// Chooses how a message fails, from its number, its shard and its request.
type Spoil = Box<dyn Fn(usize, &ShardKey, &str) -> Option<Fault>>;

/// All shards. The first door's journal is in the world's database.
pub(super) struct Cluster {
    pub(super) world: World,
    pub(super) sites: RefCell<BTreeMap<ShardKey, Rc<Site>>>,
    pub(super) spoil: RefCell<Spoil>,
    /// How the next append fails.
    pub(super) spoil_append: Cell<Option<AppendFault>>,
    /// How long messages take to arrive, in milliseconds, taken from the end. Once the list is empty,
    /// messages take no time.
    pub(super) delays: RefCell<Vec<u64>>,
    pub(super) late: RefCell<Vec<(ShardKey, &'static str, String)>>,
    /// Every message sent, such as `payer reserve`.
    pub(super) sent: RefCell<Vec<String>>,
    /// What was published to the catalogue's readers.
    pub(super) published: RefCell<Vec<Publication>>,
    /// How long the catalogue's readers take to answer, in milliseconds.
    pub(super) readers_take: Cell<u64>,
    /// Whether the catalogue's readers are unreachable.
    pub(super) readers_are_gone: Cell<bool>,
    /// How long the latest purchase took until it could be answered, in milliseconds.
    pub(super) answered_in: Cell<u64>,
}

pub(super) fn door(number: u8) -> StreamId {
    StreamId::parse(&format!("door-{number}")).unwrap()
}

pub(super) fn asset(number: u8) -> ShardKey {
    ShardKey::Stream(door(number))
}

pub(super) fn payer(who: u8) -> ShardKey {
    ShardKey::Payer(keys::account(who))
}

pub(super) fn id_of(payment: &PaymentPayload) -> PaymentId {
    let transaction = crate::svm::transaction::Transaction::decode(payment.transaction()).unwrap();
    PaymentId::of_message(&transaction.message_bytes)
}

impl Cluster {
    pub(super) fn new() -> Self {
        let mut world = World::on(Connection::open_in_memory().unwrap(), START, 2);
        // No host works devices where each stream has a database of its own.
        for asset in world.deployment.config.assets.iter_mut() {
            asset.device = None;
        }
        Self {
            world,
            sites: RefCell::default(),
            spoil: RefCell::new(Box::new(|_, _, _| None)),
            spoil_append: Cell::new(None),
            delays: RefCell::default(),
            late: RefCell::default(),
            sent: RefCell::default(),
            published: RefCell::default(),
            readers_take: Cell::new(0),
            readers_are_gone: Cell::new(false),
            answered_in: Cell::new(0),
        }
    }

    /// Makes messages fail from now on. They are counted from 0.
    pub(super) fn spoil(&self, spoil: impl Fn(usize, &ShardKey, &str) -> Option<Fault> + 'static) {
        self.sent.borrow_mut().clear();
        *self.spoil.borrow_mut() = Box::new(spoil);
    }

    /// Lets every message succeed from now on.
    pub(super) fn mend(&self) {
        self.spoil(|_, _, _| None);
    }

    /// Returns how many messages were sent since the last change of what fails.
    pub(super) fn count(&self) -> usize {
        self.sent.borrow().len()
    }

    fn site(&self, key: &ShardKey) -> Rc<Site> {
        let mut sites = self.sites.borrow_mut();
        let make = || {
            let own = (*key != asset(1)).then(|| Rc::new(Connection::open_in_memory().unwrap()));
            if let (ShardKey::Stream(_), Some(own)) = (key, &own) {
                self.world.other_journals.borrow_mut().push(Rc::clone(own));
            }
            Rc::new(Site { database: own, ..Site::default() })
        };
        Rc::clone(sites.entry(key.clone()).or_insert_with(make))
    }

    pub(super) fn ports(&self, key: &ShardKey) -> SitePorts<'_> {
        SitePorts { cluster: self, site: self.site(key) }
    }

    pub(super) fn journal(&self, number: u8) -> ShardedJournal<SitePorts<'_>> {
        ShardedJournal::of_stream(self.ports(&asset(number)), "main".to_owned())
    }

    pub(super) fn has_tables(&self, key: &ShardKey) -> bool {
        self.site(key).has_tables.get()
    }

    pub(super) fn alarm(&self, key: &ShardKey) -> Option<Timestamp> {
        self.site(key).alarm.get()
    }

    /// Returns the number that a query yields; 0 where there are no tables.
    pub(super) fn number(&self, key: &ShardKey, query: &str) -> i64 {
        let rows = self.world.run(self.ports(key).run(query, &[])).unwrap().unwrap();
        match rows.first().and_then(|row| row.first()) {
            Some(Value::Integer(number)) => *number,
            None => 0,
            other => panic!("{query}: {other:?}"),
        }
    }

    /// Leaves of a shard's tables only those that its first statements make, as if storage had failed then.
    pub(super) fn keep_tables(&self, key: &ShardKey, tables: &[&str]) {
        let ports = self.ports(key);
        self.world.run(ports.delete()).unwrap().unwrap();
        let ports = self.ports(key);
        ports.begin();
        for table in tables {
            self.world.run(ports.run(table, &[])).unwrap().unwrap();
        }
    }

    /// Returns how many attempts hold something in a shard.
    pub(super) fn holds(&self, key: &ShardKey) -> i64 {
        self.number(key, "SELECT count(*) FROM hold")
    }

    /// Returns what the merchant's shard counts as spent, in lamports.
    pub(super) fn fees(&self) -> i64 {
        self.number(&ShardKey::Merchant, "SELECT coalesce(sum(spent), 0) FROM fee_budget")
    }

    /// Returns what the first buyer is trusted with, in lamports.
    pub(super) fn trust(&self) -> i64 {
        self.number(&payer(1), "SELECT coalesce(sum(lamports), 0) FROM trust")
    }

    /// Sends a shard a request, or lets its alarm go off.
    pub(super) async fn at(&self, key: &ShardKey, asked: Option<(&str, &str)>) -> Result<String, PortError> {
        let ports = self.ports(key);
        macro_rules! serve {
            ($handler:ident) => {{
                let server = ShardServer::new($handler::new(ports.clone()), ports);
                match asked {
                    Some((request, body)) => server.answer(request, body).await,
                    None => {
                        server.run_due().await;
                        Ok(String::new())
                    }
                }
            }};
        }
        match key {
            ShardKey::Payer(_) => serve!(PayerShard),
            ShardKey::Payment(_) => serve!(PaymentShard),
            ShardKey::Merchant => serve!(MerchantShard),
            ShardKey::Stream(_) => {
                let shop = Shop::writing(&self.world, ShardedJournal::of_stream(ports, "main".to_owned()));
                let shard = StreamShard::new(Gateway::new(&self.world.deployment, &shop));
                match asked {
                    Some((request, body)) => shard.answer(request, body).await,
                    None => shard.run_due().await.map(|()| String::new()),
                }
            }
        }
    }

    /// Sends a shard a message from outside. Returns `None` if everything was cut off.
    pub(super) fn ask(&self, key: &ShardKey, request: &str, body: &str) -> Option<Result<String, PortError>> {
        self.world.run(self.at(key, Some((request, body))))
    }

    /// Delivers the late messages. A reservation that is too late is refused.
    pub(super) fn let_late_ones_arrive(&self) {
        for (key, request, body) in self.late.take() {
            drop(self.ask(&key, request, &body).unwrap());
        }
    }

    /// Lets a shard's alarm go off, as a platform does.
    pub(super) fn go_off(&self, key: &ShardKey) {
        self.site(key).alarm.set(Some(self.world.now().plus_millis(AGAIN_MS)));
        if let Some(Err(error)) = self.world.run(self.at(key, None)) {
            self.world.logged.borrow_mut().push(error.to_string());
        }
    }

    /// Lets the alarms that are due go off, one after the other.
    pub(super) fn go_off_if_due(&self) {
        let due: Vec<ShardKey> =
            self.armed().filter(|(at, _)| *at <= self.world.now()).map(|(_, key)| key).collect();
        for key in due {
            self.go_off(&key);
        }
    }

    /// Advances time and lets alarms go off until none is armed.
    pub(super) fn rest(&self) {
        for _ in 0..200 {
            let Some((at, _)) = self.armed().min() else { return };
            self.world.advance(at.millis_since(self.world.now()));
            self.go_off_if_due();
        }
        panic!("it never comes to rest: {:?}", self.armed().collect::<Vec<_>>());
    }

    fn armed(&self) -> impl Iterator<Item = (Timestamp, ShardKey)> {
        let sites = self.sites.borrow();
        let armed = sites.iter().filter_map(|(key, site)| Some((site.alarm.get()?, key.clone())));
        armed.collect::<Vec<_>>().into_iter()
    }

    /// Buys at the first door as a platform does: the other shards get their updates before the answer.
    pub(super) fn buy(&self, payment: &PaymentPayload) -> Option<Result<Sale, SaleError>> {
        self.buy_in(&door(1), payment)
    }

    /// Buys in another stream of that asset.
    pub(super) fn buy_in(
        &self,
        stream: &StreamId,
        payment: &PaymentPayload,
    ) -> Option<Result<Sale, SaleError>> {
        self.world.run(self.purchase(stream, payment))
    }

    /// Buys the asset of the first door with all of these payments at once, each in its stream.
    pub(super) fn buy_at_once(
        &self,
        buys: &[(StreamId, PaymentPayload)],
    ) -> Vec<Option<Result<Sale, SaleError>>> {
        let mut all: Vec<Boxed<'_, Result<Sale, SaleError>>> = Vec::new();
        for (stream, payment) in buys {
            all.push(Box::pin(self.purchase(stream, payment)));
        }
        self.world.run_all(all)
    }

    async fn purchase(&self, stream: &StreamId, payment: &PaymentPayload) -> Result<Sale, SaleError> {
        let ports = self.ports(&ShardKey::Stream(stream.clone()));
        let journal = ShardedJournal::of_stream(ports, "main".to_owned());
        let shop = Shop::writing(&self.world, journal);
        let id = door(1);
        let buy = BuyRequest::new(id.asset(), Operation::Access, payment);
        shop.journal.open().await.unwrap();
        let began = self.world.now();
        let outcome = Gateway::new(&self.world.deployment, &shop).buy(&buy).await;
        let answered = || self.answered_in.set(self.world.now().millis_since(began));
        StreamShard::new(Gateway::new(&self.world.deployment, &shop)).tidy(answered).await;
        outcome
    }

    /// Cuts everything off here.
    pub(super) async fn cut_off(&self) {
        self.world.blow_at(0);
        self.world.sleep(1).await;
    }
}
