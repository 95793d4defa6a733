//! The clients of a load: they say hello, ask for a price, buy, or send payments that are refused.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use coinop_core::config::Config;
use coinop_core::svm::SigningKey;
use coinop_core::x402::{PAYMENT_RESPONSE, PAYMENT_SIGNATURE, SettlementResponse};
use hyper::Response;
use hyper::body::Bytes;
use serde_json::Value;

use crate::load::{Client, Connection};
use crate::payments::{header, key, offered, sign};

/// Requests one page, over and over.
pub(crate) struct Getter {
    connection: Connection,
    target: &'static str,
    status: u16,
}

impl Getter {
    pub(crate) async fn open(address: &str, target: &'static str, status: u16) -> Result<Self> {
        Ok(Self { connection: Connection::open(address).await?, target, status })
    }
}

impl Client for Getter {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    async fn once(&mut self) -> Result<Duration> {
        let start = Instant::now();
        let answer = self.connection.get(self.target, None).await?;
        ensure!(answer.status() == self.status, "{} for {}", answer.status(), self.target);
        Ok(start.elapsed())
    }
}

/// Buys one second of one lane after the other: it asks for the price, signs, pays, and gets access.
pub(crate) struct Buyer {
    connection: Connection,
    config: Arc<Config>,
    key: SigningKey,
    number: u64,
    /// Its own lanes: the next one to buy, and when each is free again.
    lanes: VecDeque<(usize, Instant)>,
    bought: u64,
}

impl Buyer {
    pub(crate) async fn open(
        address: &str,
        config: &Arc<Config>,
        number: u64,
        lanes: impl Iterator<Item = usize>,
    ) -> Result<Self> {
        let now = Instant::now();
        Ok(Self {
            connection: Connection::open(address).await?,
            config: config.clone(),
            key: key(number),
            number,
            lanes: lanes.map(|lane| (lane, now)).collect(),
            bought: 0,
        })
    }

    async fn buy(&mut self, lane: usize) -> Result<()> {
        let target = format!("/api/v1/access/lane-{lane}?quantity=1");
        let offer = price(&mut self.connection, &target).await?;
        let mut blockhash = [0; 32];
        blockhash[..8].copy_from_slice(&self.number.to_le_bytes());
        blockhash[8..16].copy_from_slice(&self.bought.to_le_bytes());
        let signed = sign(&self.config, &offer, &self.key, blockhash)?;
        let payment = header(&offer, &signed.encode()?);
        let answer = self.connection.get(&target, Some((PAYMENT_SIGNATURE, &payment))).await?;
        ensure!(
            answer.status() == 200,
            "{} for a payment: {}",
            answer.status(),
            String::from_utf8_lossy(answer.body())
        );
        self.bought += 1;
        Ok(())
    }
}

impl Client for Buyer {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    async fn once(&mut self) -> Result<Duration> {
        let (lane, free) = self.lanes.pop_front().context("no lane")?;
        tokio::time::sleep_until(free.into()).await;
        let start = Instant::now();
        self.buy(lane).await?;
        let took = start.elapsed();
        self.lanes.push_back((lane, Instant::now() + OCCUPIED));
        Ok(took)
    }
}

/// Asks for a price. Returns the first offer.
pub(crate) async fn price(connection: &mut Connection, target: &str) -> Result<Value> {
    let answer = connection.get(target, None).await?;
    ensure!(answer.status() == 402, "{} instead of a price", answer.status());
    offered(answer.headers().get("payment-required").context("no price")?.to_str()?)
}

/// How long a lane is taken after one second of it was bought: until its end was written down.
const OCCUPIED: Duration = Duration::from_millis(1_100);

/// How a gateway refuses a payment.
#[derive(Clone)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The reason, as x402 names it.
    pub(crate) reason: &'static str,
}

impl Refusal {
    /// Tells whether the answer is this refusal.
    fn is(&self, answer: &Response<Bytes>) -> bool {
        let header = answer.headers().get(PAYMENT_RESPONSE).and_then(|value| value.to_str().ok());
        let told = header.and_then(SettlementResponse::from_header);
        answer.status() == self.status
            && told.is_some_and(|told| told.error_reason.as_deref() == Some(self.reason))
    }
}

/// Sends payments that are all refused for one reason: one after the other, and then again from the first. A
/// refusal leaves nothing behind, so a repeat takes as long as the first time.
pub(crate) struct Payer {
    connection: Connection,
    config: Arc<Config>,
    target: &'static str,
    /// The numbers of the keys with which it pays, each once.
    keys: Range<u64>,
    /// The change to a valid signature.
    spoil: fn(&mut [u8; 64]),
    refusal: Refusal,
    payments: VecDeque<String>,
}

impl Payer {
    pub(crate) async fn open(
        address: &str,
        config: &Arc<Config>,
        target: &'static str,
        keys: Range<u64>,
        spoil: fn(&mut [u8; 64]),
        refusal: Refusal,
    ) -> Result<Self> {
        Ok(Self {
            connection: Connection::open(address).await?,
            config: config.clone(),
            target,
            keys,
            spoil,
            refusal,
            payments: VecDeque::new(),
        })
    }

    /// Asks for a price for each of its keys, and signs a payment for each. The payments are valid for five
    /// minutes.
    pub(crate) async fn prepare(mut self) -> Result<Self> {
        self.connection.renew().await?;
        self.payments.clear();
        for number in self.keys.clone() {
            let offer = price(&mut self.connection, self.target).await?;
            let mut signed = sign(&self.config, &offer, &key(number), [9; 32])?;
            signed.signatures.last_mut().map(self.spoil).context("no signature")?;
            self.payments.push_back(header(&offer, &signed.encode()?));
        }
        Ok(self)
    }
}

impl Client for Payer {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    async fn once(&mut self) -> Result<Duration> {
        let payment = self.payments.pop_front().context("no payment")?;
        let start = Instant::now();
        let answer = self.connection.get(self.target, Some((PAYMENT_SIGNATURE, &payment))).await?;
        let took = start.elapsed();
        ensure!(
            self.refusal.is(&answer),
            "{} for a payment of {}: {}",
            answer.status(),
            self.target,
            String::from_utf8_lossy(answer.body())
        );
        self.payments.push_back(payment);
        Ok(took)
    }
}
