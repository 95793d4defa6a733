//! One attempt to claim a payment: the shards it asks before the append, and the reservations it takes back.

use std::fmt::Display;
use std::slice::from_ref;

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

/// The reservations of one attempt to append. A batch that claims nothing has none.
#[derive(Debug)]
pub(super) struct ClaimAttempt {
    /// Those that are made before the append, each with its shard. They are taken back together.
    asked: Vec<(ShardKey, Reservation)>,
    /// That of the merchant's shard, while it has not been asked for it. A batch claims one payment at most.
    merchants: Option<Reservation>,
}

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
        let (mut asked, mut merchants) = (Vec::new(), None);
        for change in &batch.index {
            let IndexChange::Claim { id, record, holds, .. } = change else { continue };
            let plain = Reservation {
                payment: id.clone(),
                stream: stream.clone(),
                attempt: attempt.clone(),
                at: now,
                funds: None,
                fee: None,
                seat: None,
            };
            asked.push((ShardKey::Payment(id.clone()), plain.clone()));
            let fee = batch.funds.as_ref().zip(holds.fee.as_ref()).and_then(|(funds, fee)| {
                let (check, slack) = (funds.fee.clone()?, funds.slack);
                Some(Fee { check, is_trusted: false, fee_payer: fee.payer.clone(), slack })
            });
            // Without a source account there is no balance to check, and no balance has to cover a payment that has landed.
            // Without a fee or a seat, the merchant's shard is not asked either.
            if let Some(funds) = batch.funds.clone().filter(|_| holds.source.is_some()) {
                let funds = Some(funds.without_fee());
                let covered = Reservation { funds, fee: fee.clone(), ..plain.clone() };
                asked.push((ShardKey::Payer(record.payer.clone()), covered));
            }
            let seat = batch.index.iter().find_map(|change| match change {
                IndexChange::Seat { asset, taken_of: Some(of) } => {
                    Some(Seat { asset: key(asset), stream: key(stream), of: *of })
                }
                _ => None,
            });
            if (batch.funds.is_some() && holds.fee.is_some()) || seat.is_some() {
                merchants = Some(Reservation { fee, seat, ..plain });
            }
        }
        Self { asked, merchants }
    }

    /// Makes all reservations that the claim depends on, or none. If one shard refuses or does not answer, every shard that
    /// was asked is told to release.
    ///
    /// The merchant's shard, which all sales share, is asked last: only for what the payer's and the payment's have granted,
    /// and only if it has something to check.
    ///
    /// # Errors
    /// When a shard does not answer. What it may have reserved is cleared away later.
    pub(super) async fn reserve(&mut self, ports: &impl ShardPorts) -> Result<Reserved, PortError> {
        let mut granted = ask(&self.asked, ports).await;
        if let Ok(reserved @ (Reserved::Done | Reserved::Trusted)) = granted {
            if let Some(fee) = self.merchants.as_mut().and_then(|reservation| reservation.fee.as_mut()) {
                fee.is_trusted = reserved == Reserved::Trusted;
            }
            if let Some(last) = self.merchants.take_if(|reservation| !reservation.is_only_told()) {
                let last = (ShardKey::Merchant, last);
                granted = ask(from_ref(&last), ports).await;
                self.asked.push(last);
            }
        }
        match granted {
            Ok(Reserved::Done | Reserved::Trusted) => Ok(Reserved::Done),
            refused => {
                self.release(ports).await;
                refused
            }
        }
    }

    /// Tells the merchant's shard of a claimed payment what it was not asked for.
    ///
    /// Nothing waits for that. It comes after an append that was written, or may have been, so it is not taken back.
    pub(super) fn tell(&self, ports: &impl ShardPorts) {
        if let Some(reservation) = &self.merchants
            && let Err(error) = ports.transport().tell(&ShardKey::Merchant, reservation)
        {
            ports.log(&error.to_string());
        }
    }

    /// Takes the reservations back. A shard that can't be reached clears its reservation away later.
    pub(super) async fn release(&self, ports: &impl ShardPorts) {
        let transport = ports.transport();
        let mut asked: Vec<Boxed<'_, Result<(), PortError>>> = Vec::new();
        for (shard, reservation) in &self.asked {
            asked.push(Box::pin(async move { transport.ask(shard, &reservation.release()).await }));
        }
        for error in join_all(asked).await.into_iter().filter_map(Result::err) {
            ports.log(&format!("a reservation can't be released now and is left to expire: {error}"));
        }
    }
}

/// Makes these reservations at once.
///
/// Returns the first refusal or error if there is one. Otherwise it returns [`Reserved::Trusted`] if the payer's shard
/// said so, and [`Reserved::Done`] if not.
async fn ask(
    reservations: &[(ShardKey, Reservation)],
    ports: &impl ShardPorts,
) -> Result<Reserved, PortError> {
    let transport = ports.transport();
    let mut asked: Vec<Boxed<'_, Result<Reserved, PortError>>> = Vec::new();
    for (shard, reservation) in reservations {
        asked.push(Box::pin(transport.ask(shard, reservation)));
    }
    let answers = join_all(asked).await;
    let is_trusted = answers.contains(&Ok(Reserved::Trusted));
    let is_refusal = |answer: &_| !matches!(answer, Ok(Reserved::Done | Reserved::Trusted));
    let granted = if is_trusted { Reserved::Trusted } else { Reserved::Done };
    answers.into_iter().find(is_refusal).unwrap_or(Ok(granted))
}
