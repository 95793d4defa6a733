//! Which shard has to answer a request, and what is left to do there. It is for platforms where each stream has its
//! own.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::one_time_code::OneTimeCode;
use super::{Problem, Response};
use crate::account::Account;
use crate::config::Asset;
use crate::gateway::Examined;
use crate::grant::SessionToken;
use crate::ids::{AssetId, OwedId, SessionId, StreamId};
use crate::ports::{Cursor, OwedCursor};
use crate::quote::Operation;
use crate::session::Decision;
use crate::sign_in::Proven;
use crate::x402::PaymentPayload;

/// The part of the journal that a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shard {
    /// The shard of this stream.
    Stream(StreamId),
    /// The shard of this payer.
    Payer(Account),
    /// The merchant's shard.
    Merchant,
}

/// The result of a request before any shard was asked.
#[derive(Debug)]
pub enum StatelessOutcome<'a> {
    /// The request is answered.
    Answered(Response),
    /// The request's shard has to answer it.
    AtShard(ShardTask<'a>),
}

/// The part of a request that only its shard can answer.
///
/// The request has been read by now, and was not refused for anything that can be refused without the journal.
#[derive(Debug)]
pub struct ShardTask<'a>(Box<TaskKind<'a>>);

/// A task, for the handler that carries it out.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a task has it in a box")]
pub(super) enum TaskKind<'a> {
    /// Answer whether a sale could be made now.
    Ready,
    /// Show a page of the catalogue.
    ListAssets { limit: usize, after: Option<AssetId> },
    /// Create this asset.
    CreateAsset(Asset),
    /// Show this asset.
    ShowAsset(Cow<'a, Asset>),
    /// Change this asset's listing.
    ChangeAsset { id: AssetId, patch: Map<String, Value> },
    /// Delete this asset.
    DeleteAsset(AssetId),
    /// Show whether this asset is free, and what its device does.
    AssetStatus(Cow<'a, Asset>),
    /// Show a signed-in wallet its session of this asset, or the price of one.
    Access { purchase: PurchaseRequest, asset: Cow<'a, Asset>, proven: Proven },
    /// Show the price of more time for this session.
    Extend { purchase: PurchaseRequest, asset: Cow<'a, Asset>, session: SessionId, stream: StreamId },
    /// Carry out a sale.
    Buy(PaidRequest<'a>),
    /// Show the session of this token.
    ShowSession(SessionToken),
    /// Show the price of this asset, if its device answers.
    Price { purchase: PurchaseRequest, asset: Cow<'a, Asset> },
    /// Stop the session of this token.
    Stop(SessionToken),
    /// Make a one-time code for the session of this token.
    MakeCode(SessionToken),
    /// Use this one-time code.
    UseCode(OneTimeCode),
    /// Show a page of a payer's sessions.
    ListSessions { proven: Proven, page: Page },
    /// Show a page of all sessions, or of those of this asset.
    ListSold { asset: Option<AssetId>, page: Page },
    /// Show a page of what is owed.
    ListOwed(OwedPage),
    /// Write down what the owner says about what is owed.
    DecideOwed(OwedDecision),
    /// Carry out what is due.
    Tick,
}

/// Which page of a list of sessions is asked for.
#[derive(Debug)]
pub(super) struct Page {
    /// How many sessions it has at most.
    pub(super) limit: usize,
    /// The last session of the page before; `None` for the first page.
    pub(super) before: Option<Cursor>,
}

/// Which page of what is owed is asked for.
#[derive(Debug)]
pub(super) struct OwedPage {
    /// Whether only what the owner has something to do about.
    pub(super) is_open: bool,
    /// How many entries it has at most.
    pub(super) limit: usize,
    /// The last entry of the page before; `None` for the first page.
    pub(super) before: Option<OwedCursor>,
}

/// What the owner says about one entry.
#[derive(Debug)]
pub(super) struct OwedDecision {
    pub(super) stream: StreamId,
    pub(super) id: OwedId,
    pub(super) decision: Decision,
    pub(super) note: Option<String>,
}

/// What a buyer asks for. The asset may not exist: a payment that was accepted before is answered even if its asset was
/// deleted.
#[derive(Debug)]
pub(super) struct PurchaseRequest {
    pub(super) asset: AssetId,
    pub(super) operation: Operation,
    /// The stream of the session to be extended.
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
    /// Leaves a task to the shard.
    pub(super) fn at_shard(work: TaskKind<'a>) -> Result<Self, Problem> {
        Ok(Self::AtShard(ShardTask(Box::new(work))))
    }
}

impl<'a> ShardTask<'a> {
    /// Returns the shard that can carry out the task.
    #[must_use]
    pub fn shard(&self) -> Shard {
        let asset = match &*self.0 {
            TaskKind::Ready
            | TaskKind::ListAssets { .. }
            | TaskKind::ListSold { .. }
            | TaskKind::ListOwed(_)
            | TaskKind::Tick => return Shard::Merchant,
            TaskKind::DecideOwed(decision) => return Shard::Stream(decision.stream.clone()),
            TaskKind::ListSessions { proven, .. } => return Shard::Payer(proven.payer.clone()),
            TaskKind::CreateAsset(asset) => &asset.id,
            TaskKind::ShowAsset(asset) | TaskKind::AssetStatus(asset) => &asset.id,
            TaskKind::ChangeAsset { id, .. } | TaskKind::DeleteAsset(id) => id,
            // The payer's shard knows the payer's sessions of shared assets.
            TaskKind::Access { asset, proven, .. } if asset.capacity.is_shared() => {
                return Shard::Payer(proven.payer.clone());
            }
            TaskKind::Access { purchase, .. } | TaskKind::Price { purchase, .. } => &purchase.asset,
            TaskKind::Extend { stream, .. } => return Shard::Stream(stream.clone()),
            TaskKind::Buy(request) => return Shard::Stream(request.examined.stream().clone()),
            TaskKind::ShowSession(token) | TaskKind::Stop(token) | TaskKind::MakeCode(token) => {
                return Shard::Stream(token.stream());
            }
            TaskKind::UseCode(code) => return Shard::Stream(code.stream.clone()),
        };
        Shard::Stream(StreamId::of_asset(asset.clone()))
    }

    /// Returns whether the task is to carry out what is due. A platform of many shards does that in its own way, with
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
