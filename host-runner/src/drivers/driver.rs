//! What a driver can do.

use std::future::Future;
use std::pin::Pin;

/// What a device is doing, as far as anybody can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockState {
    Locked,
    Unlocked,
    /// No answer, or one that cannot be believed. Never to be read as locked.
    Unknown,
}

impl LockState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Unlocked => "unlocked",
            Self::Unknown => "unknown",
        }
    }
}

/// The device did not do what it was told, in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed(pub(crate) String);

/// A step of a driver that is under way.
pub(crate) type Working<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One device.
///
/// Every method may be dropped half-way: then the driver stops what it was doing
/// as well as it can, because something more urgent has to be done (an unlock
/// that hangs while the paid time runs out). Each has a time limit of its own.
/// Doing a thing twice is the same as doing it once.
pub(crate) trait Driver: Send {
    /// Opens the device.
    fn unlock(&mut self) -> Working<'_, Result<(), Failed>>;
    /// Closes the device.
    fn lock(&mut self) -> Working<'_, Result<(), Failed>>;
    /// Reads the device back. A driver that cannot answers with what its last
    /// successful command should have led to.
    fn check(&mut self) -> Working<'_, LockState>;
    /// Whether [`check`](Self::check) looks at the device itself, so that asking
    /// again later may answer something new.
    fn can_look(&self) -> bool;
}
