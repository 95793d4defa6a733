//! The gateway while it runs: its tasks, what breaks it, and how it stops.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use coinop_core::config::Config;
use coinop_core::svm::Address;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinError, JoinHandle};

use super::prepare::{Prepared, refuse_foreign};
use super::startup::StartupContext;
use crate::check;
use crate::clock::{ClockFloor, SteadyClock};
use crate::controller::Loop;
use crate::devices::{Devices, ReportedState, Targets};
use crate::failpoint;
use crate::guardian::Heart;
use crate::guest::{Controller, Pool};
use crate::http::{Frontend, Gate, Pictures, connections, serve};
use crate::lock::LOCK;
use crate::recent::{Recent, follow};
use crate::sales::SalesMeter;
use crate::settler::settle;

/// How long running requests may go on when the gateway stops.
const FINISH: Duration = Duration::from_secs(10);

/// Of how many connections one may be held for a buyer who waits for a payment's outcome. The others are for those who
/// come.
const HELD_OF: usize = 4;

/// How long to wait before asking the RPC again whether another journal uses a fee payer.
const ASK_AGAIN: Duration = Duration::from_secs(10);

pub(super) struct Running {
    http: JoinHandle<()>,
    controller: JoinHandle<()>,
    settler: JoinHandle<()>,
    /// Ends with the message that another journal uses a fee payer.
    foreign: JoinHandle<String>,
    /// Tasks that are only aborted at the end.
    others: [AbortHandle; 3],
    close_http: watch::Sender<bool>,
    close_controller: watch::Sender<bool>,
    devices: Devices,
    floor: ClockFloor,
    clock: SteadyClock,
    /// Holds the data folder.
    lock: File,
}

impl Running {
    /// Starts everything.
    pub(super) fn start(
        startup: StartupContext,
        prepared: Prepared,
        devices: Devices,
        reports: mpsc::UnboundedReceiver<ReportedState>,
    ) -> Self {
        let Prepared { component, host, listener, origin, fee_payers, unanswered, held, .. } = prepared;
        let StartupContext { settings, floor, device_clock, lock, .. } = startup;
        let clock = host.clock.clone();
        let (close_controller, controller_closing) = watch::channel(false);
        let (close_http, http_closing) = watch::channel(false);
        let (targets, unlocking) = (devices.targets(), devices.targets());
        let controller = Loop {
            decide: Controller::for_steps(component.clone(), host.clone()),
            targets: Box::new(move |state| targets.give(state)),
            reports,
            devices: devices.count(),
            written: host.db.written(),
            clock: clock.clone(),
            device_clock,
            metrics: host.metrics.clone(),
            closing: controller_closing.clone(),
        };
        let settling = Controller::for_settling(component.clone(), host.clone());
        let recent = Recent::default();
        let following = follow(recent.clone(), settings.config.rpc_url.clone(), clock.clone());
        let limits = settings.config.limits.clone();
        let pictures = Pictures::beside(&settings.folder);
        let connections = connections();
        let held = held.min(connections / HELD_OF);
        let gateway = Arc::new(Frontend {
            pool: Arc::new(Pool::new(component, host.clone(), held)),
            origin,
            recent,
            pictures: pictures.clone(),
            gate: Gate::new(settings.config.merchant.clone(), &limits),
            metrics: host.metrics.clone(),
            sales: SalesMeter::new(host.db.clone(), &settings.config, host.metrics.clone()),
            clock: clock.clone(),
        });
        let (rpc_url, data_dir) = (settings.config.rpc_url.clone(), settings.data_dir.clone());
        Self {
            controller: tokio::spawn(controller.run()),
            settler: tokio::spawn(settle(settling, clock.clone(), controller_closing)),
            http: tokio::spawn(async move {
                serve(listener, gateway, &limits, connections, http_closing, FINISH).await
            }),
            foreign: tokio::spawn(foreign_fee_payer(rpc_url, data_dir, unanswered)),
            others: [
                tokio::spawn(following).abort_handle(),
                tokio::spawn(note_the_time(floor.clone(), clock.clone(), unlocking)).abort_handle(),
                tokio::task::spawn_blocking(move || probe(&settings.config, &pictures, &fee_payers))
                    .abort_handle(),
            ],
            close_http,
            close_controller,
            devices,
            floor,
            clock,
            lock,
        }
    }

