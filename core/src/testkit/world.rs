//! A test world in which gateways run. Its clock moves only when all futures wait, its tables are real ones on a
//! real SQLite, its chain can be slow or silent, and its fuse cuts everything off at the n-th action of the gateway.

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

/// In the morning of 2026-11-20, in milliseconds since the epoch.
pub const START: u64 = 1_795_165_429_123;

/// A merchant's API key in every world. It is the second of two.
pub const API_KEY: &str = "coinop_api_small-world";

/// What the chain does with a transaction that it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Lands it at once.
    Prompt,
    /// Lands it, and answers the sender with an error.
    LandsButErrs,
    /// Accepts it and forgets it.
    Drops,
    /// Lands it, but shows it only from this moment on, in milliseconds since the epoch.
    ShownFrom(u64),
}

/// The test world: a configuration, a clock, a database and a chain.
pub struct World {
    /// The deployment of this world's gateways.
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
    /// Whether several futures run side by side. `yielded` says whether one of them has let the others continue.
    pub(super) crowded: Cell<bool>,
    pub(super) yielded: Cell<bool>,
    /// How many transactions were sent.
    pub sends: Cell<u32>,
    /// How often the chain was asked to simulate a payment before its claim.
    pub prepares: Cell<u32>,
    /// How often the chain was searched for a payment that the journal does not know.
    pub finds: Cell<u32>,
    /// How long the next payment's preparation takes, in milliseconds.
    pub slow_first: Cell<Option<u64>>,
    /// The gateway's fee payers; one unless a test adds more.
    pub fee_payers: Vec<Address>,
    /// What each fee payer holds, in lamports.
    pub fee_payer_lamports: Cell<u64>,
    /// Whether others may spend from the paying accounts.
    pub shared: Cell<bool>,
    /// The lines logged for the operator.
    pub logged: RefCell<Vec<String>>,
    /// The blockhash that is offered to buyers.
    pub recent: Cell<Option<RecentBlockhash>>,
    /// Databases with further journals.
    pub other_journals: RefCell<Vec<Rc<Connection>>>,
}

fn count(database: &Connection, table: &str) -> rusqlite::Result<u64> {
    database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
}

