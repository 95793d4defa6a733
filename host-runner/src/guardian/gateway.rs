//! The gateway's process, as its guardian sees it.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};
use tokio::net::UnixStream;
use tokio::signal::unix::{self, SignalKind, signal};

use super::cgroup::Cgroup;
use super::manager::VARIABLES;
use super::message::Message;
use crate::processes;
use crate::signals::Signals;

pub(super) struct Gateway {
    pub(super) pid: Pid,
    cgroup: Option<Cgroup>,
    /// Signals that are meant for the gateway.
    pub(super) signals: Signals,
    /// A child of this process has ended.
    pub(super) endings: unix::Signal,
    /// What the gateway says.
    pub(super) socket: UnixStream,
}

impl Gateway {
    /// Starts this program again with the same arguments. Needs a runtime.
    pub(super) fn start() -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("the gateway cannot be started: {error}");
        // Signals are heard from now on, so that none is lost while the gateway starts.
        let signals = Signals::new()?;
        let endings = signal(SignalKind::child()).map_err(failed)?;
        ignore_suspension()?;
        // What loses its parent becomes a child of this process, so that it can be found.
        #[cfg(target_os = "linux")]
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .map_err(|error| failed(error.into()))?;
        let (mut ours, theirs) = StdStream::pair().map_err(failed)?;
        let pid = spawn(theirs).map_err(failed)?;
        let cgroup = Cgroup::around(pid);
        // It waits for this, so everything that it starts will be in the group.
        ours.write_all(b"!").map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("the gateway has no number")?;
        let socket = UnixStream::from_std(ours).map_err(failed)?;
        Ok(Self { pid, cgroup, signals, endings, socket })
    }

    /// Sends the gateway a signal.
    pub(super) fn send(&self, signal: Signal) {
        // An error means that it has ended, which is seen elsewhere.
        let _ = kill_process(self.pid, signal);
    }

    /// Collects every child that has ended, also those of the gateway that were left to this process. Returns how the
    /// gateway has ended, if it has.
    pub(super) fn reap(&self) -> Option<WaitStatus> {
        let mut gateway = None;
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == self.pid {
                gateway = Some(status);
            }
        }
        gateway
    }

    /// Returns what the gateway has said that was not read yet. `None` if it will say nothing more.
    pub(super) fn hear(&self) -> Option<Vec<Message>> {
        let mut buffer = [0; 64];
        match self.socket.try_read(&mut buffer) {
            Ok(0) => None,
            Ok(count) => Some(buffer.iter().take(count).filter_map(|byte| Message::read(*byte)).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Some(Vec::new()),
            Err(_) => None,
        }
    }

    /// Ends everything that the gateway has started. What hides from its parents is ended only by a control group.
    pub(super) fn end_tree(&self, limit: Duration) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.end();
        }
        processes::end_descendants(limit);
        self.reap();
    }
}

/// Starts the gateway with this as its standard input, and returns its number.
///
/// It gets a process group of its own, so that a terminal's signals reach it once, by way of its guardian. If the
/// guardian is killed while the gateway is stopped, such a group is continued by the kernel.
fn spawn(line: StdStream) -> std::io::Result<u32> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(std::env::args_os().skip(1))
        .arg(processes::GUARDED)
        .stdin(Stdio::from(OwnedFd::from(line)))
        .process_group(0);
    for name in VARIABLES {
        command.env_remove(name);
    }
    Ok(command.spawn()?.id())
}

/// Makes a terminal's Ctrl-Z do nothing. A suspended guardian locks nothing.
fn ignore_suspension() -> Result<(), String> {
    let kind = SignalKind::from_raw(Signal::TSTP.as_raw());
    // Once a signal is listened to, it does nothing else.
    signal(kind).map(drop).map_err(|error| format!("signals cannot be heard: {error}"))
}
