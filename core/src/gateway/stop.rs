//! Stopping a session for its buyer.

use super::{CommandError, Gateway};
use crate::ids::{SessionId, StreamId};
use crate::ports::Ports;
use crate::session::Command;

impl<P: Ports> Gateway<'_, P> {
    /// Orders a session's device to lock, because its buyer has stopped. Ordering it again changes nothing.
    ///
    /// # Errors
    /// [`Reject::SessionOver`](crate::session::Reject) if the session no longer runs, or another reject if it cannot be
    /// stopped now. Otherwise an error if the storage does not answer.
    pub(crate) async fn stop(&self, stream: &StreamId, session: &SessionId) -> Result<(), CommandError> {
        self.command(stream, None, Command::Stop { session: session.clone() }).await.map(drop)
    }
}
