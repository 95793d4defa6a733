//! What a shard needs from its platform.

#![allow(async_fn_in_trait, reason = "as the ports")]

use super::join::Boxed;
use super::transport::Transport;
use crate::ports::PortError;
use crate::store::Sql;
use crate::time::Timestamp;

/// How long after going off an alarm goes off again if its handler does not finish, in milliseconds.
///
/// The platform arms the alarm for that moment before it calls the handler.
pub const AGAIN_MS: u64 = 15_000;

/// A change to publish to the catalogue's readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The asset's key in the journal.
    pub asset: String,
    /// The listing as JSON text; `None` if the asset has no listing any more.
    pub listing: Option<String>,
}

/// The one alarm of a shard. It goes off even if no request reaches the shard.
pub trait Alarm {
    /// Arms the alarm for `at` or earlier, then does `work`. The platform keeps both or neither.
    ///
    /// Nothing may run in between. If the alarm is already armed for an earlier moment, it stays as it is.
    /// `work` waits only for the shard's database.
    ///
    /// # Errors
    /// When the alarm can't be armed, or `work` fails; the work may have been done.
    async fn armed_before<T>(
        &self,
        at: Timestamp,
        work: Boxed<'_, Result<T, PortError>>,
    ) -> Result<T, PortError>;

    /// Returns the moment for which the alarm is armed, if it is.
    ///
    /// # Errors
    /// When the platform does not answer.
    async fn armed(&self) -> Result<Option<Timestamp>, PortError>;

    /// Arms the alarm for this moment, or disarms it.
    ///
    /// # Errors
    /// When the platform does not answer.
    async fn set(&self, at: Option<Timestamp>) -> Result<(), PortError>;
}

/// What one shard needs from its platform.
pub trait ShardPorts {
    /// The shard's database.
    type Sql: Sql + Clone;
    /// The shard's alarm.
    type Alarm: Alarm;
    /// The transport to other shards.
    type Transport: Transport;

    /// Returns the shard's database. While it has no tables, every statement finds nothing and writes nothing.
    fn sql(&self) -> &Self::Sql;
    /// Returns the shard's alarm.
    fn alarm(&self) -> &Self::Alarm;
    /// Returns the transport to other shards.
    fn transport(&self) -> &Self::Transport;
    /// Returns the current wall-clock time.
    fn now(&self) -> Timestamp;
    /// Returns 16 unpredictable bytes.
    fn random(&self) -> [u8; 16];

    /// Returns whether the tables exist. A shard that is only read creates none.
    fn has_tables(&self) -> bool;
    /// Turns on the execution of statements. The statements that follow create the tables.
    fn begin(&self);
    /// Deletes the shard's database. A later write creates the tables again.
    ///
    /// # Errors
    /// When the platform does not answer.
    async fn delete(&self) -> Result<(), PortError>;

    /// Publishes a listing to the catalogue's readers, or removes it. Repeating it is harmless.
    ///
    /// # Errors
    /// When the platform does not answer; it may have been done.
    async fn publish(&self, publication: &Publication) -> Result<(), PortError>;
    /// Reports an error to the operator: one line that contains no secret.
    fn log(&self, line: &str);
}
