//! `coinop reconcile` holds the merchant's accounts on the chain against the journal.

pub(crate) mod chain;
mod classify;
mod line;
mod print;
mod word;

use std::path::PathBuf;
use std::process::ExitCode;

use coinop_core::store::SqlJournal;
use coinop_core::svm::Address;

use crate::db::ReadOnly;
use crate::sales;
use crate::verify::keys;
use classify::{Reader, Scope};
use print::Printer;

/// Finds payments on the chain that the journal does not know.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  coinop reconcile\n  coinop reconcile --since 2026-11-01 --all\n  coinop reconcile --json > lines.jsonl\n  coinop reconcile --accept SIGNATURE --as owed \"paid at the door, the door stayed shut\"\n\nIt reads only, except with --accept, and may run beside `coinop serve`. It makes nothing owed. `unexplained` is what carries a memo of this gateway and has no record: decide about each with --accept, or let its buyer send the payment with its ticket again.\nIt exits with 0 if nothing is unexplained, and with 1 if something is."
)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "coinop.toml")]
    config: PathBuf,
    /// Only what landed since a UTC date or time (2026-11-01, 2026-11-01T18:00:00Z), or in the last hours (24h) or
    /// days (7d).
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Print every payment, not only what is unexplained.
    #[arg(long)]
    all: bool,
    /// Print one JSON object in each line.
    #[arg(long)]
    json: bool,
    /// Look at so many transactions of each account at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000)]
    limit: usize,
    /// Look at this token account only.
    #[arg(long, value_name = "ADDRESS")]
    account: Option<Address>,
    /// Go on before this transaction of the account.
    #[arg(long, value_name = "SIGNATURE", requires = "account")]
    before: Option<String>,
    /// Decide about this transaction.
    #[arg(long, value_name = "SIGNATURE", requires = "verdict", requires = "reason")]
    accept: Option<String>,
    /// What the transaction is: `owed` to its payer, `earned`, or `foreign`.
    #[arg(long = "as", value_name = "WHAT", requires = "accept", value_parser = ["owed", "earned", "foreign"])]
    verdict: Option<String>,
    /// Why, in your words.
    #[arg(value_name = "REASON", requires = "accept")]
    reason: Option<String>,
}

/// Runs `coinop reconcile`.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let since = sales::since(args.since.as_deref())?;
    let settings = sales::settings(&args.config, "/api/v1/merchant/sessions")?;
    let keys = keys(&settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let merchant = &settings.config.merchant.id;
        let database = ReadOnly::open(&settings.data_dir)?;
        let journal = database.map(|database| SqlJournal::new(database, merchant.clone()));
        // A gateway that has sold nothing has no tables yet. It is read all the same, because it may have lost its journal.
        let has_tables = match &journal {
            Some(journal) => journal.has_tables().await.map_err(|error| error.to_string())?,
            None => false,
        };
        let reader = Reader { config: &settings.config, keys: &keys, journal: journal.as_ref(), has_tables };
        if let (Some(signature), Some(verdict), Some(reason)) = (&args.accept, &args.verdict, &args.reason) {
            word::accept(&reader, &settings.data_dir, signature, verdict, reason).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let scope = Scope { since, limit: args.limit, account: args.account, before: args.before.clone() };
        let mut printer = Printer::new(&settings.config, args.json, args.all);
        let read = reader.all(&scope, &mut printer).await;
        let unexplained = printer.end()?;
        read?;
        Ok(if unexplained { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    })
}
