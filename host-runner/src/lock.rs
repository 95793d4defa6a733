//! `coinop lock` locks every device while no gateway runs. The guardian and a start that fails do the same.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Pid;

use crate::db;
use crate::devices::Devices;
use crate::processes;
use crate::settings::{Salvaged, load_devices_lenient};

/// How long locking the devices may take.
pub(crate) const LOCK: Duration = Duration::from_secs(20);

/// How long a gateway that is about to end may still hold the data folder.
const ENDING: Duration = Duration::from_secs(1);

/// Locks every device and says which it could not. For when no gateway runs.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  coinop lock\n  coinop lock --config /etc/coinop/coinop.toml\n\nIt needs only the `lock` of each device to be right in the file. While a gateway runs it does nothing, because that gateway controls the devices: stop it, and it locks them. It exits with 0 only if every device was locked."
)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "coinop.toml")]
    config: PathBuf,
}

/// Runs `coinop lock`.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    // A wrong COINOP_LOG must not keep a door open.
    let _ = crate::logging::start();
    let found = load_devices_lenient(&args.config);
    if let Some(why) = &found.unknown {
        return Err(format!("{why}; nothing was locked"));
    }
    let data_dir = found.data_dir.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot be started: {error}"))?;
    let outcome = runtime.block_on(lock_all(found, None)).ok_or_else(|| controlled(&data_dir))?;
    let mut out = std::io::stdout().lock();
    if outcome.is_empty() {
        let _ =
            writeln!(out, "no asset of {} has a device; there was nothing to lock", args.config.display());
    }
    for asset in &outcome.locked {
        let _ = writeln!(out, "locked {asset}");
    }
    outcome.complaint().map_or(Ok(()), Err)
}

/// Tells the operator that a gateway runs, and what to do.
fn controlled(data_dir: &Path) -> String {
    let process = processes::holder_of(data_dir).map_or_else(String::new, |pid| {
        let pid = pid.as_raw_nonzero();
        format!(
            " It is process {pid}. If it does not stop within {} s: `kill -9 {pid}`, then `coinop lock`.",
            LOCK.as_secs()
        )
    });
    format!("a gateway controls these devices; stop it, and it locks them.{process}")
}

/// Which devices were locked.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    locked: Vec<String>,
    open: Vec<String>,
    unreadable: Vec<String>,
}

impl Outcome {
    /// Tells whether there was nothing to lock.
    fn is_empty(&self) -> bool {
        self.locked.is_empty() && self.open.is_empty() && self.unreadable.is_empty()
    }

