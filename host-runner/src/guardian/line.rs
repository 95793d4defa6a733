//! What the gateway tells its guardian, or the service manager if it has no guardian.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use super::manager::Manager;
use super::message::Message;

/// The gateway's line to its guardian.
#[derive(Debug)]
pub(crate) enum Line {
    Guardian(UnixStream),
    /// There is no guardian.
    Manager(Manager),
}

impl Line {
    /// Returns the line to the guardian that has started this process. It is standard input, which becomes empty.
    ///
    /// It waits until the guardian is ready to watch, and has to be called before any thread is started.
    pub(crate) fn to_guardian() -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("there is no guardian: {error}; leave out --guarded");
        // The guardian's death asks this process to stop. The end of the line does too, but only this works while this
        // process is stopped.
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
            .map_err(|error| failed(error.into()))?;
        let socket = rustix::stdio::stdin().try_clone_to_owned().map_err(failed)?;
        let mut socket = UnixStream::from(socket);
        socket.read_exact(&mut [0]).map_err(failed)?;
        let nothing = File::open("/dev/null").map_err(failed)?;
        rustix::stdio::dup2_stdin(nothing).map_err(|error| failed(error.into()))?;
        socket.set_nonblocking(true).map_err(failed)?;
        die_before_the_guardian();
        Ok(Self::Guardian(socket))
    }

    /// Returns the line to the service manager, if there is one.
    pub(crate) fn to_manager() -> Self {
        Self::Manager(Manager::from_environment())
    }

    pub(crate) fn ready(&self) {
        self.say(Message::Ready);
    }

    pub(crate) fn stopping(&self) {
        self.say(Message::Stopping);
    }

    pub(crate) fn farewell(&self) {
        self.say(Message::Farewell);
    }

    /// Says something, or nothing if nobody listens. It never waits.
    pub(super) fn say(&self, message: Message) {
        match self {
            Self::Guardian(socket) => drop((&*socket).write(&[message.byte()])),
            Self::Manager(manager) => manager.pass_on(message),
        }
    }

    /// Returns a second handle.
    pub(super) fn again(&self) -> std::io::Result<Self> {
        Ok(match self {
            Self::Guardian(socket) => Self::Guardian(socket.try_clone()?),
            Self::Manager(manager) => Self::Manager(manager.clone()),
        })
    }
}

/// Makes the kernel choose this process rather than the guardian when memory runs out.
fn die_before_the_guardian() {
    const FILE: &str = "/proc/self/oom_score_adj";
    const MORE: i32 = 100;
    let now = std::fs::read_to_string(FILE).ok().and_then(|text| text.trim().parse::<i32>().ok());
    if let Some(now) = now {
        // A machine without this file, or one that forbids it, has no such choice.
        let _ = std::fs::write(FILE, now.saturating_add(MORE).min(1_000).to_string());
    }
}
