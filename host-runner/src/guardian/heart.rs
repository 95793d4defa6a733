//! The gateway's part of the watch: beats as long as it works, and an ear for whoever tells it to stop.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::line::Line;
use super::message::Message;
use crate::devices::Pulses;
use crate::signals::Signals;

/// How often the gateway shows that it works. The guardian waits for eight beats.
const BEAT: Duration = Duration::from_millis(500);

/// What keeps the gateway's line to its guardian alive.
pub(crate) struct Heart {
    signals: Signals,
    /// Changes when the guardian has died.
    orphaned: watch::Receiver<bool>,
}

impl Heart {
    /// Starts the beats, which cease while the worker of a device is stuck. Needs a runtime.
    pub(crate) fn start(line: &Line, signals: Signals, pulses: Pulses) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("the guardian cannot be heard: {error}");
        let (lost, orphaned) = watch::channel(false);
        if let Line::Guardian(socket) = line.again().map_err(failed)? {
            let socket = UnixStream::from_std(socket).map_err(failed)?;
            tokio::spawn(async move {
                until_closed(socket).await;
                let _ = lost.send(true);
            });
        }
        let line = line.again().map_err(failed)?;
        tokio::spawn(async move {
            loop {
                if pulses.are_all_felt() {
                    line.say(Message::Beat);
                }
                tokio::time::sleep(BEAT).await;
            }
        });
        Ok(Self { signals, orphaned })
    }

    /// Waits until a signal tells the gateway to stop, or its guardian has died.
    pub(crate) async fn told_to_stop(&mut self) {
        let orphaned = async {
            if self.orphaned.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = self.signals.received() => {}
            () = orphaned => tracing::error!("the guardian is dead"),
        }
    }
}

/// Waits until the other end of the line is closed. Only the guardian's death does that.
async fn until_closed(mut socket: UnixStream) {
    let mut buffer = [0; 8];
    while socket.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}
