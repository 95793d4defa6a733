//! What must exist before a device can be operated, and what happens when the rest fails.
//!
//! A gateway that does not start controls no session. For whatever reason it fails, no device may stay open
//! because of it (invariant 4): a device may have been open when the machine went down, and without the
//! gateway nothing knows until when it was paid for.

use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::clock::{ClockFloor, SteadyClock};
use crate::db;
use crate::devices::{Device, Devices};
use crate::failpoint;
use crate::metrics::Metrics;
use crate::settings::{self, Settings};

/// How long locking the devices may take.
pub(super) const LOCK: Duration = Duration::from_secs(20);

/// The configuration and the data folder, which no other process uses.
pub(super) struct StartupContext {
    pub(super) settings: Settings,
    pub(super) floor: ClockFloor,
    pub(super) clock: SteadyClock,
    pub(super) metrics: Metrics,
    /// Held for as long as the data folder is used.
    pub(super) lock: std::fs::File,
}

impl StartupContext {
    pub(super) async fn find(config: &Path) -> Result<Self, String> {
        let metrics = Metrics::new().map_err(|error| error.to_string())?;
        let file = config.to_owned();
        // Loading may ask the chain about a mint and wait.
        let settings = tokio::task::spawn_blocking(move || Settings::load(&file))
            .await
            .map_err(|error| error.to_string())?;
        let settings = match settings {
            Ok(settings) => settings,
            Err(message) => {
                let (devices, data_dir) = settings::load_devices_lenient(config);
                return Err(lock_unsupervised(devices, &data_dir, &metrics, message).await);
            }
        };
        match take(&settings.data_dir) {
            Ok(lock) => {
                failpoint::reach("start.locked");
                let floor = ClockFloor::new(&settings.data_dir);
                let clock = SteadyClock::system(floor.read());
                Ok(Self { settings, floor, clock, metrics, lock })
            }
            Err(message) => {
                Err(lock_unsupervised(settings.devices, &settings.data_dir, &metrics, message).await)
            }
        }
    }
}

fn take(data_dir: &Path) -> Result<std::fs::File, String> {
    make_private(data_dir)?;
    db::lock_data_dir(data_dir).map_err(|refused| refused.0)
}

/// Creates the data folder so that only its owner can look into it.
fn make_private(folder: &Path) -> Result<(), String> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| format!("data_dir {} cannot be made: {error}", folder.display()))
}

/// Locks devices for which no worker was started. If a gateway runs, it does nothing, because that gateway
/// controls the devices.
async fn lock_unsupervised(devices: Vec<Device>, data_dir: &Path, metrics: &Metrics, why: String) -> String {
    if devices.is_empty() || db::is_in_use(data_dir) {
        return why;
    }
    let (tell, _reports) = mpsc::unbounded_channel();
    let clock = SteadyClock::system(Duration::ZERO);
    abort_startup(Devices::start(devices, &clock, metrics, &tell), why).await
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

/// Tells the operator which devices may be open.
pub(super) fn not_locked(open: &[String]) -> String {
    format!("devices not seen locked within {} s: {}; go and check them", LOCK.as_secs(), open.join(", "))
}
