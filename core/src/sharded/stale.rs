//! Clears away what cut-off attempts to claim a payment have left behind.

use super::hold::{HoldTable, STALE_MS};
use super::ports::ShardPorts;
use super::request::StatusOf;
use super::transport::{ShardKey, Transport as _};
use crate::ids::{PaymentId, StreamId};
use crate::ports::PortError;
use crate::session::index::PaymentStatus;
use crate::time::Timestamp;

/// Asks the streams about stale reservations, and releases those of payments that their streams do not know.
///
/// Returns when the next reservation becomes stale.
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
            ports.log(&format!("a stale reservation can't be checked now: {error}"));
        }
    }
    holds.next_stale().await
}

/// Renews, spends or releases a stale reservation, depending on the stream's answer.
async fn ask_about<P: ShardPorts>(
    ports: &P,
    holds: HoldTable<'_, P::Sql>,
    payment: &PaymentId,
    stream: StreamId,
) -> Result<(), PortError> {
    let shard = ShardKey::Stream(stream.clone());
    match ports.transport().ask(&shard, &StatusOf(payment.clone())).await? {
        Some(PaymentStatus::Pending) => holds.renew(payment, ports.now()).await,
        // The update about it may still be on its way.
        Some(PaymentStatus::Granted | PaymentStatus::Owed) => holds.spend_all(payment).await,
        None => holds.expire_stale(payment, &stream).await,
    }
}
