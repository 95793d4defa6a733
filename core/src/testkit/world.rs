//! A small world to run a gateway in: a clock that only moves when everybody
//! waits, the real tables on a real SQLite, a chain that can be slow, deaf or
//! silent, and a fuse that ends everything at the n-th thing the gateway does.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use rusqlite::Connection;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::config::Config;
use crate::encoding::hex;
use crate::gateway::Deployment;
use crate::ids::{AssetId, PaymentId};
use crate::keys::{KeyRing, Secret};
use crate::money::Amount;
use crate::quote::{Nonce, Operation, QUOTE_SECONDS, Quote, Ticket};
use crate::rail::{Offered, svm_exact};
use crate::svm::build::Transfer;
use crate::svm::{Address, RecentBlockhash, TokenProgram, associated_token_account};
use crate::testkit::keys;
use crate::testkit::ledger::Ledger;
use crate::time::Timestamp;
use crate::x402::{Accepted, Payload, PaymentPayload};

/// 2026-11-20, some time in the morning.
pub const START: u64 = 1_795_165_429_123;

/// A merchant's API key in every world; the second of two.
pub const API_KEY: &str = "coinop_api_small-world";

/// What the chain does with a transaction that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Lands it at once.
    Prompt,
    /// Lands it, and answers the sender with an error.
    LandsButErrs,
    /// Takes it and forgets it.
    Drops,
    /// Lands it, and shows it only from this moment on (milliseconds).
    ShownFrom(u64),
}

/// The small world: what is configured, a clock, a database and a chain.
pub struct World {
    /// What the gateways of this world are made of.
    pub deployment: Deployment,
    /// What the chain does with the next transaction.
    pub chain: Cell<Chain>,
    pub(crate) ledger: Ledger,
    /// The journal's database.
    pub database: Connection,
    pub(super) wall: Cell<u64>,
    pub(super) mono: Cell<u64>,
    pub(super) boots: Cell<u64>,
    pub(super) wake_at: Cell<u64>,
    pub(super) drawn: Cell<u64>,
    pub(super) fuse: Cell<Option<u32>>,
    pub(super) crashed: Cell<bool>,
    /// Whether several run side by side, and whether one of them has let the others go on.
    pub(super) crowded: Cell<bool>,
    pub(super) yielded: Cell<bool>,
    /// How many transactions were sent.
    pub sends: Cell<u32>,
    /// How often the chain was asked about a payment that is not claimed yet.
    pub prepares: Cell<u32>,
    /// How long the next payment takes to be made ready, in milliseconds.
    pub slow_first: Cell<Option<u64>>,
    /// Our fee payers; one unless a test adds more.
    pub fee_payers: Vec<Address>,
    /// What each of them holds, in lamports.
    pub fee_payer_lamports: Cell<u64>,
    /// Whether others may spend from the accounts that pay.
    pub shared: Cell<bool>,
    /// What the operator was told.
    pub logged: RefCell<Vec<String>>,
    /// The blockhash that is offered to buyers.
    pub recent: Cell<Option<RecentBlockhash>>,
    /// Where journals are besides the database.
    pub other_journals: RefCell<Vec<Rc<Connection>>>,
}

fn count(database: &Connection, table: &str) -> rusqlite::Result<u64> {
    database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
}

impl World {
    /// On a database that nobody has prepared, at this moment.
    pub fn on(database: Connection, now: u64, doors: u32) -> Self {
        let asset = |id: &str| json!({"id": id, "price": "0.01", "unit": "minute", "max_quantity": 240, "device": {"driver": "simulated"}});
        let key = |text: &str| format!("sha256:{}", hex(&Sha256::digest(text)));
        let config = json!({
            "public_url": "http://127.0.0.1:8402",
            "merchant": {
                "pay_to": keys::address(&keys::merchant()),
                "tokens": ["USDC"],
                "api_keys": [key("another"), key(API_KEY)],
            },
            "solana": {"network": "devnet", "rpc_url": "http://127.0.0.1:8899"},
            "settlement": {"mode": "local"},
            "asset": (1..=doors).map(|number| asset(&format!("door-{number}"))).collect::<Vec<_>>(),
        });
        let config = Config::from_json(&config).unwrap();
        Self {
            deployment: Deployment { config, keys: KeyRing::new(&Secret::new([7; 32]), None) },
            chain: Cell::new(Chain::Prompt),
            ledger: Ledger::default(),
            database,
            wall: Cell::new(now),
            mono: Cell::new(now - START + 1_000),
            boots: Cell::new(1),
            wake_at: Cell::new(u64::MAX),
            drawn: Cell::new(0),
            fuse: Cell::new(None),
            crashed: Cell::new(false),
            crowded: Cell::new(false),
            yielded: Cell::new(false),
            sends: Cell::new(0),
            prepares: Cell::new(0),
            slow_first: Cell::new(None),
            fee_payers: vec![keys::address(&keys::fee_payer())],
            fee_payer_lamports: Cell::new(1_000_000_000),
            shared: Cell::new(false),
            logged: RefCell::default(),
            recent: Cell::new(None),
            other_journals: RefCell::default(),
        }
    }

