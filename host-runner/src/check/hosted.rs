//! The configuration of a Cloudflare Worker or of Spin: JSON, whose secrets stand beside it.

use std::path::Path;

use coinop_core::config::Config;
use coinop_core::svm::Address;

use super::printer::Printer;
use super::{chain, prices};
use crate::settings::{environment, hosted, keypair, secret};

/// Tries what such a gateway will need, as far as that can be tried from here. `text` is the file's.
///
/// # Errors
/// When something is wrong, or nothing can be printed.
pub(super) fn run(printer: &mut Printer, file: &Path, text: &str) -> Result<(), String> {
    let config = match hosted(text) {
        Ok(config) => config,
        Err(error) => return printer.no_configuration(format!("{}: {error}", file.display())),
    };
    printer.configuration(file, &config)?;
    for warning in prices::all(&config) {
        printer.warn("prices", &warning)?;
    }
    secrets(printer)?;
    let fee_payers = fee_payers(printer, &config)?;
    printer.public_url(&config.public_url, None)?;
    for (subject, finding) in chain::all(&config, &fee_payers) {
        printer.say(&subject, &finding)?;
    }
    printer.finish("the gateway")
}

/// Judges the secrets, if they are in this environment: on their platform nobody can read them back.
fn secrets(printer: &mut Printer) -> Result<(), String> {
    let (given, previous) = (environment("COINOP_SECRET"), environment("COINOP_SECRET_PREVIOUS"));
    if given.is_none() && previous.is_none() {
        return printer.warn("secret", "not tried; set COINOP_SECRET for this command to try it");
    }
    let judged = secret::previous(previous).and_then(|_| match given {
        Some(given) => secret::checked("COINOP_SECRET", &given).map(|_| "from COINOP_SECRET".to_owned()),
        None => Ok("only COINOP_SECRET_PREVIOUS was tried".to_owned()),
    });
    printer.say("secret", &judged)
}

/// Returns the addresses of the keys that pay the network's fees, if they are in this environment.
fn fee_payers(printer: &mut Printer, config: &Config) -> Result<Vec<Address>, String> {
    let Some(text) = environment("COINOP_FEE_PAYER") else {
        printer.warn(
            "fee payer",
            "not tried, nor whether it has SOL; set COINOP_FEE_PAYER for this command to try both",
        )?;
        return Ok(Vec::new());
    };
    let addresses = keypair::from_variable(&text, &config.merchant.pay_to).map(|keys| keys.addresses);
    printer.addresses("fee payer", &addresses)?;
    Ok(addresses.unwrap_or_default())
}
