//! `coinop-demo`: what stands in front of the gateway in `cargo xtask demo`.
//!
//! It passes every request on to the gateway. To the gateway's pages it adds a script with a wallet, so that a person
//! can pay in a desktop browser without a wallet of their own. The wallet holds play money of the local chain: its key is
//! in a file of the demo, and this program signs with it. Nothing of this is in a product.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod answer;
mod caller;
mod chain;
mod forward;
mod inject;
mod payment;
mod route;
mod server;
#[cfg(test)]
mod tests;
mod transaction;
mod wallet;

use std::io::{ErrorKind, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::Parser;
use coinop_core::svm::Address;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use caller::Origin;
use server::Demo;
use wallet::Wallet;

/// The front of the demo: passes everything on to the gateway, and adds a
/// wallet with play money to its pages.
#[derive(Parser, Debug)]
#[command(
    name = "coinop-demo",
    version,
    after_help = "Example:\n  coinop-demo --gateway-port 8403 --chain-port 8899 --keypair buyer.json --lamp lamp.on"
)]
struct Arguments {
    /// Port to listen on, on 127.0.0.1
    #[arg(long, default_value_t = 8402)]
    port: u16,
    /// The gateway's port on 127.0.0.1
    #[arg(long)]
    gateway_port: u16,
    /// The local chain's port on 127.0.0.1
    #[arg(long)]
    chain_port: u16,
    /// The key of the wallet
    #[arg(long, value_name = "FILE")]
    keypair: PathBuf,
    /// The file that exists while the lamp is lit
    #[arg(long, value_name = "FILE")]
    lamp: PathBuf,
    /// The wallet that is paid, which the demo's wallet then names
    #[arg(long, value_name = "ADDRESS")]
    pay_to: Option<Address>,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => {
            let printed = error.print();
            return ExitCode::from(u8::from(printed.is_err()));
        }
        Err(error) => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            return fail(&format!("{} (see coinop-demo --help)", line.trim_start_matches("error: ")));
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}")),
    }
}

fn fail(line: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "coinop-demo: {line}");
    ExitCode::FAILURE
}

#[tokio::main]
async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let keypair = &arguments.keypair;
    let text =
        std::fs::read_to_string(keypair).with_context(|| format!("{} cannot be read", keypair.display()))?;
    let wallet = Wallet::read(&text, arguments.pay_to).with_context(|| {
        format!("{} is not a Solana key: make one with `coinop keygen`", keypair.display())
    })?;
    let listener = listen(arguments.port).await?;
    let origin = Origin::of(listener.local_addr()?)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    writeln!(std::io::stdout(), "demo ready on {origin}")
        .and_then(|()| std::io::stdout().flush())
        .context("cannot write to stdout")?;
    let demo = Arc::new(Demo {
        origin,
        wallet,
        gateway: (Ipv4Addr::LOCALHOST, arguments.gateway_port).into(),
        chain: (Ipv4Addr::LOCALHOST, arguments.chain_port).into(),
        pay_options: pay_options(keypair, arguments.chain_port),
        lamp: arguments.lamp.clone(),
    });
    tokio::select! {
        () = server::serve(listener, demo) => Ok(()),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// Returns what `coinop pay` needs besides the URL, as a person would type it in any folder.
fn pay_options(keypair: &Path, chain_port: u16) -> String {
    let path = keypair.canonicalize().unwrap_or_else(|_| keypair.to_owned()).display().to_string();
    let is_plain = path.chars().all(|char| char.is_ascii_alphanumeric() || "/._-+".contains(char));
    let path = if is_plain { path } else { format!("'{}'", path.replace('\'', r"'\''")) };
    format!("--keypair {path} --rpc http://127.0.0.1:{chain_port} --max 0.50")
}

async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("port {port} is in use: stop what listens there, or choose another with --port")
        }
        Err(error) => Err(anyhow!("cannot listen on port {port} ({error}): choose another with --port")),
    }
}
