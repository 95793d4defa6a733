//! Starting, running and stopping the gateway.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use coinop_core::config::Config;
use coinop_core::svm::Address;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinError;

use super::Args;
use super::ground::{Ground, LOCK, give_up, not_locked};
use super::prepare::{Prepared, prepare, refuse_foreign};
use crate::check::chain;
use crate::clock::{Floor, SteadyClock};
use crate::controller::Loop;
use crate::devices::Devices;
use crate::failpoint;
use crate::guest::{Controller, Pool};
use crate::http::{Gateway, RateLimiter, serve};
use crate::recent::{Recent, follow};
use crate::settler::settle;

/// How long requests that are running may go on when the gateway stops.
const FINISH: Duration = Duration::from_secs(10);

/// How long to wait before the RPC is asked again whose a fee payer is.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// Runs the gateway until it is told to stop.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    crate::logging::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot be started: {error}"))?;
    let result = runtime.block_on(gateway(args));
    // A blocking call (a slow RPC probe) must not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}

async fn gateway(args: &Args) -> Result<(), String> {
    let mut stop = Stop::new()?;
    let mut ground = Ground::find(&args.config).await?;
    // Before all that takes long or may fail: a device that was left open is locked
    // soon, whatever comes of the rest. The sender is kept here too, so that the loop
    // can listen even without any device.
    let (tell, reports) = mpsc::unbounded_channel();
    let devices = std::mem::take(&mut ground.settings.devices);
    let devices = Devices::start(devices, &ground.clock, &ground.metrics, &tell);
    let Prepared { component, host, listener, address, origin, fee_payers, unanswered } =
        match prepare(args, &ground).await {
            Ok(prepared) => prepared,
            Err(why) => return Err(give_up(devices, why).await),
        };
    let Ground { settings, floor, lock, .. } = ground;
    let assets = settings.config.assets.len();
    let clock = host.clock.clone();
    let (close_controller, controller_closing) = watch::channel(false);
    let (close_http, http_closing) = watch::channel(false);

    let orders = devices.orders();
    let mut controller = tokio::spawn(
        Loop {
            decide: Controller::for_steps(component.clone(), host.clone()),
            orders: Box::new(move |order| orders.give(order)),
            reports,
            written: host.db.written(),
            clock: clock.clone(),
            metrics: host.metrics.clone(),
            closing: controller_closing.clone(),
        }
        .run(),
    );
    let settling = Controller::for_settling(component.clone(), host.clone());
    let mut settler = tokio::spawn(settle(settling, clock.clone(), controller_closing.clone()));
    let recent = Recent::default();
    let following = tokio::spawn(follow(recent.clone(), settings.config.rpc_url.clone(), clock.clone()));
    let gateway = Arc::new(Gateway {
        pool: Pool::new(component, host.clone()),
        origin,
        recent: recent.clone(),
        rate: RateLimiter::new(settings.config.limits.requests_per_second, settings.config.limits.burst),
        metrics: host.metrics.clone(),
        clock: clock.clone(),
    });
    let mut http = tokio::spawn(serve(listener, gateway, http_closing, FINISH));
    let notes = tokio::spawn(note_the_time(floor.clone(), clock.clone()));
    let (rpc_url, data_dir) = (settings.config.rpc_url.clone(), settings.data_dir.clone());
    let mut foreign = tokio::spawn(foreign_fee_payer(rpc_url, data_dir, unanswered));
    let probe = tokio::task::spawn_blocking(move || probe(&settings.config, &fee_payers));

    let plural = if assets == 1 { "asset" } else { "assets" };
    println!("coinop serving {assets} {plural} on http://{address}");

    // None of the three ends by itself. Should one break, or a fee payer be another journal's, the devices are locked
    // and the process ends.
    let broke = |what: &str, ended: Result<(), JoinError>| Some(format!("{what} broke: {ended:?}"));
    let broken = tokio::select! {
        () = stop.requested() => None,
        ended = &mut http => broke("the HTTP server", ended),
        ended = &mut controller => broke("the device controller", ended),
        ended = &mut settler => broke("looking after payments", ended),
        Ok(why) = &mut foreign => Some(why),
    };
    failpoint::reach("stop.asked");
    let first = if broken.is_none() { "running requests may finish, then " } else { "" };
    tracing::info!("stopping: {first}the devices are locked");
    let _ = close_http.send(true);
    if broken.is_none() {
        tokio::select! {
            _ = &mut http => {}
            // Asked again: not that patient.
            () = stop.requested() => {}
        }
        failpoint::reach("stop.quiet");
        let _ = close_controller.send(true);
        let _ = (&mut controller).await;
        failpoint::reach("stop.settled");
    }
    controller.abort();
    settler.abort();
    // Its connections hold descriptors that locking a device may need.
    http.abort();
    let open = devices.close(LOCK).await;
    failpoint::reach("stop.closed");
    notes.abort();
    probe.abort();
    foreign.abort();
    following.abort();
    floor.write(clock.now_ms());
    failpoint::reach("stop.noted");
    drop(tell);
    drop(lock);
    if !open.is_empty() {
        return Err(not_locked(&open));
    }
    tracing::info!("stopped; every device is locked");
    broken.map_or(Ok(()), Err)
}

/// A controller or a service manager that wants the process to end.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn new() -> Result<Self, String> {
        let on = |kind| signal(kind).map_err(|error| format!("signals cannot be heard: {error}"));
        Ok(Self { interrupt: on(SignalKind::interrupt())?, terminate: on(SignalKind::terminate())? })
    }

    async fn requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

async fn note_the_time(floor: Floor, clock: SteadyClock) {
    loop {
        let floor = floor.clone();
        let now = clock.now_ms();
        let _ = tokio::task::spawn_blocking(move || floor.write(now)).await;
        tokio::time::sleep(Floor::EVERY).await;
    }
}

/// Ends when one of these fee payers turns out to be another journal's, with the line that says so. Asks until the RPC has
/// answered about all of them.
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

/// What `coinop check` says of the chain: as long as it is wrong nothing can be sold,
/// but what was sold still ends on time. So these are warnings.
fn probe(config: &Config, fee_payers: &[Address]) {
    for (subject, finding) in chain::all(config, fee_payers) {
        if let Err(remedy) = finding {
            tracing::warn!(%subject, %remedy, "nothing can be sold until this is mended");
        }
    }
}
