//! What a device should be doing, and what it was seen doing.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What a device was last seen doing.
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

    /// Whether this is what an order asked for.
    #[must_use]
    pub const fn fulfils(self, unlocked: bool) -> bool {
        matches!((self, unlocked), (Self::Unlocked, true) | (Self::Locked, false))
    }
}

/// What the box beside the device says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The order that it answers.
    pub sequence: u64,
    /// What the device does.
    pub state: LockState,
    /// When that was seen.
    pub at: Timestamp,
}

/// What the device should be doing, and what it was last seen doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceState {
    /// Counts the orders; the latest rules.
    pub sequence: u64,
    /// Unlocked until then at the latest; `None`: locked.
    pub unlocked_until: Option<Timestamp>,
    /// The last report.
    pub reported: Option<Report>,
}
