//! One attempt to claim a payment: the shards it asks before the append, and the reservations it takes back.

use std::fmt::Display;

use super::join::{Boxed, join_all};
use super::ports::ShardPorts;
use super::transport::{ShardKey, Transport as _};
use super::updates::{Fee, Reservation, Reserved, Seat};
use crate::encoding::hex;
use crate::ids::StreamId;
use crate::ports::PortError;
use crate::session::Batch;
use crate::session::index::IndexChange;
use crate::time::Timestamp;

/// The reservations of one attempt to append, each with its shard. A batch that claims nothing has none.
#[derive(Debug)]
pub(super) struct ClaimAttempt(Vec<(ShardKey, Reservation)>);

impl ClaimAttempt {
    /// Returns the reservations that this batch needs before it is appended.
    ///
    /// They are made at `now`. `random` names the attempt; `key` returns the journal key of a stream or an asset.
    pub(super) fn new(
        stream: &StreamId,
        batch: &Batch,
        now: Timestamp,
        random: [u8; 16],
        key: impl Fn(&dyn Display) -> String,
    ) -> Self {
        let attempt = hex(&random);
        let mut reservations = Vec::new();
        for change in &batch.index {
            let IndexChange::Claim { id, record, day, holds, .. } = change else { continue };
            let plain = Reservation {
                payment: id.clone(),
                stream: stream.clone(),
                attempt: attempt.clone(),
                at: now,
                funds: None,
                fee: None,
                seat: None,
            };
            reservations.push((ShardKey::Payment(id.clone()), plain.clone()));
            // Without a source account there is no balance to check. Without a fee or a seat, the merchant's
            // shard is not asked either.
            if holds.source.is_some() {
                let covered = Reservation { funds: batch.funds.clone(), ..plain.clone() };
                reservations.push((ShardKey::Payer(record.payer.clone()), covered));
            }
            let fee = batch.funds.as_ref().zip(holds.fee.as_ref()).map(|(funds, fee)| Fee {
                day: *day,
                lamports: fee.amount,
                budget: funds.budget,
                fee_payer: fee.payer.clone(),
                slack: funds.slack,
            });
            let seat = batch.index.iter().find_map(|change| match change {
                IndexChange::Seat { asset, taken_of: Some(of) } => {
                    Some(Seat { asset: key(asset), stream: key(stream), of: *of })
                }
                _ => None,
            });
            if holds.fee.is_some() || seat.is_some() {
                reservations.push((ShardKey::Merchant, Reservation { fee, seat, ..plain }));
            }
        }
        Self(reservations)
    }

    /// Makes all reservations or none. If one shard refuses or does not answer, every shard is told to release.
    ///
    /// # Errors
    /// When a shard does not answer. What it may have reserved is cleared away later.
    pub(super) async fn reserve(&self, ports: &impl ShardPorts) -> Result<Reserved, PortError> {
        let transport = ports.transport();
        let mut asked: Vec<Boxed<'_, Result<Reserved, PortError>>> = Vec::new();
        for (shard, reservation) in &self.0 {
            asked.push(Box::pin(transport.ask(shard, reservation)));
        }
        let answers = join_all(asked).await;
        let refused = answers.into_iter().find(|answer| !matches!(answer, Ok(Reserved::Done)));
        let Some(refused) = refused else { return Ok(Reserved::Done) };
        self.release(ports).await;
        refused
    }

    /// Takes the reservations back. A shard that can't be reached clears its reservation away later.
    pub(super) async fn release(&self, ports: &impl ShardPorts) {
        let transport = ports.transport();
        let mut asked: Vec<Boxed<'_, Result<(), PortError>>> = Vec::new();
        for (shard, reservation) in &self.0 {
            asked.push(Box::pin(async move { transport.ask(shard, &reservation.release()).await }));
        }
        for error in join_all(asked).await.into_iter().filter_map(Result::err) {
            ports.log(&format!("a reservation can't be released now and is left to expire: {error}"));
        }
    }
}
