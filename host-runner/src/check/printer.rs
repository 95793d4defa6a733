//! What a check prints: a line for each finding, as it comes.

use std::io::Write as _;
use std::path::Path;

use coinop_core::config::Config;
use coinop_core::svm::Address;

use super::finding::Finding;
use crate::settings::public_url::{self, Reach};

/// Prints each finding as it comes, and counts the wrong ones.
pub(super) struct Printer {
    wrong: usize,
}

impl Printer {
    /// Starts with nothing wrong.
    pub(super) const fn new() -> Self {
        Self { wrong: 0 }
    }

    pub(super) fn say(&mut self, subject: &str, finding: &Finding) -> Result<(), String> {
        let line = match finding {
            Ok(detail) => format!("{subject}: ok ({detail})"),
            Err(mistake) => {
                self.wrong += 1;
                format!("{subject}: wrong: {mistake}")
            }
        };
        print(&line)
    }

    /// Ends a check whose configuration cannot be read.
    pub(super) fn no_configuration(&mut self, mistake: String) -> Result<(), String> {
        self.say("configuration", &Err(mistake))?;
        Err("nothing else was tried; fix the configuration first".to_owned())
    }

    /// Says that the configuration can be read.
    pub(super) fn configuration(&mut self, file: &Path, config: &Config) -> Result<(), String> {
        let (assets, s) = (config.assets.len(), if config.assets.len() == 1 { "" } else { "s" });
        self.say("configuration", &Ok(format!("{}, {assets} asset{s}", file.display())))
    }

    /// Says which addresses were found, or why none.
    pub(super) fn addresses(
        &mut self,
        subject: &str,
        addresses: &Result<Vec<Address>, String>,
    ) -> Result<(), String> {
        let shown = |addresses: &Vec<Address>| {
            addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        self.say(subject, &addresses.as_ref().map(shown).map_err(Clone::clone))
    }

    /// Says how buyers reach this address, and warns of what the owner should know about it. It sends no request, because
    /// the address may be unreachable from here.
    ///
    /// A loopback address with another port than the gateway's is a mistake only while nothing listens there: a program
    /// that does is the proxy.
    pub(super) fn public_url(&mut self, url: &str, listen: Option<&str>) -> Result<(), String> {
        let reach = match public_url::reach(url) {
            Ok(reach) => reach,
            Err(mistake) => return self.say("public_url", &Err(mistake)),
        };
        let warning = public_url::warning(url, &reach, listen);
        let (whose, proxy) = match (&reach, &warning) {
            (Reach::Loopback, None) => (", for buyers on this machine only", None),
            (Reach::Loopback, Some(_)) => (", for buyers on this machine only", public_url::port_in_use(url)),
            _ => ("", None),
        };
        let through = proxy.map(|port| format!(", through the program on port {port}")).unwrap_or_default();
        self.say("public_url", &Ok(format!("{url}{whose}{through}")))?;
        let warning = warning.filter(|_| proxy.is_none());
        warning.map_or(Ok(()), |warning| self.warn("public_url", &warning))
    }

    /// Returns what came of the whole check.
    pub(super) fn finish(&self, who: &str) -> Result<(), String> {
        match self.wrong {
            0 => Ok(()),
            1 => Err(format!("1 problem found; fix it before you start {who}")),
            n => Err(format!("{n} problems found; fix them before you start {who}")),
        }
    }

    /// What works and is perhaps not what the owner means.
    pub(super) fn warn(&self, subject: &str, warning: &str) -> Result<(), String> {
        print(&format!("{subject}: warning: {warning}"))
    }
}

/// Prints a line. A reader who has seen enough is no mistake.
fn print(line: &str) -> Result<(), String> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed.map_err(|error| format!("cannot print: {error}")),
    }
}
