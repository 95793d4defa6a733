//! `cargo xtask demo` runs a chain, a gateway and three things for hire on this machine.

mod folder;
mod once;
mod servers;

use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{build, chain, output, stop};
use folder::Folder;
use servers::Servers;

/// The gateway's default port.
const PORT: u16 = 8402;
/// How often the servers are checked while a person tries things.
const GLANCE: Duration = Duration::from_millis(100);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Buys one short session, shows how the device is unlocked and locked, and exits
    #[arg(long)]
    once: bool,
    /// The gateway's port on 127.0.0.1
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// The local chain's port on 127.0.0.1
    #[arg(long, default_value_t = chain::PORT)]
    chain_port: u16,
}

/// Builds what is missing, starts everything, and stops it all at the end.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    // Checked before the build, which may take long, and again before the folder of another demo would be
    // deleted.
    ports_are_free(args)?;
    build::native(workspace)?;
    build::component(workspace)?;
    stop::check()?;
    ports_are_free(args)?;
    let folder = Folder::fresh(workspace, args.port, args.chain_port)?;
    let mut servers = Servers::start(workspace, &folder, args.port, args.chain_port)?;
    output::say(&format!(
        "chain    http://127.0.0.1:{} (plays devnet: no real money is involved)",
        args.chain_port
    ));
    output::say(&format!("gateway  http://127.0.0.1:{}", args.port));
    if args.once {
        once::buy(workspace, &folder, &servers)?;
        servers.stop()?;
        output::say("done: everything is stopped");
        return Ok(());
    }
    output::say(&invitation(workspace, &folder, args));
    while !stop::requested() {
        servers.are_running()?;
        thread::sleep(GLANCE);
    }
    output::note("stopping: the gateway locks its devices");
    servers.stop()?;
    output::note("everything is stopped");
    Ok(())
}

fn ports_are_free(args: &Args) -> Result<()> {
    servers::port_is_free(args.chain_port, "the local chain", "--chain-port")?;
    servers::port_is_free(args.port, "the gateway", "--port")
}

/// Returns what to try next, for copying and pasting.
fn invitation(workspace: &Workspace, folder: &Folder, args: &Args) -> String {
    let gateway = format!("http://127.0.0.1:{}", args.port);
    let shown = |name: &str| workspace.shown(&folder.path.join(name));
    let program = workspace.shown(&workspace.coinop());
    let program = if program.starts_with('/') { program } else { format!("./{program}") };
    let pay = |what: &str| {
        format!(
            "{program} pay '{gateway}/api/v1/access/{what}' \\\n         --keypair {} --rpc http://127.0.0.1:{} --max 0.50",
            shown(folder::BUYER),
            args.chain_port
        )
    };
    format!(
        "
A buyer with {buyer_has} USDC and three things for hire are ready:

  door-1   0.01 USDC a minute    unlocked while the file {door} exists
  printer  0.05 USDC a minute    simulated
  lamp     0.001 USDC a second   lit while the file {lamp} exists

Try it from {root} in another terminal:

  1. Ask for the door. The answer is 402, with a price:
       curl -i '{gateway}/api/v1/access/door-1?quantity=1'
  2. Pay for one minute:
       {pay_door}
  3. Look at the door, and look again when the minute is over:
       ls {door}
       curl {gateway}/api/v1/assets/door-1/status
  4. Light the lamp for ten seconds:
       {pay_lamp}
  5. See everything that is for hire:
       curl {gateway}/api/v1/assets

The configuration is {config}; the gateway's log is {log}.
The next demo replaces their folder. To keep it, copy it, and run {program} serve --config COPY/coinop.toml

Ctrl-C stops everything and locks the devices.",
        buyer_has = folder::BUYER_HAS,
        door = shown(folder::DOOR),
        lamp = shown(folder::LAMP),
        root = workspace.root.display(),
        pay_door = pay("door-1?quantity=1"),
        pay_lamp = pay("lamp?quantity=10"),
        config = shown(folder::CONFIG),
        log = shown(folder::GATEWAY_LOG),
    )
}
