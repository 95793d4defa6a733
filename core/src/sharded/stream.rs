//! The shard of a stream: it carries out what is due, sends updates to the other shards, and arms its alarm.

use super::join::{Boxed, join_all};
use super::journal::{DELIVER_AFTER_MS, ShardedJournal};
use super::outbox::Delivery;
use super::ports::{Alarm as _, ShardPorts};
use super::request::{RunDue, ShardRequest as _, StatusOf, read, unknown, write};
use super::transport::{ShardKey, Transport as _};
use crate::error::StoreError;
use crate::gateway::Gateway;
use crate::ports::{Claims as _, PortError, Ports, Schedule as _};
use crate::session::index::PaymentStatus;

/// How long a shared asset's session is kept after it is over, in milliseconds. This is longer than its token works.
///
/// After that, the payer's shard still has the session's record, and the chain remembers the payment.
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

    /// Answers a request from another shard.
    ///
    /// # Errors
    /// When the request can't be read, or storage does not answer.
    pub async fn answer(&self, request: &str, body: &str) -> Result<String, PortError> {
        match request {
            StatusOf::NAME => write(&self.status_of(&read(body)?).await?),
            RunDue::NAME => write(&self.run_due().await?),
            _ => Err(unknown(request)),
        }
    }

    /// Returns the status of a payment in this stream; `None` if it was never claimed here, or has failed and the shards know
    /// it.
    ///
    /// A payment that has failed is purged. As long as its end is on its way to the shards, a `None` would give back a fee
    /// that was spent.
    async fn status_of(&self, StatusOf(payment): &StatusOf) -> Result<Option<PaymentStatus>, PortError> {
        self.journal().open().await?;
        let record = self.journal().payment(payment).await?;
        if record.is_none() && self.journal().outbox().is_pending().await? {
            return Err(StoreError::UpdatesPending.into());
        }
        Ok(record.map(|record| record.status))
    }

    /// Carries out what is due, then sends updates and arms the alarm. The alarm's handler calls this.
    ///
    /// # Errors
    /// When storage does not answer. Calling it again is always safe.
    pub async fn run_due(&self) -> Result<(), PortError> {
        self.journal().open().await?;
        let ended = self.gateway.step(false, Vec::new()).await.map(drop);
        let settled = self.gateway.settle_due().await.map(drop);
        self.tidy(|| {}).await;
        ended.and(settled)
    }

    /// Sends the updates, and arms the alarm for the next thing that is due.
    ///
    /// `told` is called once payers and payments have received theirs. The merchant's shard comes after that, because all
    /// sales share it. Whatever fails here is left to the alarm, which was armed before the append.
    pub async fn tidy(&self, told: impl FnOnce()) {
        let ports = self.journal().ports();
        if let Err(error) = self.deliver(told).await {
            ports.log(&format!("updates can't be delivered to other shards yet: {error}"));
        }
        if let Err(error) = self.arm().await {
            ports.log(&error.to_string());
        }
    }

    /// Sends the other shards what they have not received yet, in the order in which it happened.
    async fn deliver(&self, told: impl FnOnce()) -> Result<(), PortError> {
        let outbox = self.journal().outbox();
        let mut reached = 0;
        while let Some(delivery) = outbox.next_to_buyers(reached).await? {
            self.tell_buyers(&delivery).await?;
            reached = delivery.revision;
        }
        told();
        let transport = self.journal().ports().transport();
        while let Some(delivery) = outbox.next_to_merchant(reached).await? {
            let received = transport.ask(&ShardKey::Merchant, &delivery.merchant).await;
            if received.is_err() && reached > 0 {
                outbox.told(&delivery, reached).await?;
            }
            received?;
            outbox.delivered(&delivery).await?;
        }
        Ok(())
    }

    /// Sends one delivery to the payers and payments that it concerns.
    async fn tell_buyers(&self, delivery: &Delivery) -> Result<(), PortError> {
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
        join_all(told).await.into_iter().collect()
    }

    /// Arms the alarm for the next thing that is due, or disarms it. Deletes a shared asset's session that is
    /// old enough.
    async fn arm(&self) -> Result<(), PortError> {
        let (journal, ports) = (self.journal(), self.journal().ports());
        let now = ports.now();
        let overdue = !journal.due(now, 1).await?.is_empty() || !journal.unsettled(now, 1).await?.is_empty();
        let retry = overdue.then(|| now.plus_millis(RETRY_MS));
        let untold = journal.outbox().is_pending().await?;
        let deliver = untold.then(|| now.plus_millis(DELIVER_AFTER_MS));
        let mut soon = [retry, deliver].into_iter().flatten().min();
        if let Some(at) = soon {
            // A delay that starts now must not postpone the alarm, or a client that keeps asking would keep
            // it from ever going off.
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
