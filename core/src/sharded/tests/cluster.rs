//! All shards of a merchant in one process: each with its own database and alarm, and messages between them that may go
//! wrong.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use rusqlite::Connection;

use super::site::{Shop, Site, SitePorts};
use crate::gateway::{Buy, Gateway, Sale, SaleError};
use crate::ids::{PaymentId, StreamId};
use crate::ports::{Clock as _, PortError};
use crate::quote::Operation;
use crate::sharded::join::Boxed;
use crate::sharded::{
    AGAIN_MS, MerchantBook, PayerBook, PaymentBook, Publication, ShardKey, ShardServer, ShardedJournal,
    StreamShard,
};
use crate::store::{Sql, Value};
use crate::testkit::keys;
use crate::testkit::world::{START, World};
use crate::time::Timestamp;
use crate::x402::Payment;

/// What goes wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It never arrives, and whoever sent it hears nothing.
    Lost,
    /// It arrives, and its answer does not.
    AnswerLost,
    /// It arrives twice, and the second answer is taken.
    Twice,
    /// It arrives when [`Cluster::let_late_ones_arrive`] is called; whoever sent it hears nothing.
    Late,
    /// Everything ends before it arrives.
    CutOff,
    /// Everything ends when it was carried out, before its answer arrives.
    CutOffBehind,
}

/// Everything that can go wrong with one message.
pub(super) const FAULTS: [Fault; 6] =
    [Fault::Lost, Fault::AnswerLost, Fault::Twice, Fault::Late, Fault::CutOff, Fault::CutOffBehind];

/// What goes wrong with an asset's append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AppendFault {
    /// Everything ends before it.
    CutOff,
    /// It is written, and answered with an error.
    WrittenButErrs,
    /// It is not written, and answered with an error.
    Errs,
}

/// Says what goes wrong with a message: the how manieth it is, whom it is for, and what it asks.
type Spoil = Box<dyn Fn(usize, &ShardKey, &str) -> Option<Fault>>;

