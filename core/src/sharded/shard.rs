//! What the shards of payers, payments and the merchant have in common: tables of reservations.

#![allow(async_fn_in_trait, reason = "as the ports")]

use super::hold::{HoldTable, make_tables};
use super::ports::ShardPorts;
use super::request::ShardRequest;
use super::updates::{Reservation, Reserved};
use crate::ports::PortError;
use crate::store::Sql;

/// Keeps the tables of a payer's, a payment's or the merchant's shard, in which attempts to claim a payment
/// make reservations.
///
/// Each kind of shard defines what a reservation takes, how it is given back, and what an update changes. Who
/// owns a reservation and who may release it is the same for all kinds.
pub trait ShardHandler {
    /// The shard's database.
    type Sql: Sql;
    /// What a stream tells the shard.
    type Update: ShardRequest<Answer = ()>;
    /// What other shards look up here.
    type LookUp: ShardRequest;

    /// The statements that create the shard's tables, including the table of holds.
    const TABLES: &'static [&'static str];
    /// The statements that give back what a payment took, if no attempt holds it any more. Their parameter is
    /// the payment.
    const GIVE_BACK: &'static [&'static str];
    /// The statements for a payment that has landed, whose reservation was spent. Their parameter is the payment.
    const SPEND: &'static [&'static str];
    /// The statements that note that a payment has ended, while it is still held. Their parameter is the payment.
    const NOTE_ENDED: &'static [&'static str] = &[];
    /// Whether an update leaves a hold, which has to be asked about once it is stale.
    const UPDATES_HOLD: bool = false;

    /// Returns the shard's database.
    fn sql(&self) -> &Self::Sql;

    /// Reserves what a payment takes, for one attempt. Repeating it is harmless.
    ///
    /// # Errors
    /// When the reservation lacks what this shard has to check, or storage does not answer; then it may or
    /// may not be reserved.
    async fn reserve(&self, reservation: &Reservation) -> Result<Reserved, PortError>;

    /// Stores an update from a stream.
    ///
    /// # Errors
    /// When storage does not answer. Repeating it is harmless, even after later updates.
    async fn apply(&self, update: &Self::Update) -> Result<(), PortError>;

    /// Answers a look-up.
    ///
    /// # Errors
    /// When storage does not answer, or its content can't be read.
    async fn look_up(
        &self,
        request: &Self::LookUp,
    ) -> Result<<Self::LookUp as ShardRequest>::Answer, PortError>;

    /// Returns whether this update changes nothing in a shard without tables, so that none have to be created.
    fn is_moot(_: &Self::Update) -> bool {
        false
    }

    /// Returns whether the shard has more to do than to clear away stale reservations.
    ///
    /// # Errors
    /// When storage does not answer.
    async fn is_pending(&self) -> Result<bool, PortError> {
        Ok(false)
    }

    /// Does the work that [`Self::is_pending`] reports.
    ///
    /// # Errors
    /// When storage or the platform does not answer. Calling it again is always safe.
    async fn run_due(&self, _: &impl ShardPorts) -> Result<(), PortError> {
        Ok(())
    }

    /// Returns whether the shard may be deleted once it has nothing to do.
    ///
    /// # Errors
    /// When storage does not answer.
    async fn is_forgettable(&self) -> Result<bool, PortError> {
        Ok(false)
    }

    /// Creates the tables.
    ///
    /// # Errors
    /// When a statement fails.
    async fn prepare(&self) -> Result<(), PortError> {
        make_tables(self.sql(), Self::TABLES).await
    }

    /// Returns the holds of the attempts that have reservations here.
    fn holds(&self) -> HoldTable<'_, Self::Sql> {
        HoldTable::new(self.sql(), Self::NOTE_ENDED, Self::GIVE_BACK, Self::SPEND)
    }
}
