//! Starts, runs and stops the gateway.

use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Args;
use super::prepare::prepare;
use super::running::Running;
use super::startup::{StartupContext, abort_startup, lock_unsupervised};
use crate::devices::{Devices, Pulses};
use crate::guardian::{Heart, Line, guard};
use crate::lock::{LOCK, not_locked};
use crate::signals::Signals;

/// Runs the gateway until it is told to stop: in a process of its own, with this one as its guardian.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    crate::files::keep_new_files_private();
    if !args.no_guardian && !args.guarded {
        return guard(&args.config);
    }
    let line = if args.guarded { Line::to_guardian()? } else { Line::to_manager() };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot be started: {error}"))?;
    let result = runtime.block_on(gateway(args, &line));
    // Every device was locked, or the operator is about to be told which was not.
    line.farewell();
    // A blocking call, such as a slow check of the RPC, must not delay the end.
    runtime.shutdown_timeout(Duration::from_millis(200));
    result.map(|()| ExitCode::SUCCESS)
}

async fn gateway(args: &Args, line: &Line) -> Result<(), String> {
    let pulses = Pulses::new();
    let heart = match Signals::new() {
        Ok(signals) => Heart::start(line, signals, pulses.clone()),
        Err(why) => return Err(lock_unsupervised(&args.config, why).await),
    };
    let logged = crate::logging::start();
    let mut heart = match heart.and_then(|heart| logged.map(|()| heart)) {
        Ok(heart) => heart,
        Err(why) => return Err(lock_unsupervised(&args.config, why).await),
    };
    let mut startup = StartupContext::find(&args.config).await?;
    // The devices come before everything that takes long or may fail, so that a device that was left open is
    // locked soon, whatever happens to the rest. The sender is also kept here, so that the loop can receive
    // even without any device.
    let (tell, reports) = mpsc::unbounded_channel();
    let devices = std::mem::take(&mut startup.settings.devices);
    let away = startup.away_since_ms;
    let devices = Devices::start(devices, &startup.device_clock, &startup.metrics, &tell, &pulses, away);
    let prepared = tokio::select! {
        prepared = prepare(args, &startup) => prepared,
        () = heart.told_to_stop() => return stopped(&devices.close(LOCK).await),
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(why) => return Err(abort_startup(devices, why).await),
    };
    let (assets, address) = (startup.settings.config.assets.len(), prepared.address);
    let mut running = Running::start(startup, prepared, devices, reports);
    let plural = if assets == 1 { "asset" } else { "assets" };
    println!("coinop serving {assets} {plural} on http://{address}");
    line.ready();

    let broken = running.until_broken(&mut heart).await;
    line.stopping();
    let open = running.stop(&mut heart, broken.is_some()).await;
    drop(tell);
    stopped(&open).and(broken.map_or(Ok(()), Err))
}

/// Returns the result of a stop after which these assets' devices were not seen locked.
fn stopped(open: &[String]) -> Result<(), String> {
    if !open.is_empty() {
        return Err(not_locked(open));
    }
    tracing::info!("stopped; every device is locked");
    Ok(())
}
