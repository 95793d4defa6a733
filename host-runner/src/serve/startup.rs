//! What must exist before a device can be operated, and what happens when the rest fails.
//!
//! A gateway that does not start controls no session. For whatever reason it fails, no device may stay open
//! because of it (invariant 4): a device may have been open when the machine went down, and without the
//! gateway nothing knows until when it was paid for.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::clock::{ClockFloor, SteadyClock};
use crate::db;
use crate::devices::Devices;
use crate::failpoint;
use crate::files;
use crate::lock::{LOCK, locked_because, not_locked};
use crate::metrics::Metrics;
use crate::processes;
use crate::settings::{Settings, load_devices_lenient};

/// The configuration and the data folder, which no other process uses.
pub(super) struct StartupContext {
    pub(super) settings: Settings,
    pub(super) floor: ClockFloor,
    pub(super) clock: SteadyClock,
    /// The devices' clock.
    pub(super) device_clock: SteadyClock,
    /// Since when nobody has worked the devices, in milliseconds since the Unix epoch.
    pub(super) away_since_ms: u64,
    pub(super) metrics: Metrics,
    /// Held for as long as the data folder is used.
    pub(super) lock: File,
}

impl StartupContext {
    /// Reads the configuration and takes the data folder. If that fails, it locks what it can.
    pub(super) async fn find(config: &Path) -> Result<Self, String> {
        match Self::read(config.to_owned()).await {
            Ok(startup) => Ok(startup),
            Err(why) => Err(lock_unsupervised(config, why).await),
        }
    }

    async fn read(config: PathBuf) -> Result<Self, String> {
        let metrics = Metrics::new().map_err(|error| error.to_string())?;
        // Loading may ask the chain about a mint and wait.
        let settings = blocking(move || Settings::load(&config)).await?;
        let data_dir = settings.data_dir.clone();
        let lock = blocking(move || take(&data_dir)).await?;
        failpoint::reach("start.locked");
        let floor = ClockFloor::new(&settings.data_dir);
        let last_written = floor.last_written();
        let clock = SteadyClock::system(floor.read());
        let away_since_ms = last_written.unwrap_or_else(|| clock.now_ms());
        let device_clock = clock.unset();
        Ok(Self { settings, floor, clock, device_clock, away_since_ms, metrics, lock })
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}

/// Takes the data folder. Ends the commands that the last run has left, before a device is operated.
fn take(data_dir: &Path) -> Result<File, String> {
    make_private(data_dir)?;
    let lock = match db::lock_data_dir(data_dir) {
        Err(_) if processes::end_orphan(data_dir) => db::lock_data_dir(data_dir),
        taken => taken,
    };
    let lock = lock.map_err(|refused| refused.0)?;
    processes::end_earlier(data_dir);
    let failed = |error: std::io::Error| format!("{} cannot be written: {error}", data_dir.display());
    processes::note(data_dir).map_err(failed)?;
    // It is for people and for the next start, and no reason to fail.
    let _ = processes::sign(&lock);
    Ok(lock)
}

/// Creates the data folder so that only its owner can look into it. Refuses one that others can enter.
fn make_private(folder: &Path) -> Result<(), String> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| format!("data_dir {} cannot be made: {error}", folder.display()))?;
    files::ensure_private(folder)
}

/// Locks the devices of a file for which no worker was started. If a gateway runs, it does nothing, because that gateway
/// controls the devices. Returns the message that says both.
pub(super) async fn lock_unsupervised(config: &Path, why: String) -> String {
    locked_because(load_devices_lenient(config), why).await
}

/// Locks every device because the gateway cannot start. Returns the message that says both.
pub(super) async fn abort_startup(devices: Devices, why: String) -> String {
    if devices.is_empty() {
        return why;
    }
    match devices.close(LOCK).await.as_slice() {
        [] => format!("{why} (every device was locked)"),
        open => format!("{why} ({})", not_locked(open)),
    }
}
