//! A stream's shard: it carries out what is due, tells the other shards what happened, and decides when to be woken.

use super::join::{Boxed, join_all};
use super::journal::{DELIVER_AFTER_MS, ShardedJournal};
use super::outbox::Delivery;
use super::ports::{Alarm as _, ShardPorts};
use super::request::{ShardRequest as _, StatusOf, Tick, read, unknown, write};
use super::transport::{ShardKey, Transport as _};
use crate::gateway::Gateway;
use crate::ports::{Claims as _, PortError, Ports, Schedule as _};
use crate::session::index::PaymentStatus;

/// How long one session of a shared asset is kept when it is over, in milliseconds: longer than its token works. Its payer's
/// shard keeps the record of it, and the chain remembers its payment.
const KEPT_MS: u64 = 8 * 86_400_000;
/// How long until what is overdue is tried again, in milliseconds.
const RETRY_MS: u64 = 2_000;

/// The shard of one stream, with the gateway that sells it.
#[derive(Debug)]
pub struct StreamShard<'a, G> {
    gateway: Gateway<'a, G>,
}

impl<'a, G, P> StreamShard<'a, G>
where
    G: Ports<Journal = ShardedJournal<P>>,
    P: ShardPorts + 'a,
{
    /// Returns the shard of the stream whose journal this gateway has.
    pub const fn new(gateway: Gateway<'a, G>) -> Self {
        Self { gateway }
    }

    /// Answers another shard.
    ///
    /// # Errors
    /// When the question can't be read, or storage does not answer.
    pub async fn answer(&self, request: &str, body: &str) -> Result<String, PortError> {
        match request {
            StatusOf::NAME => write(&self.status_of(&read(body)?).await?),
            Tick::NAME => write(&self.carry_out().await?),
            _ => Err(unknown(request)),
        }
    }

    /// Returns how far a payment is here.
    async fn status_of(&self, StatusOf(payment): &StatusOf) -> Result<Option<PaymentStatus>, PortError> {
        self.journal().open().await?;
        Ok(self.journal().payment(payment).await?.map(|record| record.status))
    }

    /// Carries out what is due, and tells the other shards. The alarm does this whenever it goes off.
    ///
    /// # Errors
    /// When storage does not answer. Calling again is always safe.
    pub async fn carry_out(&self) -> Result<(), PortError> {
        self.journal().open().await?;
        let ended = self.gateway.step(false, Vec::new()).await.map(drop);
        let settled = self.gateway.settle_due().await.map(drop);
        self.tidy().await;
        ended.and(settled)
    }

    /// Tells the other shards what happened, and has the alarm go off when something is due. What fails here is done
    /// by the alarm, which is armed since before the append.
    pub async fn tidy(&self) {
        let ports = self.journal().ports();
        if let Err(error) = self.deliver().await {
            ports.log(&format!("the others could not be told yet: {error}"));
        }
        if let Err(error) = self.arm().await {
            ports.log(&error.to_string());
        }
    }

    /// Tells the other shards what they have not received yet, in the order in which it happened.
    async fn deliver(&self) -> Result<(), PortError> {
        let outbox = self.journal().outbox();
        while let Some(delivery) = outbox.next().await? {
            self.notify(&delivery).await?;
            outbox.delivered(&delivery).await?;
        }
        Ok(())
    }

    /// Tells everybody whom a delivery is for.
    async fn notify(&self, delivery: &Delivery) -> Result<(), PortError> {
        let transport = self.journal().ports().transport();
        let mut told: Vec<Boxed<'_, Result<(), PortError>>> = Vec::new();
        for update in &delivery.payers {
            let shard = ShardKey::Payer(update.payer.clone());
            told.push(Box::pin(async move { transport.ask(&shard, update).await }));
        }
        for update in &delivery.payments {
            let shard = ShardKey::Payment(update.ended.payment.clone());
            told.push(Box::pin(async move { transport.ask(&shard, update).await }));
        }
        told.push(Box::pin(transport.ask(&ShardKey::Merchant, &delivery.merchant)));
        join_all(told).await.into_iter().collect()
    }

    /// Has the alarm go off when something is due, or not at all.
    async fn arm(&self) -> Result<(), PortError> {
        let (journal, ports) = (self.journal(), self.journal().ports());
        let now = ports.now();
        let overdue = !journal.due(now, 1).await?.is_empty() || !journal.unsettled(now, 1).await?.is_empty();
        let retry = overdue.then(|| now.plus_millis(RETRY_MS));
        let untold = journal.outbox().is_pending().await?;
        let deliver = untold.then(|| now.plus_millis(DELIVER_AFTER_MS));
        let mut soon = [retry, deliver].into_iter().flatten().min();
        if let Some(at) = soon {
            // What is counted from now on postpones nothing, or whoever asks again and again would keep the alarm
            // from ever going off.
            soon = Some(ports.alarm().armed().await?.map_or(at, |armed| armed.min(at)));
        }
        let due = [journal.next_due(now).await?, journal.next_unsettled(now).await?, soon];
        let mut next = due.into_iter().flatten().min();
        if next.is_none()
            && let Some(left) = journal.outbox().left_at().await?
        {
            let at = left.plus_millis(KEPT_MS);
            if at <= now {
                return ports.delete().await;
            }
            next = Some(at);
        }
        ports.alarm().set(next).await
    }

    fn journal(&self) -> &ShardedJournal<P> {
        self.gateway.ports().journal()
    }
}
