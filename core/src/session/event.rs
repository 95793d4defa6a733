//! The events of a stream, in their one canonical encoding.
//!
//! An event is written once and must be readable for ever. Members are only ever added, with a default; a new meaning
//! is a new event.

use serde::{Deserialize, Serialize};

use super::claim::{Claim, Purchase};
use super::entitlement::Entitlement;
use super::fee::SessionFees;
use super::fulfilment::{Desired, ReportedState};
use super::owed::{Decision, Owed, OwedStatus};
use super::rail::{Landing, Rail};
use super::running::Session;
use crate::account::Account;
use crate::ids::{PaymentId, SessionId};
use crate::listing::Listing;
use crate::time::Timestamp;

/// Something that happened to a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A payment was reserved. No money has moved yet.
    PaymentClaimed(Claim),
    /// A payment was sent, and its rail has told more about it.
    PaymentSubmitted {
        payment: PaymentId,
        /// What the claim keeps of the payment from now on.
        rail: Rail,
        at: Timestamp,
    },
    /// The payment landed: its money has moved.
    PaymentLanded {
        payment: PaymentId,
        payer: Account,
        landing: Landing,
        /// When that was seen.
        at: Timestamp,
    },
    /// The payment can no longer land, or it landed with an error. The buyer was not charged.
    PaymentFailed {
        payment: PaymentId,
        payer: Account,
        /// One of the stable reasons in `failure`.
        reason: String,
        /// When that became known.
        at: Timestamp,
    },
    SessionStarted(Session),
    SessionExtended {
        session: SessionId,
        /// What the session has from now on.
        entitlement: Entitlement,
        /// The sum of everything bought so far.
        purchase: Purchase,
        /// What the network fees of all payments may have cost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fees: Option<SessionFees>,
        /// The sequence number of the session's new grant. It replaces every grant with a lower number.
        grant: u64,
        at: Timestamp,
    },
    /// A session's entitlement changed without a purchase: the wall clock was set, and its end moved with it.
    EntitlementChanged {
        session: SessionId,
        /// What the session has from now on.
        entitlement: Entitlement,
        /// The sequence number of the session's new grant. It replaces every grant with a lower number.
        grant: u64,
        at: Timestamp,
    },
    /// A one-time code was used to show the session on another device.
    CodeUsed {
        session: SessionId,
        at: Timestamp,
    },
    /// The buyer has stopped the session. It ends once its device is locked.
    SessionStopped {
        session: SessionId,
        /// The number of the desired state that locks the device.
        sequence: u64,
        at: Timestamp,
    },
    /// Money became owed to a payer, or may be owed.
    MoneyOwed(Owed),
    /// The owner has decided about money that was owed, or may have been.
    OwedDecided {
        owed: Owed,
        /// What it was before.
        was: OwedStatus,
        decision: Decision,
        /// The owner's note, such as the transaction of the refund.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        at: Timestamp,
    },
    SessionEnded {
        session: SessionId,
        /// When that was decided. The paid time itself ended at the session's end.
        at: Timestamp,
    },
    /// The asset's desired state changed.
    #[serde(rename = "fulfilment_ordered")]
    FulfilmentDesired {
        /// The desired state's number.
        sequence: u64,
        desired: Desired,
        at: Timestamp,
    },
    /// A device was seen doing something else than before.
    FulfilmentReported(ReportedState),
    /// The host beside the device began anew, so that the device may be sold again although it could not be unlocked.
    DeviceReturned {
        at: Timestamp,
    },
    /// The asset was created by API.
    AssetCreated {
        listing: Listing,
        at: Timestamp,
    },
    /// The asset's listing was changed by API.
    AssetChanged {
        listing: Listing,
        at: Timestamp,
    },
    /// The asset was deleted by API. No session was running, and no payment was in flight.
    AssetDeleted {
        at: Timestamp,
    },
}

impl Event {
    /// Creates the event of a change of the desired state.
    pub(super) const fn desired(sequence: u64, desired: Desired, at: Timestamp) -> Self {
        Self::FulfilmentDesired { sequence, desired, at }
    }

    /// Returns when the event happened.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::PaymentClaimed(claim) => claim.at,
            Self::SessionStarted(session) => session.starts_at,
            Self::FulfilmentReported(report) => report.at,
            Self::MoneyOwed(owed) => owed.at,
            Self::PaymentSubmitted { at, .. }
            | Self::PaymentLanded { at, .. }
            | Self::PaymentFailed { at, .. }
            | Self::SessionExtended { at, .. }
            | Self::CodeUsed { at, .. }
            | Self::SessionStopped { at, .. }
            | Self::SessionEnded { at, .. }
            | Self::OwedDecided { at, .. }
            | Self::DeviceReturned { at }
            | Self::FulfilmentDesired { at, .. }
            | Self::AssetCreated { at, .. }
            | Self::AssetChanged { at, .. }
            | Self::EntitlementChanged { at, .. }
            | Self::AssetDeleted { at } => *at,
        }
    }
}
