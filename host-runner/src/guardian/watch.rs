//! Watches the gateway until it ends.

use std::fmt;
use std::time::Duration;

use rustix::process::{Signal, WaitStatus};
use tokio::time::MissedTickBehavior;

use super::gateway::Gateway;
use super::manager::Manager;
use super::message::Message;

/// How often the gateway must be heard. Its silence is counted in these, not measured: on a machine that was asleep or
/// busy, both processes were late.
const TICK: Duration = Duration::from_millis(500);
/// For how many ticks a gateway may be silent.
const SILENT: u32 = 8;
/// For how many ticks it may be silent before its first beat. A slow card takes a while to load the program.
const LOADING: u32 = 40;
/// For how many ticks the end of a killed gateway is awaited. One that waits for a broken disk does not end.
const KILLED: u32 = 2;

/// How the gateway has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With this exit code, after it has looked after its devices.
    Orderly(u8),
    /// Without that.
    Died(Cause),
}

/// What the gateway died of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Exit(u8),
    Signal(i32),
    /// It gave no beat, and was killed.
    Silence,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "it ended unexpectedly with exit code {code}"),
            Self::Signal(number) => write!(f, "signal {number}"),
            Self::Silence => f.write_str("it hung and was killed"),
        }
    }
}

/// What is known of a running gateway.
#[derive(Debug, Default)]
struct Watched {
    /// It was heard for the first time, and hears signals.
    has_begun: bool,
    /// It has looked after its devices.
    has_taken_leave: bool,
    is_killed: bool,
    /// How many ticks ago it was last heard.
    silence: u32,
    /// Signals that came before it had begun.
    waiting: Vec<Signal>,
}

/// Passes signals on to the gateway and its state to the service manager, until it ends.
pub(super) async fn watch(gateway: &mut Gateway, manager: &Manager) -> End {
    let mut watched = Watched::default();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_heard = true;
    loop {
        tokio::select! {
            // What the gateway has said counts before the tick that would find it silent.
            biased;
            _ = gateway.socket.readable(), if is_heard => {
                is_heard = watched.listen(gateway, manager);
            }
            _ = gateway.endings.recv() => {
                if let Some(status) = gateway.reap() {
                    watched.listen(gateway, manager);
                    return watched.end(status);
                }
            }
            signal = gateway.signals.received() => watched.pass_on(signal, gateway),
            _ = ticks.tick() => {
                if watched.count(gateway) {
                    return End::Died(Cause::Silence);
                }
            }
        }
    }
}

impl Watched {
    /// Takes in what the gateway has said. Returns whether it may say more.
    fn listen(&mut self, gateway: &Gateway, manager: &Manager) -> bool {
        loop {
            let Some(messages) = gateway.hear() else { return false };
            if messages.is_empty() {
                return true;
            }
            for message in messages {
                self.take(message, gateway);
                manager.pass_on(message);
            }
        }
    }

    fn take(&mut self, message: Message, gateway: &Gateway) {
        self.silence = 0;
        match message {
            Message::Beat => {
                self.has_begun = true;
                self.waiting.drain(..).for_each(|signal| gateway.send(signal));
            }
            Message::Farewell => self.has_taken_leave = true,
            Message::Ready | Message::Stopping => {}
        }
    }

    /// Passes a signal on, at once or when the gateway can hear it. Before that, it would just die.
    fn pass_on(&mut self, signal: Signal, gateway: &Gateway) {
        if self.has_begun {
            gateway.send(signal);
        } else {
            self.waiting.push(signal);
        }
    }

    /// Counts a tick without a beat, and kills a gateway that was silent for too long. Returns whether the kill has had no
    /// effect.
    fn count(&mut self, gateway: &Gateway) -> bool {
        self.silence = self.silence.saturating_add(1);
        let limit = if self.has_begun { SILENT } else { LOADING };
        if self.silence >= limit && !self.is_killed {
            self.is_killed = true;
            self.silence = limit;
            gateway.send(Signal::KILL);
        }
        self.is_killed && self.silence >= limit.saturating_add(KILLED)
    }

    fn end(&self, status: WaitStatus) -> End {
        match (status.exit_status(), status.terminating_signal()) {
            _ if self.is_killed => End::Died(Cause::Silence),
            (Some(code), _) => {
                let code = u8::try_from(code).unwrap_or(u8::MAX);
                if self.has_taken_leave { End::Orderly(code) } else { End::Died(Cause::Exit(code)) }
            }
            (None, Some(number)) => End::Died(Cause::Signal(number)),
            (None, None) => End::Died(Cause::Silence),
        }
    }
}
