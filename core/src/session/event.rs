//! What happened, in its one canonical encoding.
//!
//! An event is written once and must be readable for ever: members are only ever
//! added, with a default; a new meaning is a new event.

use serde::{Deserialize, Serialize};

use super::claim::{Claim, Purchase};
use super::entitlement::Entitlement;
use super::fulfilment::{Desired, ReportedState};
use super::rail::{Landing, Rail};
use super::running::Session;
use crate::account::Account;
use crate::ids::{PaymentId, SessionId};
use crate::listing::Listing;
use crate::time::Timestamp;

/// Something that happened to an asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A payment is reserved for this asset. No money has moved yet.
    PaymentClaimed(Claim),
    /// The payment was sent, and its rail has told more of it.
    PaymentSubmitted {
        /// Which.
        payment: PaymentId,
        /// What is kept of it from now on.
        rail: Rail,
        /// When.
        at: Timestamp,
    },
    /// The money has moved.
    PaymentLanded {
        /// Which.
        payment: PaymentId,
        /// Who paid.
        payer: Account,
        /// What its rail says of it.
        landing: Landing,
        /// When that was seen.
        at: Timestamp,
    },
    /// The payment can't land any more, or landed with an error: nobody was charged.
    PaymentFailed {
        /// Which.
        payment: PaymentId,
        /// Who would have paid.
        payer: Account,
        /// A stable reason.
        reason: String,
        /// When that was known.
        at: Timestamp,
    },
    /// A session began.
    SessionStarted(Session),
    /// A session was extended.
    SessionExtended {
        /// Which.
        session: SessionId,
        /// What it has from now on.
        entitlement: Entitlement,
        /// Everything bought so far.
        purchase: Purchase,
        /// The number of its grant from now on.
        grant: u64,
        /// When.
        at: Timestamp,
    },
    /// What a session has is another, and nothing was bought. See `sketches/mod.rs`.
    #[cfg(test)]
    EntitlementChanged {
        /// Which.
        session: SessionId,
        /// What it has from now on.
        entitlement: Entitlement,
        /// The number of its grant from now on.
        grant: u64,
        /// When.
        at: Timestamp,
    },
    /// A session is over.
    SessionEnded {
        /// Which.
        session: SessionId,
        /// When that was decided; the paid time ended at the session's end.
        at: Timestamp,
    },
    /// Whoever fulfils the asset is to do something else from now on.
    FulfilmentOrdered {
        /// The order's number.
        sequence: u64,
        /// What should be so.
        desired: Desired,
        /// When.
        at: Timestamp,
    },
    /// Something else than before was seen.
    FulfilmentReported(ReportedState),
    /// The asset was made by API.
    AssetCreated {
        /// What it is.
        listing: Listing,
        /// When.
        at: Timestamp,
    },
    /// The asset was changed by API.
    AssetChanged {
        /// What it is from now on.
        listing: Listing,
        /// When.
        at: Timestamp,
    },
    /// The asset was deleted by API. Nobody was inside, and no payment was in flight.
    AssetDeleted {
        /// When.
        at: Timestamp,
    },
}

impl Event {
    /// When it happened.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::PaymentClaimed(claim) => claim.at,
            Self::SessionStarted(session) => session.starts_at,
            Self::FulfilmentReported(report) => report.at,
            Self::PaymentSubmitted { at, .. }
            | Self::PaymentLanded { at, .. }
            | Self::PaymentFailed { at, .. }
            | Self::SessionExtended { at, .. }
            | Self::SessionEnded { at, .. }
            | Self::FulfilmentOrdered { at, .. }
            | Self::AssetCreated { at, .. }
            | Self::AssetChanged { at, .. }
            | Self::AssetDeleted { at } => *at,
            #[cfg(test)]
            Self::EntitlementChanged { at, .. } => *at,
        }
    }
}
