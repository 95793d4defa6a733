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

/// Returns what to try next: pages for the browser, and commands for copying and pasting.
fn invitation(workspace: &Workspace, folder: &Folder, ports: Ports) -> String {
    let gateway = format!("http://127.0.0.1:{}", ports.public);
    let shown = |name: &str| quoted(&workspace.shown(&folder.path.join(name)));
    let program = workspace.shown(&workspace.coinop());
    let program = quoted(&if program.starts_with('/') { program } else { format!("./{program}") });
    format!(
        "
Open this in a browser:

  {gateway}/p/lamp

Choose 10 seconds, press Pay, then Approve.
The lamp at the top of the page goes on, and off when the time is over.
No real money is involved: the wallet has {buyer_has} USDC on a chain on this computer.

  {gateway}/              shows all that is for hire: the lamp, a door and a printer
  {gateway}/p/lamp?kiosk  shows what a screen beside the lamp would

The commands below are for another terminal, in this folder:

  cd {root}

Pay for a minute of the door without a browser. The file exists while the door is open:

  {program} pay '{gateway}/api/v1/access/door-1?quantity=1' \\
      --keypair {buyer} --rpc http://127.0.0.1:{chain} --max 0.50
  ls {door}

See what was earned:

  {program} sales --config {config}

The gateway's log is {log}.
The next demo empties {folder}: copy what you want to keep.

Ctrl-C stops everything and locks the devices.",
        buyer_has = folder::BUYER_HAS,
        root = quoted(&workspace.root.display().to_string()),
        buyer = shown(folder::BUYER),
        chain = ports.chain,
        door = shown(folder::DOOR),
        config = shown(folder::CONFIG),
        log = shown(folder::GATEWAY_LOG),
        folder = quoted(&workspace.shown(&folder.path)),
    )
}

/// Returns a path as a shell takes it for one word.
fn quoted(path: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "/._-+".contains(char);
    if path.chars().all(is_plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_only_if_a_shell_would_split_it() {
        assert_eq!(quoted("./target/release/coinop"), "./target/release/coinop");
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
