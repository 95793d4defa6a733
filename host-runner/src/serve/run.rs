//! Starts, runs and stops the gateway.

use std::time::Duration;

use tokio::sync::mpsc;

use super::Args;
use super::prepare::prepare;
use super::running::Running;
use super::signals::Signals;
use super::startup::{StartupContext, abort_startup, not_locked};
use crate::devices::Devices;

/// Runs the gateway until it is told to stop.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    crate::logging::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot be started: {error}"))?;
    let result = runtime.block_on(gateway(args));
    // A blocking call, such as a slow check of the RPC, must not delay the end.
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}

async fn gateway(args: &Args) -> Result<(), String> {
    let mut signals = Signals::new()?;
    let mut startup = StartupContext::find(&args.config).await?;
    // The devices come before everything that takes long or may fail, so that a device that was left open is
    // locked soon, whatever happens to the rest. The sender is also kept here, so that the loop can receive
    // even without any device.
    let (tell, reports) = mpsc::unbounded_channel();
    let devices = std::mem::take(&mut startup.settings.devices);
    let devices = Devices::start(devices, &startup.clock, &startup.metrics, &tell);
    let prepared = match prepare(args, &startup).await {
        Ok(prepared) => prepared,
        Err(why) => return Err(abort_startup(devices, why).await),
    };
    let (assets, address) = (startup.settings.config.assets.len(), prepared.address);
    let mut running = Running::start(startup, prepared, devices, reports);
    let plural = if assets == 1 { "asset" } else { "assets" };
    println!("coinop serving {assets} {plural} on http://{address}");

    let broken = running.until_broken(&mut signals).await;
    let open = running.stop(&mut signals, broken.is_some()).await;
    drop(tell);
    if !open.is_empty() {
        return Err(not_locked(&open));
    }
    tracing::info!("stopped; every device is locked");
    broken.map_or(Ok(()), Err)
}
