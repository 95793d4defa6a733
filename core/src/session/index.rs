//! The changes that an append makes to the indexes, which find payments by id and ticket, and sessions by id and payer.
//!
//! They follow from the events and are written in the same append, so that nothing has to read an asset's history.

use serde::{Deserialize, Serialize};

use super::claim::{Claim, Purchase};
use super::event::Event;
use super::failure;
use super::fee::Earned;
use super::ledger::{self, Entry};
use super::owed::{Owed, OwedStatus};
use super::rail::Holds;
use super::running::Session;
use super::state::{StreamState, evolve};
use crate::account::Account;
use crate::ids::{AssetId, OwedId, PaymentId, SessionId, StreamId};
use crate::listing::Listing;
use crate::money::Money;
use crate::quote::{Operation, TicketId};
use crate::time::Timestamp;

/// How far a payment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaymentStatus {
    /// Claimed. Whether it has landed is not known yet.
    Pending,
    /// Landed, and what it bought was granted.
    Granted,
    /// Landed, but it bought nothing: all of it is owed.
    Owed,
}

/// A payment that is in flight or has bought something. Failed payments are purged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRecord {
    pub payment: PaymentId,
    /// The stream in which it was claimed.
    pub stream: StreamId,
    pub operation: Operation,
    /// The session that it starts or extends.
    pub session: SessionId,
    pub purchase: Purchase,
    /// The id of the ticket that it answers; `None` without a ticket.
    pub ticket: Option<TicketId>,
    pub payer: Account,
    /// The transaction's id, as its rail names it; `None` if there is none, or it is not known yet.
    pub transaction: Option<String>,
    pub status: PaymentStatus,
    /// When it was claimed.
    pub at: Timestamp,
}

/// A session, running or past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The stream in which it runs.
    pub stream: StreamId,
    /// The session after its latest change.
    pub session: Session,
    /// Whether it has ended.
    pub ended: bool,
}

/// Money that is owed, or may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwedRecord {
    /// The stream in which it became owed.
    pub stream: StreamId,
    pub owed: Owed,
    pub status: OwedStatus,
    /// The owner's note about the latest decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A change of the indexes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IndexChange {
    /// A payment is claimed. Its id and its ticket must be new, or the whole append fails (invariant 1).
    Claim {
        id: PaymentId,
        ticket: Option<TicketId>,
        record: PaymentRecord,
        /// What it holds while it is in flight.
        holds: Holds,
    },
    /// A payment's status has changed, or more is known about it.
    Payment { id: PaymentId, record: PaymentRecord },
    /// A failed payment is removed. Only a note of its payer's failure stays, for a day.
    Purge {
        id: PaymentId,
        /// Whether it landed with an error, and so has cost its fee.
        has_landed: bool,
        /// Whether its payer may have caused the failure.
        is_payers: bool,
        /// Whether only its payer can have.
        is_bounce: bool,
        /// The wallet that would have paid.
        payer: Account,
        /// When the failure became known.
        at: Timestamp,
    },
    /// A session is new or has changed.
    Session {
        id: SessionId,
        asset: AssetId,
        payer: Account,
        starts: Timestamp,
        record: SessionRecord,
        /// What it has earned, if it is over.
        earned: Option<Earned>,
    },
    /// A payment has bought something: a session, or more time for one.
    Sale {
        payment: PaymentId,
        asset: AssetId,
        /// What was paid.
        price: Money,
        /// When it was seen that the money has moved.
        at: Timestamp,
    },
    /// Money became owed or may be owed, or the owner has decided about it.
    Owed {
        id: OwedId,
        payer: Account,
        at: Timestamp,
        /// Whether the owner has something to do about it.
        is_open: bool,
        record: OwedRecord,
    },
    /// Money moved from one account of the ledger to another.
    Entry(Entry),
    /// A session of a shared asset of limited capacity takes a seat, or leaves it.
    Seat {
        asset: AssetId,
        /// How many seats the asset has, if one is taken. If none is free, the whole append fails. `None` if the seat
        /// is left.
        taken_of: Option<u64>,
    },
    /// The catalogue shows the asset like this from now on.
    Listing {
        /// `None` if the asset was deleted and is no longer shown.
        listing: Option<Listing>,
    },
}