    /// Waits until the gateway has to stop. Returns why, if something broke or another journal uses a fee
    /// payer. Returns `None` if a signal asked it to stop.
    pub(super) async fn until_broken(&mut self, heart: &mut Heart) -> Option<String> {
        let broke = |what: &str, ended: Result<(), JoinError>| {
            Some(format!("{what} stopped unexpectedly: {ended:?}"))
        };
        // None of these tasks ends by itself.
        tokio::select! {
            () = heart.told_to_stop() => None,
            ended = &mut self.http => broke("the HTTP server", ended),
            ended = &mut self.controller => broke("the device controller", ended),
            ended = &mut self.settler => broke("the settlement of payments", ended),
            Ok(why) = &mut self.foreign => Some(why),
        }
    }

    /// Stops the gateway and locks the devices. Running requests may finish first, unless the gateway is
    /// broken. Returns the assets whose devices were not seen locked.
    pub(super) async fn stop(mut self, heart: &mut Heart, is_broken: bool) -> Vec<String> {
        failpoint::reach("stop.asked");
        let first = if is_broken { "" } else { "waiting for running requests, then " };
        tracing::info!("stopping: {first}locking the devices");
        let _ = self.close_http.send(true);
        if !is_broken {
            tokio::select! {
                _ = &mut self.http => {}
                // A second signal ends the wait.
                () = heart.told_to_stop() => {}
            }
            failpoint::reach("stop.quiet");
            let _ = self.close_controller.send(true);
            let _ = (&mut self.controller).await;
            failpoint::reach("stop.settled");
        }
        self.controller.abort();
        self.settler.abort();
        // The server's connections hold descriptors that locking a device may need.
        self.http.abort();
        let open = self.devices.close(LOCK).await;
        failpoint::reach("stop.closed");
        self.foreign.abort();
        self.others.iter().for_each(AbortHandle::abort);
        self.floor.write(self.clock.now_ms());
        failpoint::reach("stop.noted");
        drop(self.lock);
        open
    }
}

async fn note_the_time(floor: ClockFloor, clock: SteadyClock, targets: Targets) {
    let mut noted = clock.monotonic();
    let mut is_due = true;
    loop {
        if !is_due {
            tokio::time::sleep(ClockFloor::EVERY_UNLOCKED).await;
            is_due = targets.any_unlocked() || clock.monotonic().saturating_sub(noted) >= ClockFloor::EVERY;
            continue;
        }
        is_due = false;
        noted = clock.monotonic();
        let floor = floor.clone();
        let now = clock.now_ms();
        let _ = tokio::task::spawn_blocking(move || floor.write(now)).await;
    }
}

/// Ends when another journal turns out to use one of these fee payers, with the message that says so. Asks
/// until the RPC has answered about all of them.
async fn foreign_fee_payer(rpc_url: String, data_dir: PathBuf, mut unanswered: Vec<Address>) -> String {
    while !unanswered.is_empty() {
        tokio::time::sleep(ASK_AGAIN).await;
        match refuse_foreign(rpc_url.clone(), data_dir.clone(), unanswered).await {
            Ok(still) => unanswered = still,
            Err(why) => return why,
        }
    }
    std::future::pending().await
}

/// Logs what `coinop check` finds wrong about the pictures and the chain. These are warnings: until what is wrong
/// about the chain is corrected some or all sales fail, but a running session still ends on time.
fn probe(config: &Config, pictures: &Pictures, fee_payers: &[Address]) {
    for warning in check::pictures::all(config, pictures) {
        tracing::warn!("picture: {warning}");
    }
    for (subject, finding) in check::chain::all(config, fee_payers) {
        if let Err(remedy) = finding {
            tracing::warn!(%subject, %remedy, "sales can fail until this is fixed");
        }
    }
}
