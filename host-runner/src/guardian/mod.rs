//! The guardian: a process beside the gateway that locks every device if the gateway dies or hangs (invariant 4).
//!
//! `coinop serve` starts itself again as its child, which is the gateway, and stays as a small process with one thread.
//! It passes signals on to the gateway, reports to the service manager, and ends with the gateway's exit code. If the
//! gateway ends without having said that its devices are looked after, or gives no beat for some seconds, the guardian
//! kills everything that the gateway has started, locks every device, and ends by the same signal.
//!
//! If the guardian dies, the gateway stops politely.

mod cgroup;
mod gateway;
mod heart;
mod line;
mod manager;
mod message;
mod watch;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, getpid, getrlimit, kill_process, setrlimit};

use crate::lock::{lock_all, locked_because};
use crate::logging;
use crate::processes;
use crate::settings::{Salvaged, load_devices_lenient};
use gateway::Gateway;
pub(crate) use heart::Heart;
pub(crate) use line::Line;
use manager::Manager;
use watch::{Cause, End, watch};

/// How long to wait for the end of what is killed.
const GONE: Duration = Duration::from_secs(1);

/// How often the service manager is told that this process works while it locks the devices.
const FEED: Duration = Duration::from_millis(500);

/// Runs the gateway in a child process, and looks after its devices if it dies. Returns with what this process has to
/// end.
pub(crate) fn guard(config: &Path) -> Result<ExitCode, String> {
    // It is read now, because the file may be gone or different when it is needed.
    let found = load_devices_lenient(config);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot be started: {error}"))?;
    runtime.block_on(async {
        let manager = Manager::from_environment();
        let mut gateway = match Gateway::start() {
            Ok(gateway) => gateway,
            Err(why) => return Err(locked_because(found, why).await),
        };
        match watch(&mut gateway, &manager).await {
            End::Orderly(code) => Ok(ExitCode::from(code)),
            End::Died(cause) => {
                lock_for_the_dead(gateway, &cause, found, &manager).await;
                Ok(end_like(&cause))
            }
        }
    })
}

/// Ends everything that the gateway has started, and locks every device.
async fn lock_for_the_dead(gateway: Gateway, cause: &Cause, found: Salvaged, manager: &Manager) {
    gateway.end_tree(GONE);
    // Nothing may wait for a reader of the log before the devices are locked.
    let log = logging::start_detached();
    tracing::error!(%cause, "the gateway is dead; locking every device");
    if !processes::end_descendants(GONE) {
        tracing::warn!("a process that the gateway has started cannot be ended");
    }
    let feeding = async {
        loop {
            manager.beat();
            tokio::time::sleep(FEED).await;
        }
    };
    let outcome = tokio::select! {
        outcome = lock_all(found, Some(gateway.pid)) => outcome,
        () = feeding => None,
    };
    match outcome.map(|outcome| outcome.complaint()) {
        None => tracing::error!("another gateway uses the same data_dir, and controls the devices"),
        Some(None) => tracing::info!("every device is locked"),
        Some(Some(complaint)) => tracing::error!("{complaint}"),
    }
    if let Some(log) = log {
        log.flush();
    }
}

/// Ends this process as the gateway has ended, so that whoever started it sees the cause. Returns an exit code if the
/// cause was no signal, or one that this process listens to.
fn end_like(cause: &Cause) -> ExitCode {
    let raw = match cause {
        Cause::Exit(code) => return ExitCode::from(*code),
        Cause::Signal(raw) => *raw,
        Cause::Silence => Signal::KILL.as_raw(),
    };
    // A core file of this process would replace that of the gateway.
    let limit = Rlimit { current: Some(0), ..getrlimit(Resource::Core) };
    let _ = setrlimit(Resource::Core, limit);
    if let Some(signal) = Signal::from_named_raw(raw) {
        // Rust's own handler of SIGSEGV and SIGBUS takes the first.
        let _ = kill_process(getpid(), signal);
        let _ = kill_process(getpid(), signal);
    }
    ExitCode::from(u8::try_from(raw.saturating_add(128)).unwrap_or(u8::MAX))
}
