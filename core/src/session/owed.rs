//! What is owed back to a payer, and why.

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::ids::{OwedId, PaymentId, SessionId};
use crate::money::Money;
use crate::time::Timestamp;

/// How an asset's owner gives back what is owed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refund {
    /// The owner sees what is owed and pays it back.
    #[default]
    Manual,
    /// It becomes credit of the wallet that paid.
    Credit,
    /// The gateway pays it back to the token account that paid, with a key to which the owner has delegated an amount.
    Onchain,
}

impl Refund {
    /// All ways.
    pub(crate) const ALL: [Self; 3] = [Self::Manual, Self::Credit, Self::Onchain];

    /// Returns the name in a configuration and in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Credit => "credit",
            Self::Onchain => "onchain",
        }
    }

    /// Returns the way with this name.
    #[must_use]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refund| refund.name() == name)
    }

    pub(crate) fn is_manual(&self) -> bool {
        *self == Self::Manual
    }
}

/// Why money is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwedReason {
    /// The device did not unlock, and says so.
    DeviceFailed,
    /// The device may have unlocked or not. Whether anything is owed is the owner's to decide.
    DeviceUnclear,
    /// The box beside the device was away, and the device was locked meanwhile.
    Outage,
    /// The payment landed too late to be of use.
    TooLate,
    /// The journal has lost what the payment bought. The owner decides whether it is owed.
    JournalLost,
    /// The asset or its device was taken out of the configuration.
    AssetRemoved,
    /// The buyer stopped before the paid end.
    Stopped,
    /// The gateway could not deliver for a reason of its own.
    GatewayError,
}

impl OwedReason {
    /// Returns the name in the API, which is that in the journal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeviceFailed => "device_failed",
            Self::DeviceUnclear => "device_unclear",
            Self::Outage => "outage",
            Self::TooLate => "too_late",
            Self::JournalLost => "journal_lost",
            Self::AssetRemoved => "asset_removed",
            Self::Stopped => "stopped",
            Self::GatewayError => "gateway_error",
        }
    }

    /// Returns whether the owner has to decide first whether the money is owed.
    #[must_use]
    pub const fn is_unclear(self) -> bool {
        matches!(self, Self::DeviceUnclear | Self::JournalLost)
    }
}

/// How far money that is owed has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwedStatus {
    /// Whether it is owed is the owner's to decide.
    Unclear,
    /// It is owed.
    Owed,
    /// It is not owed: what it was paid for was delivered.
    NotOwed,
    /// The owner has paid it back.
    Refunded,
}

impl OwedStatus {
    /// Returns the name in the API, which is that in the journal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unclear => "unclear",
            Self::Owed => "owed",
            Self::NotOwed => "not_owed",
            Self::Refunded => "refunded",
        }
    }

    /// Returns whether the owner has something to do about it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Unclear | Self::Owed)
    }
}

/// What the owner says about money that is owed, or may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// What was unclear is owed.
    Owed,
    /// What was unclear is not owed: it was delivered.
    NotOwed,
    /// It was paid back outside the gateway.
    Refunded,
}

impl Decision {
    /// All decisions.
    pub const ALL: [Self; 3] = [Self::Owed, Self::NotOwed, Self::Refunded];

    /// Returns the name in the API and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owed => "owed",
            Self::NotOwed => "not_owed",
            Self::Refunded => "refunded",
        }
    }

    /// Returns the decision with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.name() == name)
    }

    /// Returns what the money is after the decision.
    #[must_use]
    pub(crate) const fn status(self) -> OwedStatus {
        match self {
            Self::Owed => OwedStatus::Owed,
            Self::NotOwed => OwedStatus::NotOwed,
            Self::Refunded => OwedStatus::Refunded,
        }
    }
}

/// Money that is owed back to a payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    pub id: OwedId,
    /// The session that it was paid for.
    pub session: SessionId,
    /// The payment, if all of it is owed because it bought nothing; `None` if a part of a session is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
    /// The wallet that paid.
    pub payer: Account,
    /// The account that the money came from; `None` if no account paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Account>,
    pub money: Money,
    pub reason: OwedReason,
    /// How it is given back.
    #[serde(default, skip_serializing_if = "Refund::is_manual")]
    pub refund: Refund,
    /// How much of the session was not delivered in all, in milliseconds; 0 if the payment bought nothing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub undelivered_ms: u64,
    pub at: Timestamp,
}

const fn is_zero(ms: &u64) -> bool {
    *ms == 0
}