    /// Runs futures side by side until all are done; `None` for each if the fuse blew.
    pub fn run_all<T>(&self, futures: Vec<Pin<Box<dyn Future<Output = T> + '_>>>) -> Vec<Option<T>> {
        let mut futures: Vec<_> = futures.into_iter().map(Some).collect();
        let mut results: Vec<Option<T>> = futures.iter().map(|_| None).collect();
        let mut context = Context::from_waker(Waker::noop());
        self.crowded.set(futures.len() > 1);
        while !self.crashed.get() && futures.iter().any(Option::is_some) {
            self.wake_at.set(u64::MAX);
            let mut progress = false;
            for (slot, result) in futures.iter_mut().zip(&mut results) {
                if let Some(future) = slot
                    && let Poll::Ready(value) = future.as_mut().poll(&mut context)
                {
                    (*slot, *result, progress) = (None, Some(value), true);
                }
            }
            if !progress && !self.yielded.take() && !self.crashed.get() {
                assert_ne!(self.wake_at.get(), u64::MAX, "everybody waits for nothing");
                self.advance(self.wake_at.get().saturating_sub(self.mono.get()));
            }
        }
        self.crashed.set(false);
        self.fuse.set(None);
        results
    }

    /// Runs a future to its end; `None` if the fuse blew.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.run_all(vec![Box::pin(future)]).pop().flatten()
    }

    /// Ends everything at the `n`-th thing that is done from now on, counted from 0.
    pub fn blow_at(&self, n: u32) {
        self.fuse.set(Some(n));
    }

    pub(crate) async fn point(&self) {
        match self.fuse.get() {
            Some(0) => {
                self.crashed.set(true);
                std::future::pending::<()>().await;
            }
            Some(n) => self.fuse.set(Some(n - 1)),
            None => {}
        }
    }

    /// Lets the others go on first, at the same moment.
    pub(super) async fn turn(&self) {
        let mut waits = self.crowded.get();
        std::future::poll_fn(|_| {
            self.yielded.set(self.yielded.get() || waits);
            if std::mem::take(&mut waits) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// Both clocks go on by this many milliseconds.
    pub fn advance(&self, ms: u64) {
        self.wall.set(self.wall.get() + ms);
        self.mono.set(self.mono.get() + ms);
    }

    /// The wall clock alone jumps back.
    pub fn jump_back(&self, ms: u64) {
        self.wall.set(self.wall.get() - ms);
    }

    /// The machine is started anew: another monotonic clock.
    pub fn reboot(&self) {
        self.boots.set(self.boots.get() + 1);
        self.mono.set(500);
    }

    /// Returns the moment by the wall clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall.get())
    }

    /// Gives buyer `who` exactly this much to pay with.
    pub fn fund(&self, who: u8, amount: u64) {
        let mint = self.deployment.config.merchant.tokens[0].token.mint;
        let owner = keys::address(&keys::numbered(who));
        self.ledger.fund(associated_token_account(&owner, &mint, TokenProgram::Spl).unwrap(), amount);
    }

    /// How many payments the chain holds that moved money.
    pub fn charged(&self) -> usize {
        self.ledger.count(false)
    }

    /// How many payments the chain holds that have cost their fee and moved nothing.
    pub fn bounced(&self) -> usize {
        self.ledger.count(true)
    }

    /// Puts a payment on chain behind the gateway's back.
    pub fn land(&self, payment: &PaymentPayload) {
        let transaction = crate::svm::transaction::Transaction::decode(payment.transaction()).unwrap();
        let id = PaymentId::of_message(&transaction.message_bytes);
        self.ledger.put(id, moved(payment.transaction()));
    }

    /// Returns how many rows stand in a table, or follow `FROM`.
    pub fn count(&self, table: &str) -> u64 {
        count(&self.database, table).unwrap()
    }

    /// Returns how many rows stand there in all journals. Where nothing was ever appended there are no tables.
    pub(super) fn count_in_journals(&self, table: &str) -> u64 {
        let own = count(&self.database, table).unwrap_or_default();
        let others = self.other_journals.borrow();
        others.iter().fold(own, |sum, other| sum + count(other, table).unwrap_or_default())
    }

    /// From now on nothing can be read or written.
    pub fn database_is_gone(&self) {
        for view in ["batch", "head", "journal", "payment"] {
            let kind = if view == "batch" { "VIEW" } else { "TABLE" };
            self.database.execute(&format!("DROP {kind} {view}"), []).unwrap();
        }
    }

    /// The rows of a query's first column, as text.
    pub fn texts(&self, query: &str) -> Vec<String> {
        let mut statement = self.database.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        rows.map(|value| format!("{:?}", value.unwrap())).collect()
    }

    /// How SQLite would find what a statement asks for.
    pub fn query_plan(&self, statement: &str) -> String {
        let mut prepared = self.database.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let parameters = vec![rusqlite::types::Value::Null; prepared.parameter_count()];
        let rows = prepared.query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>(3));
        rows.unwrap().map(Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    /// What the fee payer may have spent today, in lamports.
    pub fn fees_today(&self) -> u64 {
        let day = self.now().day();
        self.database
            .query_row("SELECT lamports FROM fee WHERE day = ?1", [day], |row| row.get(0))
            .unwrap_or_default()
    }

    /// All events of an asset, as they were written.
    pub fn events(&self, asset: &str) -> Vec<serde_json::Value> {
        let mut statement =
            self.database.prepare("SELECT events FROM journal WHERE stream = ?1 ORDER BY revision").unwrap();
        let rows = statement.query_map([format!("main/{asset}")], |row| row.get::<_, String>(0)).unwrap();
        rows.flat_map(|text| serde_json::from_str::<Vec<serde_json::Value>>(&text.unwrap()).unwrap())
            .collect()
    }

    /// Returns the asset of this id in the configuration.
    pub fn asset(&self, id: &str) -> &crate::config::Asset {
        self.deployment.config.asset(&AssetId::parse(id).unwrap()).unwrap()
    }

    /// A number that was not drawn before.
    pub(super) fn draw(&self) -> u64 {
        self.drawn.set(self.drawn.get() + 1);
        self.drawn.get()
    }

    /// A ticket as a 402 would offer it.
    pub fn ticket(&self, asset: &str, operation: Operation, quantity: u64) -> (Ticket, Quote) {
        let config = &self.deployment.config;
        let offered = svm_exact::Offered {
            token: config.merchant.tokens[0].token.clone(),
            pay_to: config.merchant.pay_to,
            fee_payer: self.fee_payers[0],
        };
        let asset = self.asset(asset);
        let priced = asset.tariff.quote(Some(quantity), offered.token.decimals).unwrap();
        let quote = Quote {
            operation,
            asset: asset.id.clone(),
            generation: 0,
            is_shared: asset.capacity.is_shared(),
            quantity,
            allowance: priced.allowance(),
            amount: priced.amount,
            offered: Offered::SvmExact(offered),
            expires_at: self.now().plus_seconds(QUOTE_SECONDS),
            nonce: self.nonce(),
        };
        (quote.seal(&self.deployment.keys, config).unwrap(), quote)
    }

    /// A v2 payment of buyer `who` for that ticket.
    pub fn pay(&self, who: u8, ticket: &Ticket, quote: &Quote) -> PaymentPayload {
        let memo = quote.memo(&self.deployment.keys);
        self.pay_with_memo(who, ticket, quote, Some(memo.as_str()))
    }

    /// The same with another memo, or none.
    pub fn pay_with_memo(
        &self,
        who: u8,
        ticket: &Ticket,
        quote: &Quote,
        memo: Option<&str>,
    ) -> PaymentPayload {
        let transaction = self.transfer(who, quote.amount, memo);
        PaymentPayload { accepted: quote.accepted(ticket), payload: Payload::SvmExact(transaction) }
    }

    fn nonce(&self) -> Nonce {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.draw().to_be_bytes());
        nonce
    }

    /// A v1 payment of buyer `who`.
    pub fn pay_v1(&self, who: u8, amount: u64) -> PaymentPayload {
        let transaction = self.transfer(who, Amount::new(amount), None);
        PaymentPayload { accepted: Accepted::V1, payload: Payload::SvmExact(transaction) }
    }

    fn transfer(&self, who: u8, amount: Amount, memo: Option<&str>) -> Vec<u8> {
        let mut blockhash = [0; 32];
        blockhash[..8].copy_from_slice(&self.draw().to_be_bytes());
        let token = &self.deployment.config.merchant.tokens[0].token;
        let transfer = Transfer {
            fee_payer: keys::address(&keys::fee_payer()),
            pay_to: self.deployment.config.merchant.pay_to,
            mint: token.mint,
            decimals: 6,
            program: TokenProgram::Spl,
            amount,
            blockhash,
            memo,
        };
        transfer.sign(&keys::numbered(who)).unwrap().encode().unwrap()
    }
}

/// How much the transfer of these bytes moves: whatever anybody says of it.
pub(super) fn moved(transaction: &[u8]) -> u64 {
    let transaction = crate::svm::transaction::Transaction::decode(transaction).unwrap();
    let message = &transaction.message;
    let is_token =
        |program: u8| crate::svm::TokenProgram::at(&message.accounts[usize::from(program)]).is_some();
    let data = &message.instructions.iter().find(|i| is_token(i.program)).unwrap().data;
    u64::from_le_bytes(data[1..9].try_into().unwrap())
}
