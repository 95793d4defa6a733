//! `coinop check` tries what `coinop serve` will need, before a buyer waits in front of a door. It changes
//! nothing: it operates no device, moves no money and leaves no file behind.

pub(crate) mod chain;
mod devices;
pub(crate) mod fee_payers;
mod finding;
mod local;
mod prices;

use std::io::Write as _;
use std::path::PathBuf;

use coinop_core::svm::Address;

use finding::Finding;

use crate::settings::Settings;

/// Tries what `serve` will need, and says what is wrong and how to mend it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  coinop check\n  coinop check --config /etc/coinop/coinop.toml\n\nIt changes nothing and works no device. It exits with 0 only if nothing is wrong; a warning is not wrong."
)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "coinop.toml")]
    config: PathBuf,
}

/// Prints each finding as it comes, and counts the wrong ones.
struct Printer {
    wrong: usize,
}

impl Printer {
    fn say(&mut self, subject: &str, finding: &Finding) -> Result<(), String> {
        let line = match finding {
            Ok(detail) => format!("{subject}: ok ({detail})"),
            Err(mistake) => {
                self.wrong += 1;
                format!("{subject}: wrong: {mistake}")
            }
        };
        print(&line)
    }

    /// Prints a warning about something that works but may not be what the owner means.
    fn warn(&self, subject: &str, warning: &str) -> Result<(), String> {
        print(&format!("{subject}: warning: {warning}"))
    }
}

fn print(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| format!("cannot print: {error}"))
}

/// Runs `coinop check`.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    let mut printer = Printer { wrong: 0 };
    let settings = match Settings::load(&args.config) {
        Ok(settings) => settings,
        Err(mistake) => {
            printer.say("configuration", &Err(mistake))?;
            return Err("nothing else was tried: mend the configuration first".to_owned());
        }
    };
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let assets = count(settings.config.assets.len(), "asset");
    printer.say("configuration", &Ok(format!("{}, {assets}", args.config.display())))?;
    for warning in prices::all(&settings.config) {
        printer.warn("prices", &warning)?;
    }

    let running = crate::db::is_in_use(&settings.data_dir);
    printer.say("data_dir", &local::data_dir(&settings.data_dir, running))?;
    printer.say("secret", &local::secret(&settings.data_dir))?;
    let fee_payers = local::fee_payers(&settings);
    let shown =
        |addresses: &Vec<Address>| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    printer.say("fee payer", &fee_payers.as_ref().map(shown).map_err(Clone::clone))?;
    printer.say("listen", &local::listen(&settings.config.listen, running))?;
    printer.say("public_url", &local::public_url(&settings.config.public_url))?;

    let fee_payers = fee_payers.unwrap_or_default();
    let findings = chain::all(&settings.config, &fee_payers);
    let rpc_answers = findings.first().is_some_and(|(_, finding)| finding.is_ok());
    for (subject, finding) in findings {
        printer.say(&subject, &finding)?;
    }
    for address in fee_payers.iter().filter(|_| rpc_answers) {
        let finding = fee_payers::fits(&settings.config.rpc_url, &settings.data_dir, address);
        printer.say(&format!("journal of fee payer {address}"), &finding)?;
    }
    for (asset, finding) in devices::all(&settings.devices)? {
        printer.say(&format!("device {asset}"), &finding)?;
    }
    match printer.wrong {
        0 => Ok(()),
        1 => Err("one thing is wrong; `coinop serve` needs it".to_owned()),
        n => Err(format!("{n} things are wrong; `coinop serve` needs them")),
    }
}
