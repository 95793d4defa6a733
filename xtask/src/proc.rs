//! Runs other programs so that none is left behind.
//!
//! Every child leads its own process group. So Ctrl-C reaches only this program, which ends its children in a
//! suitable order. What a child itself started is found and ended with it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use crate::{output, stop};

/// How often a wait checks for the end: often enough to feel immediate, and seldom enough to cost nothing.
const TICK: Duration = Duration::from_millis(15);
/// How long a build or test may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);
/// How long output may still arrive after the program that wrote it has ended.
const DRAIN: Duration = Duration::from_secs(2);

/// A program to run.
pub(crate) struct Cmd {
    inner: Command,
    line: String,
}

impl Cmd {
    /// Makes a command that runs `program` in `folder`, without standard input.
    pub(crate) fn new(program: impl AsRef<OsStr>, folder: &Path) -> Self {
        let program = program.as_ref();
        let mut inner = Command::new(program);
        inner.current_dir(folder).stdin(Stdio::null()).process_group(0);
        let name = Path::new(program).file_name().unwrap_or(program);
        Self { line: name.to_string_lossy().into_owned(), inner }
    }

    /// Makes a command of the cargo that runs this program.
    pub(crate) fn cargo(folder: &Path) -> Self {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut cmd = Self::new(program, folder);
        cmd.line = "cargo".to_owned();
        cmd.without_package_env()
    }

    /// Removes the variables by which cargo describes *this* package. Otherwise build scripts that watch
    /// those variables would run again in a cargo that the program starts.
    pub(crate) fn without_package_env(mut self) -> Self {
        for (key, _) in std::env::vars_os() {
            let name = key.to_string_lossy();
            if name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST_")
                || name == "CARGO_BIN_NAME"
            {
                self.inner.env_remove(&key);
            }
        }
        self
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.line.push(' ');
        self.line.push_str(&arg.as_ref().to_string_lossy());
        self.inner.arg(arg);
        self
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(key, value);
        self
    }

