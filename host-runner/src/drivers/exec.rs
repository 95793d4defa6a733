//! The driver `exec`: a device that is operated by commands.
//!
//! Keys, in the asset's `device` table:
//!
//! | key | |
//! |---|---|
//! | `unlock` | the command that unlocks it, as a list: `["touch", "door-1.open"]`. Required. An exit code other than 0 says that it is still locked |
//! | `lock` | the command that locks it. Required |
//! | `check` | the command that reads its state: exit 0 is unlocked, 1 is locked, anything else is unknown. Without it the state follows from the exit codes of the other two |
//! | `timeout_seconds` | how long a command may take, 1 to 60; 10 by default. Then the command and everything it started are killed |
//!
//! The commands run in the folder of the configuration file, without a shell and with nothing on their
//! standard input. The first few kilobytes of their output go to the log, after a success only with
//! `COINOP_LOG=debug`. A program that does not exist or is not executable is refused at the start. The
//! commands get the environment of this process without the gateway's secrets, and `COINOP_ASSET`. While the device may
//! be unlocked, `unlock` and `check` get `COINOP_UNTIL` and `COINOP_SECONDS`.
//!
//! Before `lock` runs, whatever an `unlock` of the same device has left running is killed.

mod group;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::driver::{Driver, Failed, LockState, Permission, Working};
use super::settings::{Mistake, command, only, seconds};
use crate::processes;
use group::{Environment, GONE, Group};

/// How much of a command's output is kept for the log, in bytes.
const KEPT: usize = 4096;

/// How long to wait for the end of the output after a command has ended. A child in the background may hold
/// the output open for ever.
const LINGER: Duration = Duration::from_millis(100);

/// How long a command may take if the file does not say.
const USUAL: u64 = 10;
/// The most seconds that the file may allow a command.
const MOST: u64 = 60;

struct Exec {
    asset: String,
    folder: PathBuf,
    unlock: Vec<String>,
    lock: Vec<String>,
    check: Option<Vec<String>>,
    limit: Duration,
    /// The state that the last command should have led to. Used if there is no `check`.
    presumed: LockState,
    permission: Option<Permission>,
}

pub(super) fn make(
    settings: &Map<String, Value>,
    asset: &str,
    folder: &Path,
) -> Result<Box<dyn Driver>, Mistake> {
    only(settings, &["unlock", "lock", "check", "timeout_seconds"])?;
    let needed = |key: &str| {
        command(settings, key)?.ok_or_else(|| {
            Mistake::new(
                key,
                format!(
                    "is missing: the driver `exec` needs this key, for example {key} = [\"./door.sh\", \
                     \"{key}\"]"
                ),
            )
        })
    };
    for key in ["unlock", "lock", "check"] {
        if let Some(argv) = command(settings, key)? {
            can_be_run(&argv, folder).map_err(|message| Mistake::new(key, message))?;
        }
    }
    Ok(Box::new(Exec {
        asset: asset.to_owned(),
        folder: folder.to_owned(),
        unlock: needed("unlock")?,
        lock: needed("lock")?,
        check: command(settings, "check")?,
        limit: seconds(settings, "timeout_seconds", USUAL, MOST)?,
        presumed: LockState::Unknown,
        permission: None,
    }))
}

/// Makes a driver that can only lock, whatever is wrong with the other keys. A `check` that cannot be run is left out.
pub(super) fn make_locking(
    settings: &Map<String, Value>,
    asset: &str,
    folder: &Path,
) -> Result<Box<dyn Driver>, Mistake> {
    let lock = command(settings, "lock")?.ok_or_else(|| Mistake::new("lock", "is missing"))?;
    let check = command(settings, "check").ok().flatten();
    Ok(Box::new(Exec {
        asset: asset.to_owned(),
        folder: folder.to_owned(),
        unlock: Vec::new(),
        lock,
        check: check.filter(|argv| can_be_run(argv, folder).is_ok()),
        limit: seconds(settings, "timeout_seconds", USUAL, MOST).unwrap_or(Duration::from_secs(USUAL)),
        presumed: LockState::Unknown,
        permission: None,
    }))
}

