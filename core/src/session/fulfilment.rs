//! How a purchase is delivered: what a device should be doing, and what it was seen doing.
//!
//! Everything that belongs to one kind of delivery is inside its variant. A new kind is a new variant.

use serde::{Deserialize, Serialize};

use super::entitlement::Entitlement;
use crate::time::Timestamp;

/// How an asset's sessions are delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fulfilment {
    /// Only the grant is delivered, so that nothing else has to be done.
    #[default]
    None,
    /// A lock is unlocked while the session runs.
    Lock,
    /// Requests to an upstream are let through. See `sketches/proxy.rs`.
    #[cfg(test)]
    Proxy,
}

/// What a device should be doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    Lock {
        /// When the lock has to be locked again; `None` if it is to be locked now.
        unlocked_until: Option<Timestamp>,
    },
    /// What an upstream should let through. See `sketches/proxy.rs`.
    #[cfg(test)]
    Proxy {
        /// Requests are let through until then at the latest; `None` means no requests.
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
    /// There was no answer, or none that can be believed. It must never be read as locked.
    Unknown,
}

/// What a device was seen doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    Lock(LockState),
    /// What an upstream was seen doing. See `sketches/proxy.rs`.
    #[cfg(test)]
    Proxy {
        /// Whether requests are let through.
        passes: bool,
    },
}

/// What a host reports of an asset's device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedState {
    /// The number of the desired state that this report answers.
    pub sequence: u64,
    /// What the device was seen doing.
    pub observed: Observed,
    /// Whether the device was to be unlocked and certainly was not: it said so, or was read back locked.
    #[serde(default, skip_serializing_if = "is_not")]
    pub failed: bool,
    /// When the device was seen doing it.
    pub at: Timestamp,
}

const fn is_not(flag: &bool) -> bool {
    !*flag
}

/// What a host tells of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// What the device was seen doing.
    Seen(ReportedState),
    /// The host began anew. It says so before its first command.
    Began {
        /// What it found the device doing.
        found: LockState,
        /// Since when no host had worked the device.
        away_since: Timestamp,
    },
}

/// An asset's desired state, and its last reported state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FulfilmentState {
    /// Counts the asset's grants and desired states; the highest number rules.
    pub sequence: u64,
    /// The latest desired state; `None` if there never was one.
    pub desired: Option<Desired>,
    pub reported: Option<ReportedState>,
    /// Since when the device cannot be unlocked: since a session was given up for that. Only an unlock shows that it can
    /// again, or the owner, who starts the host anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_since: Option<Timestamp>,
}

impl Fulfilment {
    /// Returns what the device should be doing while a session with `entitlement` runs; `None` if there is no device.
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
    /// Returns until when a buyer is let in at the latest; `None` means that nobody is.
    #[must_use]
    pub(crate) const fn open_until(&self) -> Option<Timestamp> {
        match self {
            Self::Lock { unlocked_until } => *unlocked_until,
            #[cfg(test)]
            Self::Proxy { passes_until } => *passes_until,
        }
    }

    /// Returns the same with a buyer let in until `open_until`; `None` lets nobody in.
    #[must_use]
    pub(crate) const fn until(&self, open_until: Option<Timestamp>) -> Self {
        match self {
            Self::Lock { .. } => Self::Lock { unlocked_until: open_until },
            #[cfg(test)]
            Self::Proxy { .. } => Self::Proxy { passes_until: open_until },
        }
    }

    /// Returns until when a lock should be unlocked at the latest; `None` if it should be locked, or there is no lock.
    #[must_use]
    pub(crate) const fn unlocked_until(&self) -> Option<Timestamp> {
        match self {
            Self::Lock { unlocked_until } => *unlocked_until,
            #[cfg(test)]
            Self::Proxy { .. } => None,
        }
    }

    /// Returns whether `observed` is what this asks for.
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

    /// Returns whether a buyer is let in.
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
    /// Returns the state's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Unlocked => "unlocked",
            Self::Unknown => "unknown",
        }
    }

    /// Returns whether the lock is unlocked or locked, as `unlocked` asks.
    #[must_use]
    pub(crate) const fn fulfils(self, unlocked: bool) -> bool {
        matches!((self, unlocked), (Self::Unlocked, true) | (Self::Locked, false))
    }
}

impl ReportedState {
    /// Creates the report of a lock.
    #[must_use]
    pub const fn of_lock(sequence: u64, state: LockState, at: Timestamp) -> Self {
        Self { sequence, observed: Observed::Lock(state), failed: false, at }
    }

    /// Returns the report with whether the device was to be unlocked and certainly was not.
    #[must_use]
    pub const fn with_failed(self, failed: bool) -> Self {
        Self { failed, ..self }
    }

    /// Returns what the lock was seen doing; unknown if the report is not about a lock.
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
    /// Takes in what the device was seen doing.
    pub(super) fn report(&mut self, report: ReportedState) {
        if report.lock() == LockState::Unlocked {
            self.broken_since = None;
        }
        self.reported = Some(report);
    }

    /// Returns whether the device does not answer, or has said that it cannot be unlocked. Then nothing is sold that it
    /// would have to deliver.
    #[must_use]
    pub(crate) fn is_out_of_order(&self) -> bool {
        let is_silent = |report: &ReportedState| report.failed || report.lock() == LockState::Unknown;
        self.broken_since.is_some() || self.reported.as_ref().is_some_and(is_silent)
    }

    /// Returns whether the latest desired state lets a buyer in.
    #[must_use]
    pub(crate) fn is_open(&self) -> bool {
        self.desired.as_ref().is_some_and(Desired::is_open)
    }

    /// Returns the latest desired state. A device that never had one stays locked.
    #[must_use]
    pub(super) fn ordered(&self) -> Desired {
        self.desired.clone().unwrap_or(Desired::Lock { unlocked_until: None })
    }
}
