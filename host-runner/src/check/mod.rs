//! `coinop check` tries what `coinop serve` will need, before a buyer waits in front of a door. It changes
//! nothing: it operates no device, moves no money and leaves no file behind.

pub(crate) mod chain;
mod devices;
pub(crate) mod fee_payers;
mod finding;
mod hosted;
mod local;
pub(crate) mod pictures;
mod prices;
mod printer;

use std::path::{Path, PathBuf};

use printer::Printer;

use crate::http::Pictures;
use crate::settings::{Settings, is_json};

/// Checks a configuration and what a gateway needs to run with it, and says what is wrong and how to fix it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  coinop check\n  coinop check --config /etc/coinop/coinop.toml\n  coinop check --config coinop.json      the configuration of a Worker or of Spin\n\nFor a Worker or Spin, it checks COINOP_SECRET and COINOP_FEE_PAYER if they are set for this command.\nIt changes nothing and operates no device. It exits with 0 only if it finds no error; warnings do not count."
)]
pub(crate) struct Args {
    /// The configuration file: JSON for a Worker or Spin if it begins with `{`, otherwise TOML.
    #[arg(long, value_name = "FILE", default_value = "coinop.toml")]
    config: PathBuf,
}

/// Runs `coinop check`.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    let mut printer = Printer::new();
    match std::fs::read_to_string(&args.config) {
        Ok(text) if is_json(&text) => hosted::run(&mut printer, &args.config, &text),
        _ => own(&mut printer, &args.config),
    }
}

/// Tries what a gateway on this machine will need.
fn own(printer: &mut Printer, file: &Path) -> Result<(), String> {
    let settings = match Settings::load(file) {
        Ok(settings) => settings,
        Err(mistake) => return printer.no_configuration(mistake),
    };
    let config = &settings.config;
    printer.configuration(file, config)?;
    for warning in prices::all(config) {
        printer.warn("prices", &warning)?;
    }
    for warning in pictures::all(config, &Pictures::beside(&settings.folder)) {
        printer.warn("picture", &warning)?;
    }

    let running = crate::db::is_in_use(&settings.data_dir);
    printer.say("data_dir", &local::data_dir(&settings.data_dir, running))?;
    printer.say("secret", &local::secret(&settings.data_dir))?;
    let fee_payers = local::fee_payers(&settings);
    printer.addresses("fee payer", &fee_payers)?;
    printer.say("listen", &local::listen(&config.listen, running))?;
    printer.public_url(&config.public_url, Some(&config.listen))?;

    let fee_payers = fee_payers.unwrap_or_default();
    let findings = chain::all(config, &fee_payers);
    let rpc_answers = findings.first().is_some_and(|(_, finding)| finding.is_ok());
    for (subject, finding) in findings {
        printer.say(&subject, &finding)?;
    }
    for address in fee_payers.iter().filter(|_| rpc_answers) {
        let finding = fee_payers::fits(&config.rpc_url, &settings.data_dir, address);
        printer.say(&format!("journal of fee payer {address}"), &finding)?;
    }
    for (asset, finding) in devices::all(&settings.devices)? {
        printer.say(&format!("device {asset}"), &finding)?;
    }
    printer.finish("`coinop serve`")
}