/// Checks that the program exists, before anybody pays for it. It is not run.
fn can_be_run(argv: &[String], folder: &Path) -> Result<(), String> {
    let name = argv.first().map_or("", String::as_str);
    let executable = |file: &Path| {
        let meta = std::fs::metadata(file).ok()?;
        Some(meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        let file = folder.join(name);
        let shown = file.display();
        return match executable(&file) {
            Some(true) => Ok(()),
            Some(false) => Err(format!("{shown} is not an executable file; run `chmod +x {shown}`")),
            None => Err(format!(
                "{shown} cannot be found; a relative path starts at the folder of the configuration file"
            )),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| executable(&folder.join(name)) == Some(true));
    if found {
        Ok(())
    } else {
        Err(format!("there is no program {name:?} in PATH; correct its name, or write its path"))
    }
}

impl Exec {
    async fn order(&mut self, what: &'static str, leads_to: LockState) -> Result<(), Failed> {
        let argv = match leads_to {
            LockState::Unlocked => &self.unlock,
            LockState::Locked | LockState::Unknown => &self.lock,
        };
        // It also stays unknown if this future is dropped.
        self.presumed = LockState::Unknown;
        if leads_to == LockState::Locked {
            self.end_unlocks().await;
        }
        let status = self.run(what, argv).await?;
        if status.success() {
            self.presumed = leads_to;
            Ok(())
        } else {
            // A command that a signal ended may have done something first.
            let is_certain = status.code().is_some();
            Err(Failed { error: format!("`{what}` ended with {status}"), is_certain })
        }
    }

    /// Ends what an `unlock` of this device has left in the background, because it could open the device later.
    async fn end_unlocks(&self) {
        let marks = processes::marks_of(&self.asset, "unlock");
        let ended = tokio::task::spawn_blocking(move || processes::end_marked(&marks, GONE)).await;
        if !matches!(ended, Ok(true)) {
            tracing::warn!(asset = %self.asset, "what `unlock` started cannot be ended, and could unlock it again");
        }
    }

    async fn look(&self) -> LockState {
        let Some(argv) = &self.check else {
            return self.presumed;
        };
        match self.run("check", argv).await.map(|s| s.code()) {
            Ok(Some(0)) => LockState::Unlocked,
            Ok(Some(1)) => LockState::Locked,
            Ok(code) => {
                tracing::warn!(
                    asset = %self.asset,
                    ?code,
                    "`check` exited with neither 0 nor 1; the device's state is unknown"
                );
                LockState::Unknown
            }
            Err(Failed { error, .. }) => {
                tracing::warn!(asset = %self.asset, %error, "`check` failed; the device's state is unknown");
                LockState::Unknown
            }
        }
    }

    async fn run(&self, what: &'static str, argv: &[String]) -> Result<ExitStatus, Failed> {
        let failed = |e: std::io::Error| {
            let name = argv.first().map_or("", String::as_str);
            let hint = match e.kind() {
                std::io::ErrorKind::NotFound => "; either it is missing, or what its first line (`#!`) names",
                _ => "",
            };
            Failed::for_certain(format!("`{what}` ({name}) cannot be run: {e}{hint}"))
        };
        let environment =
            Environment { asset: &self.asset, what, permission: self.permission.filter(|_| what != "lock") };
        let mut group = Group::spawn(&self.folder, argv, &environment).map_err(failed)?;
        let out = gather(group.stdout());
        let err = gather(group.stderr());
        let status = match tokio::time::timeout(self.limit, group.wait()).await {
            Ok(status) => status.map_err(|error| Failed::perhaps(failed(error).error)),
            Err(_) => {
                group.kill();
                let limit = self.limit.as_secs();
                Err(Failed::perhaps(format!("`{what}` took longer than {limit} s and was killed")))
            }
        };
        let (out, err) = (text(out).await, text(err).await);
        // `check` answers with 1 that the device is locked.
        let highest = i32::from(what == "check");
        let fine = status.as_ref().is_ok_and(|s| s.code().is_some_and(|code| code <= highest));
        if fine {
            tracing::debug!(asset = %self.asset, what, %out, %err, "command output");
        } else {
            tracing::warn!(asset = %self.asset, what, %out, %err, "command failed");
        }
        status
    }
}

impl Driver for Exec {
    fn permit(&mut self, permission: Option<Permission>) {
        self.permission = permission;
    }

    fn unlock(&mut self) -> Working<'_, Result<(), Failed>> {
        Box::pin(self.order("unlock", LockState::Unlocked))
    }

    fn lock(&mut self) -> Working<'_, Result<(), Failed>> {
        Box::pin(self.order("lock", LockState::Locked))
    }

    fn check(&mut self) -> Working<'_, LockState> {
        Box::pin(self.look())
    }

    fn can_look(&self) -> bool {
        self.check.is_some()
    }
}

type Gathered = tokio::task::JoinHandle<()>;
type Kept = std::sync::Arc<std::sync::Mutex<Vec<u8>>>;

/// Reads all of the output and keeps its beginning, so that the command never waits for a reader.
fn gather(from: Option<impl AsyncRead + Send + Unpin + 'static>) -> (Gathered, Kept) {
    let kept = Kept::default();
    let into = kept.clone();
    let task = tokio::spawn(async move {
        let Some(mut from) = from else { return };
        let mut buffer = [0; 1024];
        while let Ok(n) = from.read(&mut buffer).await {
            if n == 0 {
                break;
            }
            if let Ok(mut kept) = into.lock() {
                let room = KEPT.saturating_sub(kept.len()).min(n);
                kept.extend(buffer.iter().take(room));
            }
        }
    });
    (task, kept)
}

async fn text((mut task, kept): (Gathered, Kept)) -> String {
    if tokio::time::timeout(LINGER, &mut task).await.is_err() {
        task.abort();
    }
    let kept = kept.lock().map(|k| k.clone()).unwrap_or_default();
    String::from_utf8_lossy(&kept).trim_end().to_owned()
}

#[cfg(test)]
mod tests;
