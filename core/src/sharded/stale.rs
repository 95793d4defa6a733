//! Clearing away what attempts to claim a payment have left behind.

use super::hold::{HoldTable, STALE_MS};
use super::ports::ShardPorts;
use super::request::StatusOf;
use super::transport::{ShardKey, Transport as _};
use crate::ids::{PaymentId, StreamId};
use crate::ports::PortError;
use crate::session::index::PaymentStatus;
use crate::time::Timestamp;

/// Asks the streams about old reservations, and gives up those of which they know nothing. Returns when the next one is
/// old.
///
/// # Errors
/// When storage does not answer. A stream that does not answer is asked again later.
pub(super) async fn expire_stale<P: ShardPorts>(
    ports: &P,
    holds: HoldTable<'_, P::Sql>,
) -> Result<Option<Timestamp>, PortError> {
    let before = Timestamp::from_millis(ports.now().millis().saturating_sub(STALE_MS));
    for (payment, stream) in holds.stale(before).await? {
        if let Err(error) = ask_about(ports, holds, &payment, stream).await {
            ports.log(&format!("an old reservation: {error}"));
        }
    }
    holds.next_stale().await
}

/// Keeps an old reservation or gives it up, as its stream says.
async fn ask_about<P: ShardPorts>(
    ports: &P,
    holds: HoldTable<'_, P::Sql>,
    payment: &PaymentId,
    stream: StreamId,
) -> Result<(), PortError> {
    let shard = ShardKey::Stream(stream.clone());
    match ports.transport().ask(&shard, &StatusOf(payment.clone())).await? {
        Some(PaymentStatus::Pending) => holds.renew(payment, ports.now()).await,
        // The news of it may still be on the way.
        Some(PaymentStatus::Granted) => holds.spend_all(payment).await,
        None => holds.expire_stale(payment, &stream).await,
    }
}
