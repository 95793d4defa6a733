//! What the component and a device tell each other.

use crate::drivers::LockState;

/// What one device should be doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DesiredState {
    pub(crate) asset: String,
    /// Of two orders the one with the higher sequence rules.
    pub(crate) sequence: u64,
    /// The last moment at which the device may be unlocked, in milliseconds since the Unix epoch. `None`
    /// means locked.
    pub(crate) unlocked_until_ms: Option<u64>,
}

/// What one device was seen doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportedState {
    pub(crate) asset: String,
    /// The sequence of the order that it answers. 0 before the first order.
    pub(crate) sequence: u64,
    pub(crate) state: LockState,
    /// Whether the device was to be unlocked and certainly was not.
    pub(crate) failed: bool,
    /// In the first report of a run, which comes before the first command: since when nobody had worked the device, in
    /// milliseconds since the Unix epoch.
    pub(crate) away_since_ms: Option<u64>,
    pub(crate) at_ms: u64,
}
