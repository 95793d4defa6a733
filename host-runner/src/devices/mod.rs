//! The devices of this host, with one worker each.
//!
//! The component decides and the [worker] acts. The component gives an order, which says until when the
//! device may be unlocked, and the worker returns a report of what the device is doing. A worker keeps its
//! order by itself: whatever happens to the component, the network or the database, it locks the device when
//! the time is up (invariant 4).

mod desired_state;
mod pulse;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock::SteadyClock;
use crate::drivers::{self, Mistake};
use crate::metrics::Metrics;
pub(crate) use desired_state::{DesiredState, ReportedState};
pub(crate) use pulse::Pulses;
use worker::{Target, Worker};

/// A device as configured.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) asset: String,
    pub(crate) driver: String,
    pub(crate) settings: Map<String, Value>,
    /// The folder of the configuration file.
    pub(crate) folder: PathBuf,
}

impl Device {
    pub(crate) fn driver(&self) -> Result<Box<dyn drivers::Driver>, Mistake> {
        drivers::make(&self.driver, &self.settings, &self.asset, &self.folder)
    }

    /// Makes a driver that can only lock. It works although other keys of the device are wrong.
    pub(crate) fn locking_driver(&self) -> Result<Box<dyn drivers::Driver>, Mistake> {
        drivers::make_locking(&self.driver, &self.settings, &self.asset, &self.folder)
    }
}

pub(crate) struct Devices {
    targets: Targets,
    workers: Vec<(String, JoinHandle<bool>)>,
}

/// The way to give orders to the devices. Clones share it.
#[derive(Clone)]
pub(crate) struct Targets(BTreeMap<String, watch::Sender<Target>>);

impl Targets {
    /// Returns whether any device may be unlocked now.
    pub(crate) fn any_unlocked(&self) -> bool {
        self.0.values().any(|target| target.borrow().is_unlocking())
    }

    /// Gives an order to its device.
    pub(crate) fn give(&self, order: &DesiredState) {
        match self.0.get(&order.asset) {
            Some(target) => {
                target.send_if_modified(|target| target.take(order));
            }
            None => {
                tracing::warn!(asset = %order.asset, "ignored a desired state for an asset without a device");
            }
        }
    }
}

impl Devices {
    /// Starts a worker for each device. Their reports go to `reports`.
    pub(crate) fn start(
        devices: Vec<Device>,
        clock: &SteadyClock,
        metrics: &Metrics,
        reports: &mpsc::UnboundedSender<ReportedState>,
        pulses: &Pulses,
        away_since_ms: u64,
    ) -> Self {
        let needs = Needs {
            make: Device::driver,
            target: watch::channel(Target::default()).1,
            clock: clock.clone(),
            metrics: metrics.clone(),
            reports: reports.clone(),
            pulses: pulses.clone(),
            away_since_ms: Some(away_since_ms),
        };
        Self::with(devices, &Target::default(), &needs)
    }

    /// Locks these devices, for which there is no worker. The command `lock` runs at once, whatever state a device seems
    /// to be in. Returns the assets whose devices were not seen locked within `limit`.
    pub(crate) async fn lock(devices: Vec<Device>, limit: Duration) -> Result<Vec<String>, String> {
        let metrics = Metrics::new().map_err(|error| error.to_string())?;
        let (tell, _reports) = mpsc::unbounded_channel();
        let clock = SteadyClock::system(Duration::ZERO);
        let needs = Needs {
            make: Device::locking_driver,
            target: watch::channel(Target::closing()).1,
            clock,
            metrics,
            reports: tell,
            pulses: Pulses::new(),
            away_since_ms: None,
        };
        Ok(Self::with(devices, &Target::closing(), &needs).close(limit).await)
    }

    /// Starts a worker for each device, with these needs but a target of its own.
    fn with(devices: Vec<Device>, first: &Target, needs: &Needs) -> Self {
        let mut targets = BTreeMap::new();
        let mut workers = Vec::new();
        for device in devices {
            let (sender, target) = watch::channel(first.clone());
            let asset = device.asset.clone();
            targets.insert(asset.clone(), sender);
            let needs = Needs { target, ..needs.clone() };
            workers.push((asset, tokio::spawn(supervise(device, needs))));
        }
        Self { targets: Targets(targets), workers }
    }

    /// Tells whether this host has no device.
    pub(crate) fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// Returns how many devices this host has.
    pub(crate) fn count(&self) -> usize {
        self.workers.len()
    }

    pub(crate) fn targets(&self) -> Targets {
        self.targets.clone()
    }

    /// Locks every device, and returns the assets whose devices were not seen locked within `limit`.
    pub(crate) async fn close(self, limit: Duration) -> Vec<String> {
        let deadline = tokio::time::Instant::now() + limit;
        for target in self.targets.0.values() {
            target.send_modify(|target| target.closing = true);
        }
        let mut open = Vec::new();
        for (asset, worker) in self.workers {
            let locked = tokio::time::timeout_at(deadline, worker).await;
            if !matches!(locked, Ok(Ok(true))) {
                open.push(asset);
            }
        }
        open
    }
}

type MakeDriver = fn(&Device) -> Result<Box<dyn drivers::Driver>, Mistake>;

/// What a worker works with, beside its device.
#[derive(Clone)]
struct Needs {
    make: MakeDriver,
    target: watch::Receiver<Target>,
    clock: SteadyClock,
    metrics: Metrics,
    reports: mpsc::UnboundedSender<ReportedState>,
    pulses: Pulses,
    /// Since when nobody had worked the devices, in milliseconds since the Unix epoch, until that is reported.
    away_since_ms: Option<u64>,
}

/// Runs a device's worker, and starts it again if it breaks, because nothing else would lock the device.
async fn supervise(device: Device, mut needs: Needs) -> bool {
    let asset = device.asset.as_str();
    loop {
        match (needs.make)(&device) {
            Ok(driver) => {
                let away_since_ms = needs.away_since_ms.take();
                let Needs { target, clock, metrics, reports, .. } = &needs;
                let worker = Worker::new(
                    asset.to_owned(),
                    driver,
                    target.clone(),
                    clock.clone(),
                    metrics.clone(),
                    reports.clone(),
                    away_since_ms,
                );
                let pulses = needs.pulses.clone();
                match tokio::spawn(async move { pulses.beside(worker.run()).await }).await {
                    Ok(locked) => return locked,
                    Err(error) => {
                        tracing::error!(%asset, %error, "a device's worker crashed; starting it again");
                    }
                }
            }
            Err(mistake) => {
                tracing::error!(
                    %asset,
                    key = %mistake.path,
                    error = %mistake.message,
                    "a device's driver cannot be created; trying again"
                );
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[cfg(test)]
mod tests;
