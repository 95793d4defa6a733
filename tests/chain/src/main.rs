//! `coinop-chain`: a local Solana chain that plays devnet, for demos and tests.
//!
//! The real SPL token program executes real transactions. Blocks, finality and JSON-RPC behave as clients and
//! gateways meet them on a cluster, but there is nothing to install and no network. A native stand-in
//! replaces the Lighthouse program, whose assertions wallets put around a payment. The chain listens on
//! 127.0.0.1 only, keeps everything in memory, and forgets it when it ends.

mod amount;
mod bank;
mod blocks;
mod genesis;
mod history;
mod ledger;
mod lighthouse;
mod rpc;
mod sysvars;
mod token;

use std::io::{ErrorKind, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use genesis::Funding;
use ledger::Ledger;
use rpc::Chain;

/// The text of `--help` after the options.
const AFTER_HELP: &str = "\
Methods for tests, beside those of a Solana node:
  coinop_advanceBlocks [COUNT]              adds blocks; returns the new height
  coinop_setTokens [WALLET, \"AMOUNT\"]       sets a balance of USDC, a decimal number
  coinop_setLamports [WALLET, LAMPORTS]     sets a wallet's balance of SOL on this chain, in lamports
  coinop_stats []                           counts calls of sendTransaction, and
                                            transactions that landed
Setting a balance is not a transaction. It is seen at every commitment at once, so a
transaction can succeed in simulation and fail when it lands.

Example:
  coinop-chain --port 8899 --fund 87iutzR1s1ySdDKYMLNApJPHJkWSGFpB6iMEnSxNRmD3=25";

/// A local Solana chain that plays devnet: JSON-RPC on 127.0.0.1, the real SPL
/// token program, a stand-in for the Lighthouse assertions that wallets add, and
/// devnet's USDC mint.
#[derive(Parser, Debug)]
#[command(
    name = "coinop-chain",
    version,
    after_help = AFTER_HELP
)]
struct Arguments {
    /// Port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 8899)]
    port: u16,
    /// Gives ADDRESS this much USDC, and 10 SOL; may be repeated
    #[arg(long, value_name = "ADDRESS=AMOUNT")]
    fund: Vec<String>,
    /// Milliseconds between blocks; 0 makes blocks only when
    /// coinop_advanceBlocks is called
    #[arg(long, value_name = "MS", default_value_t = 400)]
    block_ms: u64,
    /// Blocks that must follow a block before it is confirmed, at most
    /// --finality-lag. Reads and simulations at "confirmed", at "finalized" or
    /// without a commitment see the accounts as the latest confirmed block left
    /// them, and at "processed" as the latest block left them
    #[arg(long, value_name = "BLOCKS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=100))]
    confirm_lag: u64,
    /// Blocks that must follow a block before it is final
    #[arg(long, value_name = "BLOCKS", default_value_t = 32, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    finality_lag: u64,
    /// Makes blockhashes and block times the same in every run with the same
    /// WORD, for recordings
    #[arg(long, value_name = "WORD")]
    seed: Option<String>,
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
            return fail(&format!("{} (see coinop-chain --help)", line.trim_start_matches("error: ")));
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}")),
    }
}

fn fail(line: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "coinop-chain: {line}");
    ExitCode::FAILURE
}

#[tokio::main]
async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let funding =
        arguments.fund.iter().map(|text| Funding::parse(text)).collect::<anyhow::Result<Vec<_>>>()?;
    let listener = listen(arguments.port).await?;
    let port = listener.local_addr()?.port();
    let seed = arguments.seed.as_deref();
    let chain = Chain::new(Ledger::new(&funding, arguments.confirm_lag, arguments.finality_lag, seed)?);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    writeln!(std::io::stdout(), "chain ready on http://{}:{port}", Ipv4Addr::LOCALHOST)
        .and_then(|()| std::io::stdout().flush())
        .context("cannot write to stdout")?;
    tokio::select! {
        result = axum::serve(listener, rpc::service(chain.clone())) => Ok(result?),
        result = make_blocks(chain, arguments.block_ms) => result,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
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

/// Adds a block every `every` milliseconds, for ever.
async fn make_blocks(chain: Chain, every: u64) -> anyhow::Result<()> {
    if every == 0 {
        return std::future::pending().await;
    }
    let mut ticks = interval(Duration::from_millis(every));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is due at once, but the genesis block has just been made.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        chain.lock().advance(1)?;
    }
}
