//! The interface of a driver.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// What a device is doing, as far as the driver can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockState {
    Locked,
    Unlocked,
    /// No answer, or an answer that makes no sense. It must never be read as locked.
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

/// Until when a device may be unlocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Permission {
    /// The end of the paid time, in milliseconds since the Unix epoch.
    pub(crate) until_ms: u64,
    /// How long that is from now.
    pub(crate) left: Duration,
}

/// The device did not do what it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// What happened, for the operator.
    pub(crate) error: String,
    /// Whether it is certain that nothing was done. Money goes back only then.
    pub(crate) is_certain: bool,
}

impl Failed {
    /// Says that the device certainly did not do it.
    pub(crate) fn for_certain(error: String) -> Self {
        Self { error, is_certain: true }
    }

    /// Says that it is not known whether the device did it.
    pub(crate) fn perhaps(error: String) -> Self {
        Self { error, is_certain: false }
    }
}

/// The future of a driver's method.
pub(crate) type Working<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One device.
///
/// The future of every method may be dropped before it ends, because something more urgent has to be done:
/// for example, the paid time runs out while an unlock hangs. The driver then stops what it was doing as well
/// as it can. Each method has a time limit of its own. Doing a thing twice has the same effect as doing it
/// once.
pub(crate) trait Driver: Send {
    /// Says until when the device may be unlocked, or that it may not be. It is called before each of the other methods,
    /// and does nothing to the device. A driver whose device can time itself passes it on.
    fn permit(&mut self, _: Option<Permission>) {}
    /// Unlocks the device.
    fn unlock(&mut self) -> Working<'_, Result<(), Failed>>;
    /// Locks the device.
    fn lock(&mut self) -> Working<'_, Result<(), Failed>>;
    /// Reads the state of the device. A driver that cannot read it answers with the state that its last
    /// successful command should have led to.
    fn check(&mut self) -> Working<'_, LockState>;
    /// Tells whether [`check`](Self::check) looks at the device itself, so that a later check may give a new
    /// answer.
    fn can_look(&self) -> bool;
}
