//! How what was bought is delivered: what should be so, and what was seen to be so.
//!
//! Whatever belongs to one kind of delivery stands inside its variant here. A new kind is a new variant.

use serde::{Deserialize, Serialize};

use super::entitlement::Entitlement;
use crate::time::Timestamp;

/// The way in which an asset's sessions are delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fulfilment {
    /// Nobody has to do anything: the grant is what is delivered.
    #[default]
    None,
    /// A lock is worked.
    Lock,
    /// Requests to an upstream are let through. See `sketches/proxy.rs`.
    #[cfg(test)]
    Proxy,
}

/// What should be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    /// A lock.
    Lock {
        /// Unlocked until then at the latest; `None`: locked.
        unlocked_until: Option<Timestamp>,
    },
    /// An upstream. See `sketches/proxy.rs`.
    #[cfg(test)]
    Proxy {
        /// Requests are let through until then at the latest; `None`: none is.
        passes_until: Option<Timestamp>,
    },
}

/// What a lock was last seen doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LockState {
    /// It is locked.
    Locked,
    /// It is unlocked.
    Unlocked,
    /// No answer, or one that can't be believed. Never read it as locked.
    Unknown,
}

/// What was seen to be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// A lock does this.
    Lock(LockState),
    /// An upstream. See `sketches/proxy.rs`.
    #[cfg(test)]
    Proxy {
        /// Whether requests are let through.
        passes: bool,
    },
}

/// What whoever fulfils an asset says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedState {
    /// The order that it answers.
    pub sequence: u64,
    /// What was seen.
    pub observed: Observed,
    /// When that was seen.
    pub at: Timestamp,
}

/// What should be so at an asset, and what was last seen to be so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FulfilmentState {
    /// Counts the grants and orders of the asset; the latest rules.
    pub sequence: u64,
    /// The latest order; `None` while nobody was ever told to do anything.
    pub desired: Option<Desired>,
    /// The latest report.
    pub reported: Option<ReportedState>,
}

impl Fulfilment {
    /// Returns what should be so while a session runs that has this; `None` where nobody has to do anything.
    #[must_use]
    pub(crate) const fn while_running(self, entitlement: &Entitlement) -> Option<Desired> {
        match self {
            Self::None => None,
            Self::Lock => Some(Desired::Lock { unlocked_until: entitlement.runs_until() }),
            #[cfg(test)]
            Self::Proxy => Some(Desired::Proxy { passes_until: entitlement.runs_until() }),
        }
    }
}

impl Desired {
    /// Returns until when it lets a buyer in at the latest; `None`: nobody.
    #[must_use]
    pub(crate) const fn open_until(&self) -> Option<Timestamp> {
        match self {
            Self::Lock { unlocked_until } => *unlocked_until,
            #[cfg(test)]
            Self::Proxy { passes_until } => *passes_until,
        }
    }

    /// Returns the same with a buyer let in until then; `None`: nobody.
    #[must_use]
    pub(crate) const fn until(&self, open_until: Option<Timestamp>) -> Self {
        match self {
            Self::Lock { .. } => Self::Lock { unlocked_until: open_until },
            #[cfg(test)]
            Self::Proxy { .. } => Self::Proxy { passes_until: open_until },
        }
    }

    /// Returns until when a lock is unlocked by this at the latest; `None`: locked, or no lock.
    #[must_use]
    pub(crate) const fn unlocked_until(&self) -> Option<Timestamp> {
        match self {
            Self::Lock { unlocked_until } => *unlocked_until,
            #[cfg(test)]
            Self::Proxy { .. } => None,
        }
    }

    /// Says whether what was seen is this.
    #[must_use]
    pub(crate) const fn is_met_by(&self, observed: Observed) -> bool {
        match (self, observed) {
            (Self::Lock { unlocked_until }, Observed::Lock(state)) => state.fulfils(unlocked_until.is_some()),
            #[cfg(test)]
            (Self::Proxy { passes_until }, Observed::Proxy { passes }) => passes_until.is_some() == passes,
            #[cfg(test)]
            (Self::Lock { .. }, Observed::Proxy { .. }) | (Self::Proxy { .. }, Observed::Lock(_)) => false,
        }
    }

    /// Says whether it lets a buyer in.
    #[must_use]
    pub(crate) const fn is_open(&self) -> bool {
        self.open_until().is_some()
    }

    /// Returns the same with nobody let in.
    #[must_use]
    pub const fn closed(&self) -> Self {
        self.until(None)
    }
}

impl LockState {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Unlocked => "unlocked",
            Self::Unknown => "unknown",
        }
    }

    /// Says whether this is what an order asked for.
    #[must_use]
    pub(crate) const fn fulfils(self, unlocked: bool) -> bool {
        matches!((self, unlocked), (Self::Unlocked, true) | (Self::Locked, false))
    }
}

impl ReportedState {
    /// Makes the report of a lock.
    #[must_use]
    pub const fn of_lock(sequence: u64, state: LockState, at: Timestamp) -> Self {
        Self { sequence, observed: Observed::Lock(state), at }
    }

    /// Returns what the lock was seen doing; unknown if this is about no lock.
    #[must_use]
    pub const fn lock(&self) -> LockState {
        match self.observed {
            Observed::Lock(state) => state,
            #[cfg(test)]
            Observed::Proxy { .. } => LockState::Unknown,
        }
    }
}

impl FulfilmentState {
    /// Says whether anybody was let in by the latest order.
    #[must_use]
    pub(crate) fn is_open(&self) -> bool {
        self.desired.as_ref().is_some_and(Desired::is_open)
    }

    /// Returns what should be so by the latest order. A device that was never told anything stays locked.
    #[must_use]
    pub(super) fn ordered(&self) -> Desired {
        self.desired.clone().unwrap_or(Desired::Lock { unlocked_until: None })
    }
}