/// Returns what `events` change in the indexes. `before` is the state that they happened to.
#[must_use]
pub(crate) fn changes(
    stream: &StreamId,
    before: &StreamState,
    after: &StreamState,
    events: &[Event],
) -> Vec<IndexChange> {
    let mut changes = Vec::new();
    let mut state = before.clone();
    for event in events {
        let earlier = state.clone();
        state = evolve(state, event);
        match event {
            Event::PaymentClaimed(claim) => changes.push(claimed(stream, claim)),
            Event::PaymentSubmitted { payment, .. } => {
                changes.extend(state.claim(payment).map(|claim| IndexChange::Payment {
                    id: payment.clone(),
                    record: record(stream, claim, None, PaymentStatus::Pending),
                }));
            }
            Event::PaymentLanded { payment, landing, at, .. } => {
                let claim = earlier.claim(payment);
                let is_owed = events.iter().any(|event| owes(event, payment));
                let status = if is_owed { PaymentStatus::Owed } else { PaymentStatus::Granted };
                changes.extend(claim.map(|claim| IndexChange::Payment {
                    id: payment.clone(),
                    record: record(stream, claim, landing.transaction(), status),
                }));
                changes.extend(claim.filter(|_| !is_owed).map(|claim| sold(stream, claim, *at)));
            }
            Event::PaymentFailed { payment, reason, at, .. } => {
                changes.extend(earlier.claim(payment).map(|claim| IndexChange::Purge {
                    id: payment.clone(),
                    has_landed: !failure::cost_nothing(reason),
                    is_payers: failure::may_be_payers(reason),
                    is_bounce: failure::is_bounce(reason),
                    payer: claim.payer.clone(),
                    at: *at,
                }));
            }
            Event::SessionStarted(_) | Event::SessionExtended { .. } | Event::EntitlementChanged { .. } => {
                changes.extend(state.session.as_ref().map(|session| put(stream, session, false)));
            }
            Event::MoneyOwed(owed) => {
                changes.push(owed_of(stream, owed));
                let running = state.session.as_ref().filter(|session| session.id == owed.session);
                changes.extend(running.map(|session| put(stream, session, false)));
            }
            Event::OwedDecided { owed, decision, note, .. } => {
                changes.push(put_owed(stream, owed, decision.status(), note.as_deref()));
            }
            Event::SessionEnded { session: id, .. } => {
                let ended = earlier.session.as_ref().filter(|session| session.id == *id);
                changes.extend(ended.map(|session| put(stream, session, true)));
            }
            Event::AssetCreated { .. } | Event::AssetChanged { .. } | Event::AssetDeleted { .. } => {
                changes.push(IndexChange::Listing { listing: after.listing.clone() });
            }
            // A report may say for the first time that the device let the buyer in.
            Event::SessionStopped { .. } | Event::FulfilmentReported(_) | Event::DeviceReturned { .. }
                if state.session != earlier.session =>
            {
                changes.extend(state.session.as_ref().map(|session| put(stream, session, false)));
            }
            Event::SessionStopped { .. }
            | Event::CodeUsed { .. }
            | Event::FulfilmentDesired { .. }
            | Event::FulfilmentReported(_)
            | Event::DeviceReturned { .. } => {}
        }
    }
    changes.extend(ledger::entries(before, events).into_iter().map(IndexChange::Entry));
    if before.is_seated != after.is_seated {
        let taken_of = events.iter().find_map(|event| match event {
            Event::PaymentClaimed(claim) => claim.seats,
            _ => None,
        });
        changes.push(IndexChange::Seat { asset: stream.asset().clone(), taken_of });
    }
    changes
}

fn claimed(stream: &StreamId, claim: &Claim) -> IndexChange {
    IndexChange::Claim {
        id: claim.payment.clone(),
        ticket: claim.ticket.clone(),
        record: record(stream, claim, None, PaymentStatus::Pending),
        holds: claim.rail.holds(claim.purchase.price.amount),
    }
}

fn sold(stream: &StreamId, claim: &Claim, at: Timestamp) -> IndexChange {
    IndexChange::Sale {
        payment: claim.payment.clone(),
        asset: stream.asset().clone(),
        price: claim.purchase.price.clone(),
        at,
    }
}

/// Returns whether an event owes all of a payment.
fn owes(event: &Event, payment: &PaymentId) -> bool {
    matches!(event, Event::MoneyOwed(owed) if owed.payment.as_ref() == Some(payment))
}

fn owed_of(stream: &StreamId, owed: &Owed) -> IndexChange {
    let status = if owed.reason.is_unclear() { OwedStatus::Unclear } else { OwedStatus::Owed };
    put_owed(stream, owed, status, None)
}

fn put_owed(stream: &StreamId, owed: &Owed, status: OwedStatus, note: Option<&str>) -> IndexChange {
    let note = note.map(str::to_owned);
    let record = OwedRecord { stream: stream.clone(), owed: owed.clone(), status, note };
    IndexChange::Owed {
        id: owed.id.clone(),
        payer: owed.payer.clone(),
        at: owed.at,
        is_open: status.is_open(),
        record,
    }
}

fn put(stream: &StreamId, session: &Session, ended: bool) -> IndexChange {
    IndexChange::Session {
        id: session.id.clone(),
        asset: stream.asset().clone(),
        payer: session.payer.clone(),
        starts: session.starts_at,
        record: SessionRecord { stream: stream.clone(), session: session.clone(), ended },
        earned: session.fees.filter(|_| ended).map(|fees| Earned::of(fees, &session.kept())),
    }
}

fn record(stream: &StreamId, claim: &Claim, landed_as: Option<&str>, status: PaymentStatus) -> PaymentRecord {
    PaymentRecord {
        payment: claim.payment.clone(),
        stream: stream.clone(),
        operation: claim.operation.clone(),
        session: claim.session.clone(),
        purchase: claim.purchase.clone(),
        ticket: claim.ticket.clone(),
        payer: claim.payer.clone(),
        transaction: landed_as.or(claim.rail.transaction()).map(str::to_owned),
        status,
        at: claim.at,
    }
}