/// The shards. The first door's journal is in the world's database.
pub(super) struct Cluster {
    pub(super) world: World,
    pub(super) sites: RefCell<BTreeMap<ShardKey, Rc<Site>>>,
    pub(super) spoil: RefCell<Spoil>,
    /// What goes wrong with the next append.
    pub(super) spoil_append: Cell<Option<AppendFault>>,
    /// How long each message takes to arrive, in milliseconds; the later ones take no time.
    pub(super) delays: RefCell<Vec<u64>>,
    pub(super) late: RefCell<Vec<(ShardKey, &'static str, String)>>,
    /// Every message that was sent, as `payer reserve`.
    pub(super) sent: RefCell<Vec<String>>,
    /// What the catalogue's readers were given.
    pub(super) published: RefCell<Vec<Publication>>,
    /// How long the catalogue's readers take to answer, in milliseconds.
    pub(super) readers_take: Cell<u64>,
    /// Whether the catalogue's readers can't be reached.
    pub(super) readers_are_gone: Cell<bool>,
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

/// The id of a payment.
pub(super) fn id_of(payment: &Payment) -> PaymentId {
    let transaction = crate::svm::transaction::Transaction::decode(payment.transaction()).unwrap();
    PaymentId::of_message(&transaction.message_bytes)
}

impl Cluster {
    pub(super) fn new() -> Self {
        Self {
            world: World::on(Connection::open_in_memory().unwrap(), START, 2),
            sites: RefCell::default(),
            spoil: RefCell::new(Box::new(|_, _, _| None)),
            spoil_append: Cell::new(None),
            delays: RefCell::default(),
            late: RefCell::default(),
            sent: RefCell::default(),
            published: RefCell::default(),
            readers_take: Cell::new(0),
            readers_are_gone: Cell::new(false),
        }
    }

    /// From now on this goes wrong. Messages are counted from 0.
    pub(super) fn spoil(&self, spoil: impl Fn(usize, &ShardKey, &str) -> Option<Fault> + 'static) {
        self.sent.borrow_mut().clear();
        *self.spoil.borrow_mut() = Box::new(spoil);
    }

    /// From now on nothing goes wrong.
    pub(super) fn mend(&self) {
        self.spoil(|_, _, _| None);
    }

    /// How many messages were sent since anything was spoiled or mended.
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

    /// The number that a query gives; 0 where there are no tables.
    pub(super) fn number(&self, key: &ShardKey, query: &str) -> i64 {
        let rows = self.world.run(self.ports(key).run(query, &[])).unwrap().unwrap();
        match rows.first().and_then(|row| row.first()) {
            Some(Value::Integer(number)) => *number,
            None => 0,
            other => panic!("{query}: {other:?}"),
        }
    }

    /// How many attempts hold something in a shard.
    pub(super) fn holds(&self, key: &ShardKey) -> i64 {
        self.number(key, "SELECT count(*) FROM hold")
    }

    /// What the merchant's shard counts as spent, in lamports.
    pub(super) fn fees(&self) -> i64 {
        self.number(&ShardKey::Merchant, "SELECT coalesce(sum(lamports), 0) FROM fee")
    }

    /// Asks a shard something, or has its alarm go off.
    pub(super) async fn at(&self, key: &ShardKey, asked: Option<(&str, &str)>) -> Result<String, PortError> {
        let ports = self.ports(key);
        macro_rules! serve {
            ($book:ident) => {{
                let server = ShardServer::new($book::new(ports.clone()), ports);
                match asked {
                    Some((question, body)) => server.answer(question, body).await,
                    None => {
                        server.carry_out().await;
                        Ok(String::new())
                    }
                }
            }};
        }
        match key {
            ShardKey::Payer(_) => serve!(PayerBook),
            ShardKey::Payment(_) => serve!(PaymentBook),
            ShardKey::Merchant => serve!(MerchantBook),
            ShardKey::Stream(_) => {
                let shop =
                    Shop { world: &self.world, journal: ShardedJournal::of_stream(ports, "main".to_owned()) };
                let shard = StreamShard::new(Gateway::new(&self.world.deployment, &shop));
                match asked {
                    Some((question, body)) => shard.answer(question, body).await,
                    None => shard.carry_out().await.map(|()| String::new()),
                }
            }
        }
    }

    /// Sends a shard a message from outside. `None` if everything ended.
    pub(super) fn ask(
        &self,
        key: &ShardKey,
        question: &str,
        body: &str,
    ) -> Option<Result<String, PortError>> {
        self.world.run(self.at(key, Some((question, body))))
    }

    /// What was late arrives.
    pub(super) fn let_late_ones_arrive(&self) {
        for (key, question, body) in self.late.take() {
            self.ask(&key, question, &body).unwrap().unwrap();
        }
    }

    /// A shard's alarm goes off, as a platform does it.
    pub(super) fn go_off(&self, key: &ShardKey) {
        self.site(key).alarm.set(Some(self.world.now().plus_millis(AGAIN_MS)));
        if let Some(Err(error)) = self.world.run(self.at(key, None)) {
            self.world.logged.borrow_mut().push(error.to_string());
        }
    }

    /// The alarms that are due go off, one after the other.
    pub(super) fn go_off_if_due(&self) {
        let due: Vec<ShardKey> =
            self.armed().filter(|(at, _)| *at <= self.world.now()).map(|(_, key)| key).collect();
        for key in due {
            self.go_off(&key);
        }
    }

    /// Time passes, and alarms go off, until none is armed.
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

    /// Buys at the first door, as a platform does it: the others are told before the answer.
    pub(super) fn buy(&self, payment: &Payment) -> Option<Result<Sale, SaleError>> {
        self.buy_in(&door(1), payment)
    }

    /// The same in another stream of that asset.
    pub(super) fn buy_in(&self, stream: &StreamId, payment: &Payment) -> Option<Result<Sale, SaleError>> {
        self.world.run(self.purchase(stream, payment))
    }

    /// Buys the first door's asset with all of these payments at once, each in its stream.
    pub(super) fn buy_at_once(&self, buys: &[(StreamId, Payment)]) -> Vec<Option<Result<Sale, SaleError>>> {
        let mut all: Vec<Boxed<'_, Result<Sale, SaleError>>> = Vec::new();
        for (stream, payment) in buys {
            all.push(Box::pin(self.purchase(stream, payment)));
        }
        self.world.run_all(all)
    }

    async fn purchase(&self, stream: &StreamId, payment: &Payment) -> Result<Sale, SaleError> {
        let ports = self.ports(&ShardKey::Stream(stream.clone()));
        let journal = ShardedJournal::of_stream(ports, "main".to_owned());
        let shop = Shop { world: &self.world, journal };
        let id = door(1);
        let buy = Buy {
            asset: id.asset(),
            operation: Operation::Access,
            stream: None,
            quantity: None,
            payment,
            impatient: false,
        };
        shop.journal.open().await.unwrap();
        let outcome = Gateway::new(&self.world.deployment, &shop).buy(&buy).await;
        StreamShard::new(Gateway::new(&self.world.deployment, &shop)).tidy().await;
        outcome
    }

    /// Everything ends here.
    pub(super) async fn cut_off(&self) {
        self.world.blow_at(0);
        self.world.sleep(1).await;
    }
}
