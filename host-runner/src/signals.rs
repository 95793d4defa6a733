//! The signals that tell the process to end.

use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind, signal};

/// The signals of a terminal and of a service manager.
pub(crate) struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    quit: unix::Signal,
    /// `None` if whoever started this process has it ignore the signal, as `nohup` does.
    hangup: Option<unix::Signal>,
}

impl Signals {
    /// Listens from now on. Needs a runtime.
    pub(crate) fn new() -> Result<Self, String> {
        let on = |kind| signal(kind).map_err(|error| format!("signals cannot be heard: {error}"));
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            quit: on(SignalKind::quit())?,
            hangup: if is_ignored(Signal::HUP) { None } else { Some(on(SignalKind::hangup())?) },
        })
    }

    /// Waits until a signal comes, and returns it.
    pub(crate) async fn received(&mut self) -> Signal {
        let hangup = async {
            match &mut self.hangup {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.quit.recv() => Signal::QUIT,
            _ = hangup => Signal::HUP,
        }
    }
}

/// Tells whether this process ignores the signal. Where there is no `/proc`, it does not.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    let bit = u32::try_from(signal.as_raw().saturating_sub(1)).unwrap_or_default();
    mask.checked_shr(bit).unwrap_or_default() & 1 == 1
}
