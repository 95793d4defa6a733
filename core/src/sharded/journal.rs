//! The journal port of one shard. A stream's journal also asks other shards before an append.

use super::attempt::ClaimAttempt;
use super::outbox::Outbox;
use super::ports::{Alarm as _, ShardPorts};
use super::request::{Count, HistoryOf, OwnerOf, StatusOf};
use super::transport::{ShardKey, Transport as _};
use super::updates::Reserved;
use crate::account::Account;
use crate::config::Asset;
use crate::error::StoreError;
use crate::ids::{AssetId, OwedId, PaymentId, SessionId, StreamId};
use crate::ports::{
    Accounts, Appended, Catalogue, Claims, Cursor, OwedCursor, PayerHistory, PortError, Schedule, Streams,
};
use crate::quote::TicketId;
use crate::session::fee::{Budget, Limit};
use crate::session::index::{OwedRecord, PaymentRecord, SessionRecord};
use crate::session::{Batch, FundsCheck, Snapshot};
use crate::sign_in::Proven;
use crate::store::SqlJournal;
use crate::time::Timestamp;

/// How long after an append the alarm sends updates that the request itself could not send, in milliseconds.
pub(super) const DELIVER_AFTER_MS: u64 = 5_000;

/// The journal as one shard sees it.
///
/// All shards share this type, so that a platform needs only one type of gateway.
#[derive(Debug)]
pub struct ShardedJournal<P: ShardPorts> {
    own: SqlJournal<P::Sql>,
    ports: P,
    is_writable: bool,
}

impl<P: ShardPorts> ShardedJournal<P> {
    /// Returns the journal of a stream's shard.
    pub fn of_stream(ports: P, merchant: String) -> Self {
        Self { is_writable: true, ..Self::read_only(ports, merchant) }
    }

    /// Returns the journal of a shard that receives no events. It reads the tables that exist, and remembers used proofs.
    pub fn read_only(ports: P, merchant: String) -> Self {
        Self { own: SqlJournal::new(ports.sql().clone(), merchant), ports, is_writable: false }
    }

    /// Returns the shard's ports.
    pub const fn ports(&self) -> &P {
        &self.ports
    }

    /// Brings existing tables up to date; does nothing if there are none.
    ///
    /// # Errors
    /// When a statement fails, or the tables have another version.
    pub async fn open(&self) -> Result<(), PortError> {
        if self.ports.has_tables() { self.prepare().await } else { Ok(()) }
    }

    /// Returns the queue of updates that other shards have not acknowledged yet.
    pub(super) fn outbox(&self) -> Outbox<'_, P::Sql> {
        Outbox::new(self.ports.sql(), &self.own)
    }

    async fn prepare(&self) -> Result<(), PortError> {
        self.ports.begin();
        self.own.prepare().await?;
        self.outbox().prepare().await
    }

    /// Appends to this shard's own tables, and arms the alarm for the next due moment or the delivery of updates.
    async fn append_here(
        &self,
        stream: &StreamId,
        expected: u64,
        batch: &Batch,
    ) -> Result<Appended, PortError> {
        let deliver = self.ports.now().plus_millis(DELIVER_AFTER_MS);
        let due = [batch.due, batch.unsettled].into_iter().flatten().min();
        let append = async {
            if !self.ports.has_tables() {
                self.prepare().await?;
            }
            self.own.append(stream, expected, batch).await
        };
        self.ports.alarm().armed_before(due.map_or(deliver, |due| due.min(deliver)), Box::pin(append)).await
    }

    fn ensure_writable(&self) -> Result<(), PortError> {
        if self.is_writable {
            return Ok(());
        }
        Err(StoreError::Invariant("a journal that does not belong to a stream is read-only").into())
    }
}

impl<P: ShardPorts> Streams for ShardedJournal<P> {
    async fn load(&self, stream: &StreamId) -> Result<Snapshot, PortError> {
        self.own.load(stream).await
    }

    async fn load_all(&self, streams: &[StreamId]) -> Result<Vec<Snapshot>, PortError> {
        self.own.load_all(streams).await
    }

    /// Returns true for a session of a shared asset, whose object is deleted when its token no longer works.
    fn forgets(&self, stream: &StreamId) -> bool {
        stream.is_shared()
    }

    async fn append(&self, stream: &StreamId, expected: u64, batch: &Batch) -> Result<Appended, PortError> {
        self.ensure_writable()?;
        let now = self.ports.now();
        let mut attempt =
            ClaimAttempt::new(stream, batch, now, self.ports.random(), |name| self.own.key_of(name));
        match attempt.reserve(&self.ports).await? {
            Reserved::Done | Reserved::Trusted => {}
            // The stream itself has this payment, or had it.
            Reserved::HasEnded => return Ok(Appended::Conflict),
            Reserved::Elsewhere => return Ok(Appended::Elsewhere),
            Reserved::NotCovered => return Ok(Appended::NotCovered),
            Reserved::OverBudget => return Ok(Appended::OverBudget),
            Reserved::GuardAtRisk => return Ok(Appended::GuardAtRisk),
            Reserved::Full => return Ok(Appended::Full),
        }
        // What a fee may cost was checked by the shards. This one has seen only a part of its payer's history.
        let funds = batch.funds.clone().map(FundsCheck::without_fee);
        let batch = &Batch { funds, ..batch.clone() };
        let appended = self.append_here(stream, expected, batch).await;
        // After an error the append may be written, so its reservations must stay.
        if appended.as_ref().is_ok_and(|appended| *appended != Appended::Done) {
            attempt.release(&self.ports).await;
        } else {
            attempt.tell(&self.ports);
        }
        appended
    }
}

