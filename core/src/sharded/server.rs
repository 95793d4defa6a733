//! Runs the shard of a payer, a payment or the merchant: it answers streams and clears away stale reservations.

use std::cell::Cell;
use std::future::ready;

use super::hold::STALE_MS;
use super::ports::{AGAIN_MS, Alarm as _, ShardPorts};
use super::request::{ShardRequest, read, unknown, write};
use super::shard::ShardHandler;
use super::stale::expire_stale;
use super::updates::{Release, Reservation, Reserved};
use crate::error::{TransportError, TransportFault};
use crate::ports::PortError;
use crate::time::Timestamp;

/// How old a reservation may be when it arrives, in milliseconds. Its sender waits no longer.
const LATEST_MS: u64 = 10_000;

/// A request to a shard whose updates are `N` and whose look-ups are `L`.
#[allow(clippy::large_enum_variant, reason = "it is taken apart as soon as it is read")]
enum Incoming<N, L> {
    Reserve(Reservation),
    Release(Release),
    Apply(N),
    LookUp(L),
}

impl<N: ShardRequest, L: ShardRequest> Incoming<N, L> {
    fn read(name: &str, body: &str) -> Result<Self, PortError> {
        match name {
            Reservation::NAME => read(body).map(Self::Reserve),
            Release::NAME => read(body).map(Self::Release),
            _ if name == N::NAME => read(body).map(Self::Apply),
            _ if name == L::NAME => read(body).map(Self::LookUp),
            _ => Err(unknown(name)),
        }
    }
}

/// The shard of a payer, a payment or the merchant.
#[derive(Debug)]
pub struct ShardServer<B, P> {
    handler: B,
    ports: P,
    /// Whether this server has seen that all tables exist. Storage may have failed while they were made.
    is_prepared: Cell<bool>,
}

impl<B: ShardHandler<Sql = P::Sql>, P: ShardPorts> ShardServer<B, P> {
    /// Returns the shard with this handler, whose tables are in the database of `ports`.
    pub const fn new(handler: B, ports: P) -> Self {
        Self { handler, ports, is_prepared: Cell::new(false) }
    }

    /// Returns the shard's ports.
    pub const fn ports(&self) -> &P {
        &self.ports
    }

    /// Answers a request from another shard.
    ///
    /// # Errors
    /// When the request can't be read, or storage does not answer; the request may have been carried out.
    pub async fn answer(&self, request: &str, body: &str) -> Result<String, PortError> {
        let incoming = Incoming::<B::Update, B::LookUp>::read(request, body)?;
        self.complete_tables().await?;
        match incoming {
            Incoming::Reserve(reservation) => write(&self.reserve(&reservation).await?),
            Incoming::Release(release) => write(&self.handler.holds().release(&release).await?),
            Incoming::Apply(update) => write(&self.apply(&update).await?),
            Incoming::LookUp(request) => write(&self.handler.look_up(&request).await?),
        }
    }

    /// Does what is due, and arms the alarm if there is more to do.
    ///
    /// The alarm's handler calls this. The platform has already armed the alarm again by then ([`AGAIN_MS`]).
    pub async fn run_due(&self) {
        let done = match self.look_after().await {
            Ok(next) => self.schedule(next).await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            self.ports.log(&error.to_string());
        }
    }

    /// Makes a reservation. Before it is written, the alarm is armed to ask about it once it is stale.
    ///
    /// A copy that arrives long after its sender has given up is refused. The payment may be over by then, and its fee
    /// would be counted twice.
    async fn reserve(&self, reservation: &Reservation) -> Result<Reserved, PortError> {
        if self.ports.now().millis_since(reservation.at) > LATEST_MS {
            return Err(TransportError::new("a reservation", TransportFault::Timeout(LATEST_MS)).into());
        }
        let work = async {
            self.ensure_tables().await?;
            self.handler.reserve(reservation).await
        };
        self.ports.alarm().armed_before(self.ports.now().plus_millis(STALE_MS), Box::pin(work)).await
    }

    /// Stores an update and does what follows from it. What can't be done now is left to the alarm.
    async fn apply(&self, update: &B::Update) -> Result<(), PortError> {
        if B::is_moot(update) && !self.ports.has_tables() {
            return Ok(());
        }
        let work = async {
            self.ensure_tables().await?;
            self.handler.apply(update).await
        };
        if B::UPDATES_HOLD {
            self.ports.alarm().armed_before(self.ports.now().plus_millis(STALE_MS), Box::pin(work)).await?;
        } else {
            work.await?;
        }
        if self.handler.is_pending().await? {
            let again = self.ports.now().plus_millis(AGAIN_MS);
            self.ports.alarm().armed_before(again, Box::pin(ready(Ok(())))).await?;
            if let Err(error) = self.handler.run_due(&self.ports).await {
                self.ports.log(&error.to_string());
            }
        }
        Ok(())
    }

    /// Creates the tables if there are none.
    async fn ensure_tables(&self) -> Result<(), PortError> {
        self.ports.begin();
        self.complete_tables().await
    }

    /// Creates the tables that are missing, if any exist.
    async fn complete_tables(&self) -> Result<(), PortError> {
        if self.is_prepared.get() || !self.ports.has_tables() {
            return Ok(());
        }
        self.handler.prepare().await?;
        self.is_prepared.set(true);
        Ok(())
    }

    /// Does what is due, and returns when to do so again.
    async fn look_after(&self) -> Result<Option<Timestamp>, PortError> {
        self.complete_tables().await?;
        let carried_out = self.handler.run_due(&self.ports).await;
        let next = expire_stale(&self.ports, self.handler.holds()).await?;
        carried_out?;
        // Another call may be at work on the rest and fail, so the alarm has to check again.
        let left = self.handler.is_pending().await?;
        Ok(if left { Some(self.ports.now()) } else { next })
    }

    /// Arms the alarm for the next moment, or deletes the shard if it has nothing left to do and nothing to remember.
    ///
    /// The alarm waits at least [`AGAIN_MS`], because what is overdue has just been tried.
    async fn schedule(&self, next: Option<Timestamp>) -> Result<(), PortError> {
        let at = next.map(|next| next.max(self.ports.now().plus_millis(AGAIN_MS)));
        self.ports.alarm().set(at).await?;
        if at.is_none() && self.handler.is_forgettable().await? {
            self.is_prepared.set(false);
            self.ports.delete().await?;
        }
        Ok(())
    }
}
