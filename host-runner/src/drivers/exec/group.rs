//! A command and everything that it starts.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::drivers::driver::Permission;
use crate::processes;

/// How long to wait for the end of what was killed. A process in the middle of an access to a device takes a moment.
pub(super) const GONE: Duration = Duration::from_millis(200);

/// Environment variables that no command gets: the gateway's secrets, and its line to the service manager.
const KEPT_BACK: [&str; 6] = [
    "COINOP_SECRET",
    "COINOP_SECRET_PREVIOUS",
    "COINOP_FEE_PAYER",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
];

/// What a command is told.
pub(super) struct Environment<'a> {
    pub(super) asset: &'a str,
    pub(super) what: &'a str,
    pub(super) permission: Option<Permission>,
}

impl Environment<'_> {
    fn give(&self, command: &mut Command, mark: &str) {
        for name in KEPT_BACK.iter().chain(&["COINOP_UNTIL", "COINOP_SECONDS"]) {
            command.env_remove(name);
        }
        command.env("COINOP_ASSET", self.asset).env(processes::MARK, mark);
        if let Some(Permission { until_ms, left }) = self.permission {
            // Rounded up: a device must not take 0 for no limit, nor lock before the paid time is over.
            let seconds = left.as_millis().div_ceil(1_000);
            command.env("COINOP_UNTIL", until_ms.div_ceil(1_000).to_string());
            command.env("COINOP_SECONDS", seconds.max(1).to_string());
        }
    }
}

/// All of it is killed when this is dropped before the command has ended.
pub(super) struct Group {
    child: Child,
    mark: String,
    has_ended: bool,
}

impl Group {
    pub(super) fn spawn(
        folder: &Path,
        argv: &[String],
        environment: &Environment<'_>,
    ) -> std::io::Result<Self> {
        let (name, arguments) = argv.split_first().ok_or_else(|| std::io::Error::other("no command"))?;
        // A path with a folder in it starts at the configuration's folder, and a bare name is looked up in
        // PATH. Without the join, the meaning of such a path would depend on how the system starts processes.
        let program = if name.contains('/') { folder.join(name) } else { PathBuf::from(name) };
        let mark = processes::mark(environment.asset, environment.what);
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        environment.give(&mut command, &mark);
        Ok(Self { child: command.spawn()?, mark, has_ended: false })
    }

    pub(super) fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    pub(super) fn stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    pub(super) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.has_ended = true;
        status
    }

    /// Kills the command's group, and then what has left the group.
    pub(super) fn kill(&mut self) {
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            // The group has the number of its first process. An error means that the group has already ended,
            // which is what is wanted.
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.start_kill();
        self.has_ended = true;
        processes::end_marked(&self.mark, GONE);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.has_ended {
            self.kill();
        }
    }
}