impl World {
    /// Returns a world at this moment, on a database without tables.
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
            deployment: Deployment { config, keys: KeyRing::new(&Secret::new([7; 32]), None), epoch: 0 },
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
            finds: Cell::new(0),
            slow_first: Cell::new(None),
            fee_payers: vec![keys::address(&keys::fee_payer())],
            fee_payer_lamports: Cell::new(1_000_000_000),
            shared: Cell::new(false),
            logged: RefCell::default(),
            recent: Cell::new(None),
            other_journals: RefCell::default(),
        }
    }

    /// Runs futures side by side until all are done. Each result is `None` if the fuse blew first.
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

    /// Runs a future to its end. Returns `None` if the fuse blew.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.run_all(vec![Box::pin(future)]).pop().flatten()
    }

    /// Cuts everything off at the `n`-th action from now on, counted from 0.
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

    /// Lets the others continue first, at the same moment.
    pub(super) async fn turn(&self) {
        let mut waits = self.crowded.get();
        std::future::poll_fn(|_| {
            self.yielded.set(self.yielded.get() || waits);
            if std::mem::take(&mut waits) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// Advances both clocks by this many milliseconds.
    pub fn advance(&self, ms: u64) {
        self.wall.set(self.wall.get() + ms);
        self.mono.set(self.mono.get() + ms);
    }

    /// Sets only the wall clock back by this many milliseconds.
    pub fn jump_back(&self, ms: u64) {
        self.wall.set(self.wall.get() - ms);
    }

    /// Sets only the wall clock forward by this many milliseconds.
    pub fn jump(&self, ms: u64) {
        self.wall.set(self.wall.get() + ms);
    }

    /// Restarts the machine, which starts a new monotonic clock.
    pub fn reboot(&self) {
        self.boots.set(self.boots.get() + 1);
        self.mono.set(500);
    }

    /// Returns the current wall-clock time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall.get())
    }

    /// Gives buyer `who` exactly this much to pay with, in atomic units.
    pub fn fund(&self, who: u8, amount: u64) {
        let mint = self.deployment.config.merchant.tokens[0].token.mint;
        let owner = keys::address(&keys::numbered(who));
        self.ledger.fund(associated_token_account(&owner, &mint, TokenProgram::Spl).unwrap(), amount);
    }

    /// Returns how many payments on the chain have moved money.
    pub fn charged(&self) -> usize {
        self.ledger.count(false)
    }

    /// Returns how many payments on the chain have cost their fee and moved nothing.
    pub fn bounced(&self) -> usize {
        self.ledger.count(true)
    }

    /// Puts a payment on the chain without the gateway.
    pub fn land(&self, payment: &PaymentPayload) {
        let transaction = crate::svm::transaction::Transaction::decode(payment.transaction()).unwrap();
        let id = PaymentId::of_message(&transaction.message_bytes);
        self.ledger.put(id, moved(payment.transaction()));
    }

    /// Returns how many rows a table has; `table` is what follows `FROM`.
    pub fn count(&self, table: &str) -> u64 {
        count(&self.database, table).unwrap()
    }

    /// Returns how many rows there are in all journals. A journal without appends has no tables.
    pub(super) fn count_in_journals(&self, table: &str) -> u64 {
        let own = count(&self.database, table).unwrap_or_default();
        let others = self.other_journals.borrow();
        others.iter().fold(own, |sum, other| sum + count(other, table).unwrap_or_default())
    }

    /// Makes every further read and write fail.
    pub fn database_is_gone(&self) {
        for view in ["batch", "head", "journal", "payment"] {
            let kind = if view == "batch" { "VIEW" } else { "TABLE" };
            self.database.execute(&format!("DROP {kind} {view}"), []).unwrap();
        }
    }

    /// Returns the values of a query's first column, as text.
    pub fn texts(&self, query: &str) -> Vec<String> {
        let mut statement = self.database.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        rows.map(|value| format!("{:?}", value.unwrap())).collect()
    }

    /// Returns SQLite's plan for a statement.
    pub fn query_plan(&self, statement: &str) -> String {
        let mut prepared = self.database.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let parameters = vec![rusqlite::types::Value::Null; prepared.parameter_count()];
        let rows = prepared.query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>(3));
        rows.unwrap().map(Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    /// Returns what is spent of a budget for fees, as it was at the latest claim, in lamports.
    pub fn spent_of(&self, budget: &str) -> u64 {
        self.database
            .query_row("SELECT spent FROM fee_budget WHERE name = ?1", [budget], |row| row.get(0))
            .unwrap_or_default()
    }

    /// Returns what a payer is trusted with, in lamports.
    pub fn trust_of(&self, payer: u8) -> u64 {
        let payer = keys::account(payer).to_string();
        self.database
            .query_row("SELECT lamports FROM trust WHERE payer = ?1", [payer], |row| row.get(0))
            .unwrap_or_default()
    }

    /// Returns all events of an asset, as they were written.
    pub fn events(&self, asset: &str) -> Vec<serde_json::Value> {
        let mut statement =
            self.database.prepare("SELECT events FROM journal WHERE stream = ?1 ORDER BY revision").unwrap();
        let rows = statement.query_map([format!("main/{asset}")], |row| row.get::<_, String>(0)).unwrap();
        rows.flat_map(|text| serde_json::from_str::<Vec<serde_json::Value>>(&text.unwrap()).unwrap())
            .collect()
    }

    /// Returns the configured asset with this id.
    pub fn asset(&self, id: &str) -> &crate::config::Asset {
        self.deployment.config.asset(&AssetId::parse(id).unwrap()).unwrap()
    }

    /// Returns a number that has not been drawn before.
    pub(super) fn draw(&self) -> u64 {
        self.drawn.set(self.drawn.get() + 1);
        self.drawn.get()
    }

    /// Returns a ticket as a 402 would offer it, with its quote.
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

    /// Returns a v2 payment by buyer `who` for that ticket.
    pub fn pay(&self, who: u8, ticket: &Ticket, quote: &Quote) -> PaymentPayload {
        let memo = quote.memo(&self.deployment.keys);
        self.pay_with_memo(who, ticket, quote, Some(memo.as_str()))
    }

    /// Returns a v2 payment with another memo, or none.
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

    /// Returns a v1 payment by buyer `who`.
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

/// Returns how much the transfer in these bytes moves, whatever else is said about it.
pub(super) fn moved(transaction: &[u8]) -> u64 {
    let transaction = crate::svm::transaction::Transaction::decode(transaction).unwrap();
    let message = &transaction.message;
    let is_token =
        |program: u8| crate::svm::TokenProgram::at(&message.accounts[usize::from(program)]).is_some();
    let data = &message.instructions.iter().find(|i| is_token(i.program)).unwrap().data;
    u64::from_le_bytes(data[1..9].try_into().unwrap())
}
