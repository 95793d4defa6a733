//! Prints payments on the chain, as a table with totals or as JSON.

use std::collections::BTreeMap;
use std::io::Write as _;

use coinop_core::config::{AcceptedToken, Config};
use serde_json::json;

use super::line::{Class, Line};
use crate::sales::Table;

/// What there is of one class and token.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    lines: u64,
    /// In atomic units.
    amount: u128,
}

/// Prints page after page, and adds the totals up.
pub(super) struct Printer {
    json: bool,
    all: bool,
    table: Table<6>,
    has_begun: bool,
    /// By class and token, each with the token's decimals.
    totals: BTreeMap<(Class, String), (u8, Total)>,
    network: &'static str,
}

impl Printer {
    pub(super) const fn new(config: &Config, json: bool, all: bool) -> Self {
        let network = config.network.caip2();
        Self { json, all, table: Table::new(), has_begun: false, totals: BTreeMap::new(), network }
    }

    /// Prints these payments.
    pub(super) fn page(&mut self, lines: &[Line<'_>]) -> Result<(), String> {
        for line in lines {
            let token = &line.accepted.token;
            let key = (line.class, token.symbol.clone());
            let (_, total) = self.totals.entry(key).or_insert((token.decimals, Total::default()));
            total.lines += 1;
            total.amount += line.amount.map_or(0, |amount| u128::from(amount.atomic()));
        }
        let shown: Vec<_> =
            lines.iter().filter(|line| self.all || line.class == Class::Unexplained).collect();
        if self.json {
            return shown.iter().try_for_each(|line| say(&self.object(line)));
        }
        let mut rows: Vec<_> = shown.iter().map(|line| cells(line)).collect();
        if !rows.is_empty() && !std::mem::replace(&mut self.has_begun, true) {
            let head = ["time (UTC)", "amount", "class", "paid back", "payer", "transaction"];
            rows.insert(0, head.map(str::to_owned));
        }
        self.table.fit(&rows);
        rows.iter().try_for_each(|row| say(&self.table.line(row)))
    }

    fn object(&self, line: &Line<'_>) -> String {
        let token = &line.accepted.token;
        json!({
            "at": line.at.map(|at| at.to_string()),
            "class": line.class.name(),
            "network": self.network,
            "token": token.mint,
            "symbol": token.symbol,
            "amount": line.amount.map(|amount| amount.atomic().to_string()),
            "paidBack": line.paid_back.atomic().to_string(),
            "account": line.accepted.account,
            "payer": line.payer,
            "transaction": line.signature,
        })
        .to_string()
    }

    /// Prints the totals. Returns whether anything is unexplained.
    pub(super) fn end(&self) -> Result<bool, String> {
        let is_unexplained = self.totals.keys().any(|(class, _)| *class == Class::Unexplained);
        if self.json {
            return Ok(is_unexplained);
        }
        let head = ["class", "payments", "amount"].map(str::to_owned);
        let mut rows = vec![head];
        for ((class, symbol), (decimals, total)) in &self.totals {
            // The amounts of known payments are in the journal, and are not read again.
            let amount = match class {
                Class::Known => String::new(),
                _ => format!("{} {symbol}", decimal(total.amount, *decimals)),
            };
            rows.push([class.name().to_owned(), total.lines.to_string(), amount]);
        }
        if rows.len() == 1 {
            say("nothing was paid")?;
            return Ok(false);
        }
        let mut table = Table::new();
        table.fit(&rows);
        if self.has_begun {
            say("")?;
        }
        rows.iter().try_for_each(|row| say(&table.line(row)))?;
        Ok(is_unexplained)
    }
}

fn cells(line: &Line<'_>) -> [String; 6] {
    let AcceptedToken { token, .. } = line.accepted;
    let at = line.at.map(|at| at.to_string()).unwrap_or_default();
    let amount = line.amount.map(|amount| format!("{} {}", amount.to_decimal(token.decimals), token.symbol));
    let back =
        if line.paid_back.atomic() > 0 { line.paid_back.to_decimal(token.decimals) } else { String::new() };
    [
        at.split('.').next().unwrap_or_default().replace('T', " "),
        amount.unwrap_or_default(),
        line.class.name().to_owned(),
        back,
        line.payer.clone().unwrap_or_default(),
        line.signature.clone(),
    ]
}

/// Writes a sum in token units, exactly.
fn decimal(amount: u128, decimals: u8) -> String {
    let digits = format!("{amount:0>width$}", width = usize::from(decimals) + 1);
    let (whole, part) = digits.split_at(digits.len().saturating_sub(usize::from(decimals)));
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

fn say(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| format!("cannot print: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_written_exactly() {
        for (amount, decimals, expected) in [
            (0, 6, "0"),
            (1, 6, "0.000001"),
            (1_500_000, 6, "1.5"),
            (7, 0, "7"),
            (u128::from(u64::MAX) * 2, 6, "36893488147419.10323"),
        ] {
            assert_eq!(decimal(amount, decimals), expected);
        }
    }
}
