//! Where a request is answered, on a platform that keeps each asset in a place of its own, and what is left to do there.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Problem, Response};
use crate::account::Account;
use crate::config::Asset;
use crate::gateway::Examined;
use crate::grant::SessionToken;
use crate::ids::{AssetId, SessionId, StreamId};
use crate::ports::Cursor;
use crate::quote::Operation;
use crate::x402::PaymentPayload;

/// The part of the journal that a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shard {
    /// This stream's.
    Stream(StreamId),
    /// This payer's.
    Payer(Account),
    /// The merchant's.
    Merchant,
}

/// What became of a request before any shard was asked.
#[derive(Debug)]
pub enum StatelessOutcome<'a> {
    /// It is answered.
    Answered(Response),
    /// Its shard has to answer it.
    AtShard(ShardTask<'a>),
}

/// What is left of a request that only its shard can answer.
///
/// What can be refused without the journal has been, and what the request says has been read.
#[derive(Debug)]
pub struct ShardTask<'a>(Box<TaskKind<'a>>);

/// A task, for the handler that carries it out.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a task has it in a box")]
pub(super) enum TaskKind<'a> {
    /// Says whether a sale could be made now.
    Ready,
    /// Shows a page of the catalogue.
    ListAssets { limit: usize, after: Option<AssetId> },
    /// Makes this asset.
    CreateAsset(Asset),
    /// Shows this asset.
    ShowAsset(Cow<'a, Asset>),
    /// Changes what an asset is.
    ChangeAsset { id: AssetId, patch: Map<String, Value> },
    /// Deletes this asset.
    DeleteAsset(AssetId),
    /// Says where this asset stands.
    AssetStatus(Cow<'a, Asset>),
    /// Shows a wallet the session that it has here, or the price of one.
    Access { purchase: PurchaseRequest, asset: Cow<'a, Asset>, payer: Account },
    /// Shows the price of more time for this session.
    Extend { purchase: PurchaseRequest, asset: Cow<'a, Asset>, session: SessionId, stream: StreamId },
    /// Takes a payment.
    Buy(PaidRequest<'a>),
    /// Shows the session of this token.
    ShowSession(SessionToken),
    /// Shows a page of a payer's sessions.
    ListSessions { payer: Account, limit: usize, before: Option<Cursor> },
    /// Carries out what is due.
    Tick,
}

/// What a buyer stands in front of. Whether there is such an asset is another question: a
/// payment that was taken is answered also when it is gone.
#[derive(Debug)]
pub(super) struct PurchaseRequest {
    pub(super) asset: AssetId,
    pub(super) operation: Operation,
    /// The stream of the session that is extended.
    pub(super) stream: Option<StreamId>,
    pub(super) quantity: Option<u64>,
}

/// A payment that its payer has signed.
#[derive(Debug)]
pub(super) struct PaidRequest<'a> {
    pub(super) purchase: PurchaseRequest,
    pub(super) payment: PaymentPayload,
    pub(super) examined: Examined<'a>,
}

impl<'a> StatelessOutcome<'a> {
    /// Leaves this to the shard.
    pub(super) fn at_shard(work: TaskKind<'a>) -> Result<Self, Problem> {
        Ok(Self::AtShard(ShardTask(Box::new(work))))
    }
}

impl<'a> ShardTask<'a> {
    /// Returns the shard that can carry it out.
    #[must_use]
    pub fn shard(&self) -> Shard {
        let asset = match &*self.0 {
            TaskKind::Ready | TaskKind::ListAssets { .. } | TaskKind::Tick => return Shard::Merchant,
            TaskKind::ListSessions { payer, .. } => return Shard::Payer(payer.clone()),
            TaskKind::CreateAsset(asset) => &asset.id,
            TaskKind::ShowAsset(asset) | TaskKind::AssetStatus(asset) => &asset.id,
            TaskKind::ChangeAsset { id, .. } | TaskKind::DeleteAsset(id) => id,
            // What a wallet has at a shared asset stands with the wallet.
            TaskKind::Access { asset, payer, .. } if asset.capacity.is_shared() => {
                return Shard::Payer(payer.clone());
            }
            TaskKind::Access { purchase, .. } => &purchase.asset,
            TaskKind::Extend { stream, .. } => return Shard::Stream(stream.clone()),
            TaskKind::Buy(request) => return Shard::Stream(request.examined.stream().clone()),
            TaskKind::ShowSession(token) => return Shard::Stream(token.stream()),
        };
        Shard::Stream(StreamId::of_asset(asset.clone()))
    }

    /// Says whether it is to carry out what is due. A platform of many shards does that in a way of its own, with
    /// [`tick`](super::tick).
    #[must_use]
    pub const fn is_tick(&self) -> bool {
        matches!(*self.0, TaskKind::Tick)
    }

    /// Returns what is to be done.
    pub(super) fn into_work(self) -> TaskKind<'a> {
        *self.0
    }
}
