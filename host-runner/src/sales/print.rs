//! Prints sales, as a table with totals or as comma-separated values.

use std::io::Write;

use coinop_core::config::Config;
use coinop_core::ports::PortError;
use coinop_core::store::{Sale, SalesTotal, Sql, SqlJournal};
use coinop_core::{AssetId, Timestamp};

use super::csv;
use super::known;
use super::names::{TokenNames, Units};
use super::table::{Table, shortened};
use super::totals::Totals;

/// How many sales are read at once, so that a long list needs little memory.
const PAGE: u32 = 500;

/// Which sales are printed.
pub(super) struct Filter {
    pub(super) since: Timestamp,
    pub(super) asset: Option<AssetId>,
}

/// How they are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Table,
    Csv,
}

/// Why printing has stopped before the end.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Nobody reads the output any more.
    ReaderGone,
    /// Something went wrong, in one line.
    Failed(String),
}

impl Stopped {
    /// Returns why, in one line.
    pub(crate) fn into_words(self) -> String {
        match self {
            Self::ReaderGone => "nobody reads the output".to_owned(),
            Self::Failed(why) => why,
        }
    }
}

impl From<std::io::Error> for Stopped {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Failed(format!("cannot print: {error}")),
        }
    }
}

impl From<PortError> for Stopped {
    fn from(error: PortError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Prints all sales that the filter lets through, in the order in which they were recorded.
///
/// # Errors
/// When nobody knows the filter's asset, the journal cannot be read, or the output cannot be written.
pub(super) async fn all<S: Sql, W: Write>(
    journal: &SqlJournal<S>,
    config: &Config,
    filter: &Filter,
    format: Format,
    out: &mut W,
) -> Result<(), Stopped> {
    if let Some(asset) = &filter.asset
        && let Some(complaint) = known::complaint(asset, config, journal).await?
    {
        return Err(Stopped::Failed(complaint));
    }
    let names = TokenNames::new(config);
    let mut units = Units::new(config, journal);
    let mut printer = Printer::new(format);
    let mut after = 0;
    loop {
        let page = journal.sales(after, filter.since, filter.asset.as_ref(), PAGE).await?;
        let mut lines = Vec::with_capacity(page.len());
        for sale in &page {
            let token = names.of(&sale.price.network, &sale.price.token);
            lines.push(Line { sale, token, unit: units.of(sale).await? });
        }
        printer.page(&lines, out)?;
        match page.last() {
            Some(last) => after = last.number,
            None => break,
        }
    }
    printer.end(out)?;
    Ok(out.flush()?)
}

/// A sale with the names of its token and its unit.
struct Line<'a> {
    sale: &'a Sale,
    token: String,
    unit: Option<&'static str>,
}

impl Line<'_> {
    fn amount(&self) -> String {
        self.sale.price.amount.to_decimal(self.sale.price.decimals)
    }

    fn transaction(&self) -> &str {
        self.sale.transaction.as_deref().unwrap_or_default()
    }

    /// Returns the row of the table, whose long identifiers are shortened.
    fn cells(&self) -> [String; 8] {
        let Sale { at, asset, quantity, payer, session, is_extension, .. } = self.sale;
        let bought = match self.unit {
            Some(unit) if *quantity == 1 => format!("1 {unit}"),
            Some(unit) => format!("{quantity} {unit}s"),
            None => quantity.to_string(),
        };
        // A whole second is exact enough here.
        let at = at.to_string();
        [
            at.split('.').next().unwrap_or_default().replace('T', " "),
            asset.to_string(),
            bought,
            format!("{} {}", self.amount(), shortened(&self.token)),
            if *is_extension { "more time" } else { "new session" }.to_owned(),
            shortened(payer.as_str()),
            shortened(session.as_str()),
            shortened(self.transaction()),
        ]
    }

    fn csv(&self) -> String {
        let Sale { at, asset, quantity, price, payer, session, is_extension, .. } = self.sale;
        csv::line(&[
            &at.to_string(),
            asset.as_str(),
            &quantity.to_string(),
            self.unit.unwrap_or_default(),
            &self.amount(),
            &self.token,
            price.token.as_str(),
            payer.as_str(),
            session.as_str(),
            self.transaction(),
            if *is_extension { "true" } else { "false" },
        ])
    }
}

const COLUMNS: [&str; 11] = [
    "time",
    "asset",
    "quantity",
    "unit",
    "amount",
    "token",
    "mint",
    "payer",
    "session",
    "transaction",
    "extension",
];

/// Prints page after page, and adds the totals up.
struct Printer {
    format: Format,
    table: Table<8>,
    has_begun: bool,
    totals: Totals,
}

impl Printer {
    fn new(format: Format) -> Self {
        Self { format, table: Table::new(), has_begun: false, totals: Totals::default() }
    }

    fn page<W: Write>(&mut self, lines: &[Line<'_>], out: &mut W) -> std::io::Result<()> {
        let begins = !std::mem::replace(&mut self.has_begun, true);
        match self.format {
            Format::Csv => {
                if begins {
                    out.write_all(csv::line(&COLUMNS).as_bytes())?;
                }
                lines.iter().try_for_each(|line| out.write_all(line.csv().as_bytes()))
            }
            Format::Table if lines.is_empty() => Ok(()),
            Format::Table => {
                let mut rows: Vec<_> = lines.iter().map(Line::cells).collect();
                if begins {
                    let head =
                        ["time (UTC)", "asset", "bought", "paid", "kind", "payer", "session", "transaction"];
                    rows.insert(0, head.map(str::to_owned));
                }
                self.table.fit(&rows);
                lines.iter().for_each(|line| self.totals.add(line.token.clone(), line.sale.into()));
                rows.iter().try_for_each(|row| writeln!(out, "{}", self.table.line(row)))
            }
        }
    }

    /// Prints the totals below a table.
    fn end<W: Write>(&self, out: &mut W) -> std::io::Result<()> {
        if self.format == Format::Csv {
            return Ok(());
        }
        if self.totals.is_empty() {
            return writeln!(out, "nothing was sold");
        }
        let mut rows = vec![["asset", "sales", "paid"].map(str::to_owned)];
        rows.extend(self.totals.iter().map(|(token, total)| cells(total.asset.as_str(), token, total)));
        let all = self.totals.of_all_assets();
        rows.extend(all.iter().map(|(token, total)| cells("(all)", token, total)));
        let mut table = Table::new();
        table.fit(&rows);
        writeln!(out)?;
        rows.iter().try_for_each(|row| writeln!(out, "{}", table.line(row)))?;
        writeln!(out, "\npayers, sessions and transactions are shortened; --csv prints them in full")
    }
}

fn cells(asset: &str, token: &str, total: &SalesTotal) -> [String; 3] {
    [asset.to_owned(), total.sales.to_string(), format!("{} {token}", total.decimal())]
}
