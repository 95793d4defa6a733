//! `coinop serve` runs the gateway and its devices on this machine.

mod prepare;
mod run;
mod running;
mod signals;
mod startup;

use std::path::PathBuf;

pub(crate) use run::run;

/// The gateway and its devices on this machine.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  coinop serve\n  coinop serve --config /etc/coinop/coinop.toml\n\nThe environment:\n  COINOP_SECRET           the gateway's secret, 32 bytes in base64 (else kept in data_dir)\n  COINOP_SECRET_PREVIOUS  the one before, while it is being replaced\n  COINOP_FEE_PAYER        the fee payer's key (else settlement.fee_payer_keypair)\n  COINOP_LOG              what is logged: info, debug, ..."
)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "coinop.toml")]
    config: PathBuf,
    /// The component; found beside this program if not given.
    #[arg(long, value_name = "FILE", env = "COINOP_MODULE")]
    module: Option<PathBuf>,
    /// Requests that one instance of the component answers before a fresh one
    /// takes its place; 1 is what Spin does.
    #[arg(long, value_name = "N", env = "COINOP_REUSE", default_value_t = 1024,
          value_parser = clap::value_parser!(u32).range(1..))]
    reuse: u32,
}