impl<P: ShardPorts> Claims for ShardedJournal<P> {
    async fn payment(&self, id: &PaymentId) -> Result<Option<PaymentRecord>, PortError> {
        self.own.payment(id).await
    }

    async fn is_claimed_elsewhere(&self, stream: &StreamId, id: &PaymentId) -> Result<bool, PortError> {
        self.ensure_writable()?;
        let shard = ShardKey::Payment(id.clone());
        let owner = self.ports.transport().ask(&shard, &OwnerOf(id.clone())).await?;
        Ok(owner.is_some_and(|owner| owner != *stream))
    }

    async fn is_known_in(&self, stream: &StreamId, id: &PaymentId) -> Result<bool, PortError> {
        let shard = ShardKey::Stream(stream.clone());
        Ok(self.ports.transport().ask(&shard, &StatusOf(id.clone())).await?.is_some())
    }

    async fn payment_by_ticket(&self, ticket: &TicketId) -> Result<Option<PaymentRecord>, PortError> {
        self.own.payment_by_ticket(ticket).await
    }

    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, PortError> {
        self.own.session(id).await
    }

    async fn has_owners_word(&self, transaction: &str) -> Result<bool, PortError> {
        self.own.has_owners_word(transaction).await
    }

    async fn owed(&self, ids: &[OwedId]) -> Result<Vec<OwedRecord>, PortError> {
        self.own.owed(ids).await
    }

    async fn all_owed(
        &self,
        is_open: bool,
        before: Option<&OwedCursor>,
        limit: u32,
    ) -> Result<Vec<OwedRecord>, PortError> {
        self.own.all_owed(is_open, before, limit).await
    }

    async fn sessions_of(
        &self,
        payer: &Account,
        before: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, PortError> {
        self.own.sessions_of(payer, before, limit).await
    }

    async fn sessions(
        &self,
        asset: Option<&AssetId>,
        before: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, PortError> {
        self.own.sessions(asset, before, limit).await
    }
}

impl<P: ShardPorts> Schedule for ShardedJournal<P> {
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<StreamId>, PortError> {
        self.own.due(now, limit).await
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, PortError> {
        self.own.next_due(now).await
    }

    async fn unsettled(&self, now: Timestamp, limit: u32) -> Result<Vec<StreamId>, PortError> {
        self.own.unsettled(now, limit).await
    }

    async fn next_unsettled(&self, now: Timestamp) -> Result<Option<Timestamp>, PortError> {
        self.own.next_unsettled(now).await
    }

    async fn unfulfilled(&self, limit: u32) -> Result<Vec<StreamId>, PortError> {
        self.own.unfulfilled(limit).await
    }
}

impl<P: ShardPorts> Accounts for ShardedJournal<P> {
    /// Returns the payer's history across all assets, from the payer's shard.
    async fn history_of(&self, payer: &Account, failures: u32) -> Result<PayerHistory, PortError> {
        if !self.is_writable {
            return self.own.history_of(payer, failures).await;
        }
        self.ports.transport().ask(&ShardKey::Payer(payer.clone()), &HistoryOf(payer.clone(), failures)).await
    }

    /// Returns false: the merchant's shard does, for all streams.
    fn counts_fees(&self) -> bool {
        false
    }

    /// Returns what is spent, from the merchant's shard.
    async fn fees_of_newcomers(
        &self,
        budget: Budget,
        limit: Limit,
        now: Timestamp,
    ) -> Result<u64, PortError> {
        let asked = Count::FeesOfNewcomers(budget, limit, now);
        self.ports.transport().ask(&ShardKey::Merchant, &asked).await
    }

    /// Returns the number of seats taken, from the merchant's shard, which keeps the seats of all assets.
    async fn seats_taken(&self, asset: &AssetId) -> Result<u64, PortError> {
        if !self.is_writable {
            return self.own.seats_taken(asset).await;
        }
        self.ports.transport().ask(&ShardKey::Merchant, &Count::SeatsTaken(self.own.key_of(asset))).await
    }

    /// Returns the numbers of seats taken, as [`Self::seats_taken`] does. A page of assets is made at the merchant's
    /// shard, which asks nobody.
    async fn seats_taken_of(&self, assets: &[AssetId]) -> Result<Vec<u64>, PortError> {
        if !self.is_writable {
            return self.own.seats_taken_of(assets).await;
        }
        let mut taken = Vec::with_capacity(assets.len());
        for asset in assets {
            taken.push(self.seats_taken(asset).await?);
        }
        Ok(taken)
    }

    /// Remembers the proof in this shard, also in a payer's. There is a session to show, so there are tables.
    async fn use_proof(&self, proven: &Proven, now: Timestamp) -> Result<bool, PortError> {
        self.own.use_proof(proven, now).await
    }
}

/// Lists what this shard knows: a stream its own listing, the merchant's shard all listings.
impl<P: ShardPorts> Catalogue for ShardedJournal<P> {
    async fn find(&self, id: &AssetId) -> Result<Option<Asset>, PortError> {
        self.own.find(id).await
    }

    async fn page(&self, after: Option<&AssetId>, limit: u32) -> Result<Vec<Asset>, PortError> {
        self.own.page(after, limit).await
    }
}
