//! What clients of the load do: greet, ask for a price, buy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use coinop_core::config::Config;
use coinop_core::encoding::from_base64;
use coinop_core::svm::SigningKey;
use serde_json::Value;

use crate::load::{Client, Connection};
use crate::payments::{Accepted, header, key, transfer};

/// Asks for one page, over and over.
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
    async fn once(&mut self) -> Result<Duration> {
        let start = Instant::now();
        let answer = self.connection.get(self.target, None).await?;
        ensure!(answer.status() == self.status, "{} for {}", answer.status(), self.target);
        Ok(start.elapsed())
    }
}

/// Buys one second of one lane after the other: asks for the price, signs, pays, is let in.
pub(crate) struct Buyer {
    connection: Connection,
    config: Arc<Config>,
    key: SigningKey,
    number: u64,
    /// Its own lanes: the next one to buy, and when each is free again.
    lanes: std::collections::VecDeque<(usize, Instant)>,
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
        let challenge = self.connection.get(&target, None).await?;
        ensure!(challenge.status() == 402, "{} instead of a price", challenge.status());
        let required = challenge.headers().get("payment-required").context("no price")?.to_str()?;
        let required: Value = serde_json::from_slice(&from_base64(required).context("no base64")?)?;
        let offer = &required["accepts"][0];
        let memo = offer["extra"]["memo"].as_str().context("no memo")?.to_owned();
        let amount = serde_json::from_value(offer["amount"].clone())?;
        let accepted = Accepted { amount, memo };
        let mut blockhash = [0; 32];
        blockhash[..8].copy_from_slice(&self.number.to_le_bytes());
        blockhash[8..16].copy_from_slice(&self.bought.to_le_bytes());
        let signed = transfer(&self.config, &accepted, blockhash).sign(&self.key).context("not signed")?;
        let payment = header(offer, &signed.encode());
        let answer = self.connection.get(&target, Some(("payment-signature", &payment))).await?;
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

/// How long a lane is taken after it was bought for a second: until its end was written down.
const OCCUPIED: Duration = Duration::from_millis(1_100);
