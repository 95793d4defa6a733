//! How payments are settled, and what that may cost.

use serde_json::Value;

use super::error::ConfigError;
use super::section::Section;
use crate::session::fee::FEES_PER_DAY;

/// Local settlement, in which the gateway's fee payers co-sign and submit.
///
/// They sign what strangers wrote, so their spending is limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The files of the fee payers' keys, for hosts that have files.
    pub fee_payer_keypairs: Vec<String>,
    /// The most that one transaction may cost, in lamports.
    pub max_fee_lamports: u64,
    /// The most that payments which fail or earn too little may cost in 24 hours, in lamports, beyond what was earned.
    pub max_fee_lamports_per_day: u64,
}

impl Settlement {
    /// Two signatures (10,000 lamports) and a modest priority fee.
    pub(crate) const DEFAULT_MAX_FEE: u64 = 20_000;
    /// A tenth of a SOL, which pays for some 10,000 payments that fail.
    pub(crate) const DEFAULT_MAX_FEE_PER_DAY: u64 = 100_000_000;
    /// Ten SOL. Much more than that would not fit into the sums of the database.
    const MOST_FEE_PER_DAY: u64 = 10_000_000_000;
    /// What every wallet may cost, in lamports, unless `max_fee_lamports` is less. Clients of x402 ask for about 10,001.
    const FEE_OF_ALL: u64 = 12_000;

    /// Returns the most that one transaction may cost whose payer's trust does not cover it, in lamports: three fifths of
    /// `max_fee_lamports` or 12,000, whichever is more, and never more than `max_fee_lamports`.
    #[must_use]
    pub(crate) fn max_fee_of_newcomers(&self) -> u64 {
        let part = self.max_fee_lamports / 5 * 3;
        part.max(Self::FEE_OF_ALL).min(self.max_fee_lamports)
    }
}

/// Reads the section of the configuration.
///
/// # Errors
/// The first key that is unknown or has a bad value.
pub(super) fn settlement(top: &mut Section<'_>) -> Result<Settlement, ConfigError> {
    let mut section = top.optional("settlement")?;
    match section.text("mode")? {
        None | Some("local") => {}
        Some(_) => return Err(section.error("mode", "must be \"local\"")),
    }
    let fee_payer_keypairs = fee_payer_keypairs(&mut section)?;
    let max_fee_lamports = section.number("max_fee_lamports")?.unwrap_or(Settlement::DEFAULT_MAX_FEE);
    if !(10_000..=10_000_000).contains(&max_fee_lamports) {
        return Err(section.error(
            "max_fee_lamports",
            "must be from 10000 to 10000000 lamports; two signatures cost 10000",
        ));
    }
    let given = section.number("max_fee_lamports_per_day")?;
    let max_fee_lamports_per_day = given.unwrap_or(Settlement::DEFAULT_MAX_FEE_PER_DAY);
    let least = max_fee_lamports * FEES_PER_DAY;
    if !(least..=Settlement::MOST_FEE_PER_DAY).contains(&max_fee_lamports_per_day) {
        let default = if given.is_some() { "" } else { "is not set, and its default is too little: it " };
        let bounds = format!(
            "{default}must be from {least}, {FEES_PER_DAY} times `max_fee_lamports`, to {} lamports",
            Settlement::MOST_FEE_PER_DAY
        );
        return Err(section.error("max_fee_lamports_per_day", bounds));
    }
    section.finish()?;
    Ok(Settlement { fee_payer_keypairs, max_fee_lamports, max_fee_lamports_per_day })
}

/// Reads one file name, or a list of them.
fn fee_payer_keypairs(section: &mut Section<'_>) -> Result<Vec<String>, ConfigError> {
    let one = section.text("fee_payer_keypair")?.map(str::to_owned);
    let listed = section.list("fee_payer_keypairs")?;
    if one.is_some() && !listed.is_empty() {
        return Err(section
            .error("fee_payer_keypairs", "cannot be set beside `fee_payer_keypair`; remove one of the two"));
    }
    let name = |(index, value): (usize, &Value)| {
        let path = format!("{}[{index}]", section.path("fee_payer_keypairs"));
        let name = value.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
        name.ok_or_else(|| ConfigError::new(&path, "must be the path of a key file, in double quotes"))
    };
    let listed = listed.iter().enumerate().map(name).collect::<Result<Vec<_>, _>>()?;
    Ok(one.into_iter().chain(listed).collect())
}
