//! One-time codes, which show a session on another device.

use super::{CommandError, Gateway};
use crate::ids::{SessionId, StreamId};
use crate::ports::Ports;
use crate::session::{Command, Reject, Session};

impl<P: Ports> Gateway<'_, P> {
    /// Uses a one-time code, and returns its session. `used` is how many codes the session had used when this one was
    /// made.
    ///
    /// # Errors
    /// [`Reject::InvalidCode`] if the session no longer runs, or if this code or a later one was used already. Otherwise
    /// an error if the storage does not answer.
    pub(crate) async fn use_code(
        &self,
        stream: &StreamId,
        session: &SessionId,
        used: u32,
    ) -> Result<Session, CommandError> {
        let command = Command::UseCode { session: session.clone(), used };
        let written = self.command(stream, None, command).await?;
        written.snapshot.state.session.ok_or(CommandError::Rejected(Reject::InvalidCode))
    }
}
