//! What the shards of payers, payments and the merchant have in common: a book of reservations.

#![allow(async_fn_in_trait, reason = "as the ports")]

use super::hold::{HoldTable, make_tables};
use super::ports::ShardPorts;
use super::request::ShardRequest;
use super::updates::{Reservation, Reserved};
use crate::ports::PortError;
use crate::store::Sql;

/// The book of a payer's, a payment's or the merchant's shard: tables in which attempts to claim a payment reserve what
/// the shard keeps for all assets.
///
/// Each kind says what a reservation takes, how it is given back, and what news changes. Whose a reservation is, and who
/// may take it back, is the same for all.
pub trait ShardHandler {
    /// Its database.
    type Sql: Sql;
    /// What an asset tells it.
    type Update: ShardRequest<Answer = ()>;
    /// What is looked up in it.
    type LookUp: ShardRequest;

    /// The statements that make its tables. The table of holds is one of them.
    const TABLES: &'static [&'static str];
    /// The statements that give back what a payment has taken, if nobody holds it any more. Each has the payment as its
    /// parameter.
    const GIVE_BACK: &'static [&'static str];
    /// The same for a payment that has landed: what it has taken was spent.
    const SPEND: &'static [&'static str];
    /// Whether news leaves a hold, which is asked about when it is old.
    const UPDATES_HOLD: bool = false;

    /// Returns its database.
    fn sql(&self) -> &Self::Sql;

    /// Reserves what a payment takes, for one attempt. Again is harmless.
    ///
    /// # Errors
    /// When the reservation lacks what it is held against, or storage does not answer: it may be reserved or not.
    async fn reserve(&self, reservation: &Reservation) -> Result<Reserved, PortError>;

    /// Takes in what an asset tells.
    ///
    /// # Errors
    /// When storage does not answer. Again is harmless, also after later news.
    async fn apply(&self, update: &Self::Update) -> Result<(), PortError>;

    /// Looks something up.
    ///
    /// # Errors
    /// When storage does not answer, or what it holds can't be read.
    async fn look_up(
        &self,
        request: &Self::LookUp,
    ) -> Result<<Self::LookUp as ShardRequest>::Answer, PortError>;

    /// Says whether this news changes nothing in a shard without tables: then none are made for it.
    fn is_moot(_: &Self::Update) -> bool {
        false
    }

    /// Says whether it has more to do than to clear away old reservations.
    ///
    /// # Errors
    /// When storage does not answer.
    async fn is_pending(&self) -> Result<bool, PortError> {
        Ok(false)
    }

    /// Does what [`Self::is_pending`] speaks of.
    ///
    /// # Errors
    /// When storage or the platform does not answer. Calling again is always safe.
    async fn carry_out(&self, _: &impl ShardPorts) -> Result<(), PortError> {
        Ok(())
    }

    /// Says whether it may be deleted, once there is nothing to do in it.
    ///
    /// # Errors
    /// When storage does not answer.
    async fn is_forgettable(&self) -> Result<bool, PortError> {
        Ok(false)
    }

    /// Makes the tables.
    ///
    /// # Errors
    /// When a statement fails.
    async fn prepare(&self) -> Result<(), PortError> {
        make_tables(self.sql(), Self::TABLES).await
    }

    /// Returns the holds of the attempts that have reserved something.
    fn holds(&self) -> HoldTable<'_, Self::Sql> {
        HoldTable::new(self.sql(), Self::GIVE_BACK, Self::SPEND)
    }
}
