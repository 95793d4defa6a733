//! What can be found again without an asset's history: payments by their id and
//! ticket, sessions by their id and payer. A projection of the events, written in
//! the same append as they are.

use serde::{Deserialize, Serialize};

use super::claim::{Claim, Guarded, Paid};
use super::event::Event;
use super::failure;
use super::running::Session;
use super::state::AssetState;
use crate::ids::{AssetId, PaymentId, SessionId};
use crate::listing::Listing;
use crate::money::Amount;
use crate::quote::{Operation, TicketId};
use crate::svm::Address;
use crate::time::Timestamp;

/// How far a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaymentStatus {
    /// Claimed; whether it landed is not known yet.
    Pending,
    /// Landed, and what it bought was granted.
    Granted,
}

/// A payment that is in flight or has bought something. (Failed ones are purged.)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRecord {
    /// Its id.
    pub payment: PaymentId,
    /// For which asset.
    pub asset: AssetId,
    /// For what.
    pub operation: Operation,
    /// Which session it starts or extends.
    pub session: SessionId,
    /// What was bought.
    pub paid: Paid,
    /// The ticket's name, where there was a ticket.
    pub ticket: Option<TicketId>,
    /// Who paid.
    pub payer: Address,
    /// The transaction's id, base58.
    pub signature: String,
    /// How far it is.
    pub status: PaymentStatus,
    /// When it was claimed.
    pub at: Timestamp,
}

/// A session, running or past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Of which asset.
    pub asset: AssetId,
    /// The session as it stands.
    pub session: Session,
    /// The device order that goes with it: the number of its grant.
    pub sequence: u64,
    /// Whether it was ended.
    pub ended: bool,
}

/// A change of the indexes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IndexChange {
    /// A payment is claimed: its id and its ticket must be new, or the whole
    /// append fails (invariant 1).
    Claim {
        /// The payment's id, at most once.
        id: PaymentId,
        /// The ticket, at most once.
        ticket: Option<TicketId>,
        /// The record.
        record: PaymentRecord,
        /// The UTC day on which its fee counts, in days since the epoch.
        day: u64,
        /// Its fee, in lamports.
        fee: u64,
        /// The token account that pays.
        source: Address,
        /// What it takes from there.
        amount: Amount,
        /// The wallet of ours that pays its fee.
        fee_payer: Address,
        /// What its wallet guards depend on.
        guarded: Guarded,
    },
    /// A payment has another status.
    Payment {
        /// The payment's id.
        id: PaymentId,
        /// The record.
        record: PaymentRecord,
    },
    /// A failed payment leaves nothing behind but a note of who failed, for an hour.
    Purge {
        /// The payment's id.
        id: PaymentId,
        /// The day on which its fee was counted.
        day: u64,
        /// What is given back of it: all of it if it never landed.
        fee: u64,
        /// Who would have paid.
        payer: Address,
        /// When it was known that it failed.
        at: Timestamp,
    },
    /// A session is new or has changed.
    Session {
        /// The session's id.
        id: SessionId,
        /// Who paid for it.
        payer: Address,
        /// When it began.
        starts: Timestamp,
        /// The record.
        record: SessionRecord,
    },
    /// The catalogue shows the asset like this from now on, or no more.
    Listing {
        /// What the asset is; `None` if it was deleted.
        listing: Option<Listing>,
    },
}

/// What the events change in the indexes. `before` is the state that they happened to.
#[must_use]
pub fn changes(
    asset: &AssetId,
    before: &AssetState,
    after: &AssetState,
    events: &[Event],
) -> Vec<IndexChange> {
    let mut changes = Vec::new();
    for event in events {
        match event {
            Event::PaymentClaimed(claim) => changes.push(IndexChange::Claim {
                id: claim.payment.clone(),
                ticket: claim.ticket.clone(),
                record: record(asset, claim, PaymentStatus::Pending),
                day: claim.at.day(),
                fee: claim.fee_lamports,
                source: claim.source,
                amount: claim.paid.amount,
                fee_payer: claim.fee_payer,
                guarded: claim.guarded,
            }),
            Event::PaymentLanded { payment, .. } => {
                changes.extend(before.claim(payment).map(|claim| IndexChange::Payment {
                    id: payment.clone(),
                    record: record(asset, claim, PaymentStatus::Granted),
                }))
            }
            Event::PaymentFailed { payment, reason, at, .. } => {
                changes.extend(before.claim(payment).map(|claim| IndexChange::Purge {
                    id: payment.clone(),
                    day: claim.at.day(),
                    fee: if failure::cost_nothing(reason) { claim.fee_lamports } else { 0 },
                    payer: claim.payer,
                    at: *at,
                }));
            }
            Event::SessionStarted(_) | Event::SessionExtended { .. } => {
                changes.extend(
                    after.session.as_ref().map(|session| put(asset, session, after.device.sequence, false)),
                );
            }
            Event::SessionEnded { session: id, .. } => {
                let ended = before.session.as_ref().filter(|session| session.id == *id);
                changes.extend(ended.map(|session| put(asset, session, before.device.sequence, true)));
            }
            Event::AssetCreated { .. } | Event::AssetChanged { .. } | Event::AssetDeleted { .. } => {
                changes.push(IndexChange::Listing { listing: after.listing.clone() });
            }
            Event::DeviceOrdered { .. } | Event::DeviceReported(_) => {}
        }
    }
    changes
}

fn put(asset: &AssetId, session: &Session, sequence: u64, ended: bool) -> IndexChange {
    IndexChange::Session {
        id: session.id.clone(),
        payer: session.payer,
        starts: session.starts_at,
        record: SessionRecord { asset: asset.clone(), session: session.clone(), sequence, ended },
    }
}

fn record(asset: &AssetId, claim: &Claim, status: PaymentStatus) -> PaymentRecord {
    PaymentRecord {
        payment: claim.payment.clone(),
        asset: asset.clone(),
        operation: claim.operation.clone(),
        session: claim.session.clone(),
        paid: claim.paid.clone(),
        ticket: claim.ticket.clone(),
        payer: claim.payer,
        signature: claim.signature.clone(),
        status,
        at: claim.at,
    }
}
