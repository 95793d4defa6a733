//! `cargo xtask demo` runs a chain, a gateway, a wallet with play money and three things for hire on this machine.

mod folder;
mod once;
mod servers;

use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{build, chain, output, stop};
use folder::{Folder, Ports};
use servers::Servers;

/// The default port, which is the gateway's.
const PORT: u16 = 8402;
/// How often the servers are checked while a person tries things.
const GLANCE: Duration = Duration::from_millis(100);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Buys one short session, shows how the device is unlocked and locked, and exits
    #[arg(long)]
    once: bool,
    /// The port on 127.0.0.1 where the demo is opened
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
    build::demo(workspace)?;
    build::component(workspace)?;
    stop::check()?;
    ports_are_free(args)?;
    let ports = Ports { public: args.port, gateway: servers::free_port()?, chain: args.chain_port };
    let folder = Folder::fresh(workspace, ports)?;
    let mut servers = Servers::start(workspace, &folder, ports)?;
    if args.once {
        output::say(&format!(
            "chain    http://127.0.0.1:{} (plays devnet: no real money is involved)",
            ports.chain
        ));
        output::say(&format!("gateway  http://127.0.0.1:{}", ports.public));
        once::buy(workspace, &folder, &servers)?;
        servers.stop()?;
        output::say("done: everything is stopped");
        return Ok(());
    }
    output::say(&invitation(workspace, &folder, ports));
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
    servers::port_is_free(args.port, "the demo", "--port")
}

/// Returns what to try next: a page for the browser, and commands for copying and pasting.
fn invitation(workspace: &Workspace, folder: &Folder, ports: Ports) -> String {
    let gateway = format!("http://127.0.0.1:{}", ports.public);
    let shown = |name: &str| workspace.shown(&folder.path.join(name));
    let program = workspace.shown(&workspace.coinop());
    let program = if program.starts_with('/') { program } else { format!("./{program}") };
    format!(
        "
Open this in a browser:

  {gateway}/p/lamp

Choose 10 seconds, press Pay, then Approve: the lamp in the corner goes on, and off when the time is over.

No real money is involved: the wallet has {buyer_has} USDC on a chain on this computer. {gateway}/ shows all that is for
hire: the lamp, a door (door-1) and a printer.

Without a browser, from {root} in another terminal, pay for a minute of the door:

  {program} pay '{gateway}/api/v1/access/door-1?quantity=1' \\
      --keypair {buyer} --rpc http://127.0.0.1:{chain} --max 0.50
  ls {door}           # exists while the door is open

The configuration is {config}; the gateway's log is {log}. The next demo replaces their
folder. To keep it, copy it, write port {public} in its `listen`, and run {program} serve --config COPY/coinop.toml

Ctrl-C stops everything and locks the devices.",
        buyer_has = folder::BUYER_HAS,
        root = workspace.root.display(),
        buyer = shown(folder::BUYER),
        chain = ports.chain,
        door = shown(folder::DOOR),
        config = shown(folder::CONFIG),
        log = shown(folder::GATEWAY_LOG),
        public = ports.public,
    )
}
