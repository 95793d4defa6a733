//! The session that occupies an asset, and what is left of it.

use serde::{Deserialize, Serialize};

use super::claim::Purchase;
use super::delivery::Delivery;
use super::entitlement::Entitlement;
use super::fee::SessionFees;
use super::fulfilment::Fulfilment;
use super::owed::Refund;
use super::reject::Reject;
use crate::account::Account;
use crate::ids::{OwedId, SessionId};
use crate::time::{Now, Timestamp};

/// A session that occupies its asset: one purchase with all its extensions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    /// The wallet that paid for it.
    pub payer: Account,
    /// When the session was granted.
    pub starts_at: Timestamp,
    pub entitlement: Entitlement,
    /// The sum of everything bought so far.
    pub purchase: Purchase,
    /// The id of the transaction that paid for its start, as its rail names it; `None` if there is none.
    pub transaction: Option<String>,
    pub fulfilment: Fulfilment,
    /// The account that paid for its start; `None` if no account did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Account>,
    /// What the network fees of its payments may have cost; `None` if the gateway paid none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fees: Option<SessionFees>,
    /// How what is owed of it is given back.
    #[serde(default, skip_serializing_if = "Refund::is_manual")]
    pub refund: Refund,
    /// How far it has been delivered.
    #[serde(default, skip_serializing_if = "Delivery::is_default")]
    pub delivery: Delivery,
    /// How many one-time codes have been used to show it on another device.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub codes_used: u32,
    /// The stream's epoch.
    #[serde(default, skip_serializing_if = "is_none")]
    pub epoch: u64,
    /// The sequence of its latest grant. A later grant of the same asset has a higher one.
    pub grant: u64,
}

/// The most one-time codes that a session can use. Each one is an event that is kept for ever.
pub(super) const MAX_CODES: u32 = 50;

const fn is_zero(number: &u32) -> bool {
    *number == 0
}

const fn is_none(epoch: &u64) -> bool {
    *epoch == 0
}

impl Session {
    /// Returns whether nothing is left of what was paid for.
    #[must_use]
    pub(crate) fn is_over(&self, now: &Now) -> bool {
        self.entitlement.is_over(now)
    }

    /// Refuses another one-time code if the session has used as many as it can.
    ///
    /// # Errors
    /// Returns [`Reject::TooManyCodes`] then.
    pub(crate) const fn ensure_code_left(&self) -> Result<(), Reject> {
        if self.codes_used < MAX_CODES { Ok(()) } else { Err(Reject::TooManyCodes) }
    }

    /// Returns the ids of what is owed of it.
    #[must_use]
    pub(crate) fn owed_ids(&self) -> Vec<OwedId> {
        (0..self.delivery.times_owed).map(|number| OwedId::of_session(&self.id, number)).collect()
    }

    /// Returns when the session ends; `None` while that is not known.
    #[must_use]
    pub const fn ends_at(&self) -> Option<Timestamp> {
        self.entitlement.ends_at()
    }

    /// Returns when to ask again for an asset that this session occupies.
    ///
    /// That is the session's end if it is known, but never less than a second from now.
    #[must_use]
    pub(super) fn busy_until(&self, now: Timestamp) -> Timestamp {
        let soon = now.plus_millis(1000);
        self.ends_at().map_or(soon, |end| end.max(soon))
    }
}