    /// Removes the project's own variables, so that a developer's settings do not affect a run that must be
    /// the same everywhere.
    pub(crate) fn without_own_env(mut self) -> Self {
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("COINOP_") {
                self.inner.env_remove(&key);
            }
        }
        self
    }

    /// Prints the command, runs it to its end, and fails if it failed.
    pub(crate) fn run(mut self) -> Result<()> {
        output::note(&format!("$ {}", self.line));
        if let Some((out, err)) = output::file().zip(output::file()) {
            self.inner.stdout(out).stderr(err);
        }
        let line = self.line.clone();
        let status = self.spawn()?.wait(None)?;
        succeeded(&line, status)
    }

    /// Does the same as [`Cmd::run`], but passes each line of standard output to `look`, and shows the line
    /// if `look` returns true. Returns how the program ended.
    pub(crate) fn run_looking(mut self, mut look: impl FnMut(&str) -> bool) -> Result<ExitStatus> {
        output::note(&format!("$ {}", self.line));
        self.inner.stdout(Stdio::piped());
        let mut group = self.spawn()?;
        let out = group.child.stdout.take().context("standard output is not piped")?;
        let (sender, lines) = mpsc::channel();
        // Detached on purpose: a process that holds the pipe open must not block this program.
        thread::spawn(move || {
            let mut out = BufReader::new(out);
            let mut line = Vec::new();
            while matches!(out.read_until(b'\n', &mut line), Ok(read) if read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
                if sender.send(text).is_err() {
                    break;
                }
                line.clear();
            }
        });
        let mut ended = None;
        loop {
            match lines.recv_timeout(TICK) {
                Ok(line) => {
                    if look(&line) {
                        output::say(&line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return group.wait(None),
            }
            match ended {
                None => ended = group.poll()?.map(|status| (status, Instant::now())),
                Some((status, at)) if at.elapsed() > DRAIN => return Ok(status),
                Some(_) => {}
            }
            if ended.is_none() && stop::requested() {
                group.end(Scope::Group, GRACE)?;
                bail!("stopped");
            }
        }
    }

    /// Runs the command quietly and returns its standard output. On failure the error contains its standard
    /// error.
    pub(crate) fn capture(self) -> Result<String> {
        self.capture_within(None)
    }

    /// Does the same as [`Cmd::capture`], but ends the program after `limit`.
    pub(crate) fn capture_within(self, limit: Option<Duration>) -> Result<String> {
        let line = self.line.clone();
        let Collected { status, out, err } = self.collect(limit)?;
        let Some(status) = status else {
            bail!("{line} did not end within {} s", limit.unwrap_or_default().as_secs())
        };
        let (out, err) = (out.trim(), err.trim());
        if !status.success() {
            let why = if err.is_empty() { out } else { err };
            bail!("{line} failed ({}): {why}", ending(status));
        }
        Ok(out.to_owned())
    }

    /// Runs the command quietly, ends it after `limit`, and returns its output.
    pub(crate) fn collect(mut self, limit: Option<Duration>) -> Result<Collected> {
        self.inner.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group = self.spawn()?;
        let out = reader(group.child.stdout.take());
        let err = reader(group.child.stderr.take());
        let status = group.wait_within(limit)?;
        let text = |from: &mpsc::Receiver<Vec<u8>>| {
            String::from_utf8_lossy(&from.recv_timeout(DRAIN).unwrap_or_default()).into_owned()
        };
        Ok(Collected { status, out: text(&out), err: text(&err) })
    }

    /// Starts the command as a server that writes its standard output and error to `log`.
    pub(crate) fn serve(mut self, log: &Path) -> Result<Group> {
        let file =
            std::fs::File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
        let again = file
            .try_clone()
            .with_context(|| format!("the handle of {} cannot be duplicated", log.display()))?;
        self.inner.stdout(file).stderr(again);
        self.spawn()
    }

    pub(crate) fn spawn(mut self) -> Result<Group> {
        let child = self.inner.spawn().with_context(|| format!("{} cannot be started", self.line))?;
        let pid = i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("the process id is out of range")?;
        Ok(Group { child, pid, ended: None })
    }
}

/// The output of a program, and how it ended.
pub(crate) struct Collected {
    /// `None` if the program did not end within its limit.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Reads a pipe to its end on a thread, so that neither of two pipes can fill up and block the child.
fn reader(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}

/// Which processes are asked to end.
#[derive(Clone, Copy)]
pub(crate) enum Scope {
    /// Only the program itself. It ends what it started: a gateway must be able to run the command that locks
    /// a device.
    Leader,
    /// All processes of the group, because cargo and npm pass no signal on.
    Group,
}

/// A running program and everything it started. Dropping it ends them all, whatever the reason.
pub(crate) struct Group {
    child: Child,
    pid: Pid,
    ended: Option<ExitStatus>,
}

impl Group {
    /// Returns how the program ended, if it has. Processes that it left running are killed then.
    pub(crate) fn poll(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            // The end is seen here, but the process is not reaped yet. Until it is, no other process can get
            // its number, so the kill cannot hit a stranger.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            if waitid(WaitId::Pid(self.pid), options).context("cannot wait for a child process")?.is_some() {
                let _ = kill_process_group(self.pid, Signal::KILL);
                self.ended = Some(self.child.wait().context("cannot wait for a child process")?);
            }
        }
        Ok(self.ended)
    }

    /// Waits for the end. Ends the program itself after a signal to stop, or after `limit`.
    pub(crate) fn wait(&mut self, limit: Option<Duration>) -> Result<ExitStatus> {
        let ended = self.wait_within(limit)?;
        ended.with_context(|| format!("did not end within {} s", limit.unwrap_or_default().as_secs()))
    }

    /// Does the same as [`Group::wait`], but returns `None` if the program did not end within `limit`.
    fn wait_within(&mut self, limit: Option<Duration>) -> Result<Option<ExitStatus>> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.poll()? {
                return Ok(Some(status));
            }
            if stop::requested() {
                self.end(Scope::Group, GRACE)?;
                bail!("stopped");
            }
            if limit.is_some_and(|limit| start.elapsed() > limit) {
                self.end(Scope::Group, GRACE)?;
                return Ok(None);
            }
            thread::sleep(TICK);
        }
    }

    /// Asks the program to end, waits up to `grace`, and then kills what is left.
    pub(crate) fn end(&mut self, scope: Scope, grace: Duration) -> Result<ExitStatus> {
        let start = Instant::now();
        if self.poll()?.is_none() {
            let _ = match scope {
                Scope::Leader => kill_process(self.pid, Signal::TERM),
                Scope::Group => kill_process_group(self.pid, Signal::TERM),
            };
        }
        loop {
            if let Some(status) = self.poll()? {
                return Ok(status);
            }
            if start.elapsed() > grace {
                let _ = kill_process_group(self.pid, Signal::KILL);
            }
            thread::sleep(TICK);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.end(Scope::Leader, GRACE);
    }
}

/// Describes how a program ended.
pub(crate) fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "ended for an unknown reason".to_owned(),
    }
}

/// Fails unless the program succeeded.
pub(crate) fn succeeded(line: &str, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{line}` failed ({})", ending(status));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Cmd {
        Cmd::new("sh", Path::new("/")).args(["-c", script])
    }

    #[test]
    fn a_failure_carries_the_reason() {
        let error = sh("echo because >&2; exit 3").capture().unwrap_err().to_string();
        assert!(error.contains("exit status 3") && error.contains("because"), "{error}");
    }

    #[test]
    fn a_limit_ends_the_program_and_what_it_started() {
        let start = Instant::now();
        let error = sh("sleep 60 & sleep 60").capture_within(Some(Duration::from_millis(200))).unwrap_err();
        assert!(error.to_string().contains("did not end within"), "{error:#}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_a_program_left_running_is_swept() {
        let mark = std::env::temp_dir().join(format!("xtask-sweep-{}", std::process::id()));
        let script = format!("(sleep 1; touch '{}') >/dev/null 2>&1 & exit 0", mark.display());
        sh(&script).capture().unwrap();
        thread::sleep(Duration::from_millis(1500));
        assert!(!mark.exists());
    }

    #[test]
    fn dropping_ends_even_a_program_that_ignores_the_request() {
        let mut group = sh("trap '' TERM; sleep 60").spawn().unwrap();
        thread::sleep(Duration::from_millis(100));
        let status = group.end(Scope::Leader, Duration::from_millis(100)).unwrap();
        assert_eq!(ending(status), "killed by signal 9");
    }

    #[test]
    fn every_line_is_seen() {
        let mut seen = Vec::new();
        let status = sh("echo one; echo two; exit 4")
            .run_looking(|line| {
                seen.push(line.to_owned());
                false
            })
            .unwrap();
        assert_eq!(seen, ["one", "two"]);
        assert_eq!(status.code(), Some(4));
    }
}
