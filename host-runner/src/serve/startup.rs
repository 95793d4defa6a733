//! What has to be there before a device can be worked, and what is done when the
//! rest is not.
//!
//! A gateway that does not start looks after no session. Whatever the reason, a
//! device must not stay open for it (invariant 4): it may have been open when the
//! machine went down, and nobody knows any more until when it was paid for.

use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::clock::{ClockFloor, SteadyClock};
use crate::db;
use crate::devices::{Device, Devices};
use crate::failpoint;
use crate::metrics::Metrics;
use crate::settings::{self, Settings};

/// How long the devices may take to be locked.
pub(super) const LOCK: Duration = Duration::from_secs(20);

/// The configuration, and the data folder, which nobody else uses.
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
        // It may ask the chain about a mint, and wait.
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

/// Makes the data folder, for nobody else to look into.
fn make_private(folder: &Path) -> Result<(), String> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| format!("data_dir {} cannot be made: {error}", folder.display()))
}

/// Locks devices for which no worker was started. Unless a gateway runs: then they
/// are its business.
async fn lock_unsupervised(devices: Vec<Device>, data_dir: &Path, metrics: &Metrics, why: String) -> String {
    if devices.is_empty() || db::is_in_use(data_dir) {
        return why;
    }
    let (tell, _reports) = mpsc::unbounded_channel();
    let clock = SteadyClock::system(Duration::ZERO);
    abort_startup(Devices::start(devices, &clock, metrics, &tell), why).await
}

/// Locks every device, because the gateway cannot start. Answers the line that says
/// both.
pub(super) async fn abort_startup(devices: Devices, why: String) -> String {
    if devices.is_empty() {
        return why;
    }
    match devices.close(LOCK).await.as_slice() {
        [] => format!("{why} (every device was locked)"),
        open => format!("{why} ({})", not_locked(open)),
    }
}

/// What the operator is told of devices that are perhaps open.
pub(super) fn not_locked(open: &[String]) -> String {
    format!("not seen locked within {} s: {}; go and look", LOCK.as_secs(), open.join(", "))
}
