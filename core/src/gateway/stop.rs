//! Stopping a session, and what the operator is told of what is owed.

use super::{CommandError, Gateway};
use crate::config::{AcceptedToken, Config};
use crate::ids::{SessionId, StreamId};
use crate::ports::Ports;
use crate::session::Command;
use crate::session::index::OwedRecord;

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

/// Returns the line about what is owed in the operator's log. It names no buyer (invariant 9).
pub(super) fn owed_line(config: &Config, record: &OwedRecord) -> String {
    let OwedRecord { stream, owed, .. } = record;
    let money = &owed.money;
    let symbol = AcceptedToken::symbol_of(&config.merchant.tokens, config.network, money);
    let token = symbol.unwrap_or(money.token.as_str());
    let amount = money.amount.to_decimal(money.decimals);
    let (asset, session, reason) = (stream.asset(), &owed.session, owed.reason.name());
    if owed.reason.is_unclear() {
        return format!(
            "{asset} may not have been delivered, so {amount} {token} may be owed: session {session}. Decide about {id}",
            id = owed.id
        );
    }
    format!("owed {amount} {token} for {asset} ({reason}): session {session}, {id}", id = owed.id)
}
