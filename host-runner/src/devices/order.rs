//! What passes between the component and a device.

use crate::drivers::LockState;

/// What one device should be doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DesiredState {
    pub(crate) asset: String,
    /// Of two orders the higher one rules.
    pub(crate) sequence: u64,
    /// The last moment at which it may be unlocked, in milliseconds since the
    /// Unix epoch; absent: it is to be locked.
    pub(crate) unlocked_until_ms: Option<u64>,
}

/// What one device was seen doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportedState {
    pub(crate) asset: String,
    /// The order it answers; 0 before the first.
    pub(crate) sequence: u64,
    pub(crate) state: LockState,
    pub(crate) at_ms: u64,
}