    /// Returns what the operator has to do, or nothing if every device was locked.
    pub(crate) fn complaint(&self) -> Option<String> {
        let mut parts = Vec::new();
        if !self.open.is_empty() {
            parts.push(not_locked(&self.open));
        }
        if !self.unreadable.is_empty() {
            let names = self.unreadable.join(", ");
            parts.push(format!("not locked, because no `lock` could be read: {names}; go and check"));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Tells the operator which devices may be open.
pub(crate) fn not_locked(open: &[String]) -> String {
    format!("devices not seen locked within {} s: {}; go and check them", LOCK.as_secs(), open.join(", "))
}

/// Ends what an earlier gateway has left running, and locks these devices. Returns `None`, and does nothing, if a
/// gateway runs, because it controls them. A gateway that was `killed` does not run any more, although it may take long
/// to end. No gateway can start meanwhile.
pub(crate) async fn lock_all(found: Salvaged, killed: Option<Pid>) -> Option<Outcome> {
    let Salvaged { devices, unreadable, data_dir, unknown: _ } = found;
    if devices.is_empty() && unreadable.is_empty() {
        return Some(Outcome::default());
    }
    // Without a data folder, or with one that cannot be written, no gateway can run.
    let held = hold(&data_dir, killed).await?;
    processes::end_earlier(&data_dir);
    let names: Vec<String> = devices.iter().map(|device| device.asset.clone()).collect();
    let open = match Devices::lock(devices, LOCK).await {
        Ok(open) => open,
        Err(error) => {
            tracing::error!(%error, "nothing can be locked");
            names.clone()
        }
    };
    drop(held);
    let locked = names.into_iter().filter(|name| !open.contains(name)).collect();
    Some(Outcome { locked, open, unreadable })
}

/// Locks every device because the gateway cannot start. Returns the message that says both.
pub(crate) async fn locked_because(found: Salvaged, why: String) -> String {
    if found.unknown.is_some() {
        return format!("{why} (no device could be read, so nothing was locked)");
    }
    match lock_all(found, None).await {
        Some(outcome) if !outcome.is_empty() => match outcome.complaint() {
            None => format!("{why} (every device was locked)"),
            Some(complaint) => format!("{why} ({complaint})"),
        },
        _ => why,
    }
}

/// Takes the data folder. The inner `None` says that it cannot be taken, although nobody has it; the outer one, that a
/// gateway has it.
async fn hold(data_dir: &Path, killed: Option<Pid>) -> Option<Option<std::fs::File>> {
    let begun = tokio::time::Instant::now();
    let folder = data_dir.to_owned();
    if db::is_in_use(data_dir) {
        let _ = tokio::task::spawn_blocking(move || processes::end_orphan(&folder)).await;
    }
    loop {
        match db::lock_data_dir(data_dir) {
            Ok(file) => return Some(Some(file)),
            Err(_) if !db::is_in_use(data_dir) => return Some(None),
            Err(_) if killed.is_some_and(|pid| processes::is_held_by(data_dir, pid)) => return Some(None),
            Err(_) if begun.elapsed() >= ENDING => return None,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpid;

    use super::*;

    /// Returns what is found in a folder with one open door, and the file of the door.
    fn open_door(folder: &Path) -> (Salvaged, PathBuf) {
        let file = folder.join("coinop.toml");
        let text =
            "[[asset]]\nid = \"door\"\ndevice = { driver = \"exec\", lock = [\"rm\", \"-f\", \"open\"] }\n";
        std::fs::write(&file, text).unwrap();
        let door = folder.join("open");
        std::fs::write(&door, "").unwrap();
        (load_devices_lenient(&file), door)
    }

    #[tokio::test]
    async fn a_gateway_that_runs_keeps_its_devices_and_one_that_was_killed_does_not_inv_4() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("coinop-data");
        std::fs::create_dir(&data_dir).unwrap();
        let held = db::lock_data_dir(&data_dir).ok().unwrap();
        processes::sign(&held).unwrap();
        let (found, door) = open_door(dir.path());
        assert!(lock_all(found, None).await.is_none());
        assert!(lock_all(open_door(dir.path()).0, Pid::from_raw(1)).await.is_none(), "another was killed");
        assert!(door.exists());
        let outcome = lock_all(open_door(dir.path()).0, Some(getpid())).await.unwrap();
        assert_eq!((outcome.locked.len(), outcome.complaint()), (1, None));
        assert!(!door.exists());
    }

    #[tokio::test]
    async fn a_start_that_fails_never_calls_locked_what_it_could_not_read_inv_4() {
        let dir = tempfile::tempdir().unwrap();
        let absent = load_devices_lenient(&dir.path().join("coinop.toml"));
        let said = locked_because(absent, "it fails".to_owned()).await;
        assert_eq!(said, "it fails (no device could be read, so nothing was locked)");
        let (found, door) = open_door(dir.path());
        assert_eq!(locked_because(found, "it fails".to_owned()).await, "it fails (every device was locked)");
        assert!(!door.exists());
    }

    #[tokio::test]
    async fn without_a_data_folder_it_locks_and_makes_none_inv_4() {
        let dir = tempfile::tempdir().unwrap();
        let (found, door) = open_door(dir.path());
        assert_eq!(lock_all(found, None).await.unwrap().complaint(), None);
        assert!(!door.exists() && !dir.path().join("coinop-data").exists());
    }
}
