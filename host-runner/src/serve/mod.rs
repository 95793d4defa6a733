//! `coinop serve` runs the gateway and its devices on this machine.

mod prepare;
mod run;
mod running;
mod startup;

use std::path::PathBuf;

pub(crate) use run::run;

/// Runs the gateway and its devices on this machine.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  coinop serve\n  coinop serve --config /etc/coinop/coinop.toml\n\nEnvironment variables:\n  COINOP_SECRET           the gateway's secret, 32 bytes in base64; by default a file in data_dir\n  COINOP_SECRET_PREVIOUS  the previous secret, while it is being replaced\n  COINOP_FEE_PAYER        the fee payer's key, instead of settlement.fee_payer_keypair\n  COINOP_LOG              what is logged: info (default), debug, ..."
)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "coinop.toml")]
    config: PathBuf,
    /// The WebAssembly component; by default coinop.wasm beside this program.
    #[arg(long, value_name = "FILE", env = "COINOP_MODULE")]
    module: Option<PathBuf>,
    /// How many requests one instance of the component answers before a new one
    /// replaces it; 1 is what Spin does.
    #[arg(long, value_name = "N", env = "COINOP_REUSE", default_value_t = 1024,
          value_parser = clap::value_parser!(u32).range(1..))]
    reuse: u32,
    /// How many buyers may wait for their payment's outcome without an instance of the
    /// component; with 0 all wait in one, for 30 s.
    #[arg(long, value_name = "N", default_value_t = 256, hide = true)]
    held: usize,
    /// Runs the gateway without the process that locks the devices if it dies. For debuggers.
    #[arg(long)]
    no_guardian: bool,
    /// The guardian has started this process.
    #[arg(long, hide = true, conflicts_with = "no_guardian")]
    guarded: bool,
}
