//! The signals that end the process.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A controller or a service manager that wants the process to end.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// Listens from now on.
    pub(super) fn new() -> Result<Self, String> {
        let on = |kind| signal(kind).map_err(|error| format!("signals cannot be heard: {error}"));
        Ok(Self { interrupt: on(SignalKind::interrupt())?, terminate: on(SignalKind::terminate())? })
    }

    /// Ends when the process is to end.
    pub(super) async fn requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
