//! What was sold: `coinop sales`, and the totals for the metrics.

mod csv;
mod known;
mod meter;
mod names;
mod print;
mod since;
mod table;
#[cfg(test)]
mod tests;
mod totals;

use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use coinop_core::store::SqlJournal;
use coinop_core::{AssetId, Timestamp};

use crate::db::ReadOnly;
use crate::settings::{Settings, is_json};
pub(crate) use meter::SalesMeter;
pub(crate) use names::TokenNames;
pub(crate) use print::Stopped;
use print::{Filter, Format};
pub(crate) use table::Table;

/// Lists what was sold, from the journal of `coinop serve`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  coinop sales\n  coinop sales --since 24h\n  coinop sales --since 2026-11-01 --asset door-1\n  coinop sales --csv > sales.csv\n\nIt reads only, and may run at any time beside `coinop serve` or without it. Times are UTC. Each extension of a session is a sale of its own.\nThe table shortens payers, sessions and transactions; --csv has them in full."
)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "coinop.toml")]
    config: PathBuf,
    /// Only what was sold since a UTC date or time (2026-11-01, 2026-11-01T18:00:00Z), or in the last hours (24h)
    /// or days (7d).
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only what was sold of this asset.
    #[arg(long, value_name = "ID")]
    asset: Option<String>,
    /// Print comma-separated values (RFC 4180) without totals.
    #[arg(long)]
    csv: bool,
}

/// Runs `coinop sales`.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    let filter = Filter { since: since(args.since.as_deref())?, asset: asset(args.asset.as_deref())? };
    let settings = settings(&args.config, "/api/v1/merchant/sessions")?;
    let format = if args.csv { Format::Csv } else { Format::Table };
    // The journal's methods are futures. On this connection none of them ever waits.
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let printed = runtime.block_on(async {
        let journal = open(&settings.data_dir, &settings.config.merchant.id).await?;
        print::all(&journal, &settings.config, &filter, format, &mut out).await
    });
    match printed {
        // A reader who has seen enough, such as `head`, is no mistake.
        Ok(()) | Err(Stopped::ReaderGone) => Ok(()),
        Err(Stopped::Failed(why)) => Err(why),
    }
}

pub(crate) fn since(given: Option<&str>) -> Result<Timestamp, String> {
    let Some(text) = given else { return Ok(Timestamp::default()) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp::from_millis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    since::parse(text, now)
}

fn asset(given: Option<&str>) -> Result<Option<AssetId>, String> {
    let Some(text) = given else { return Ok(None) };
    let invalid = || format!("--asset {text}: not the id of an asset; write one as in your configuration");
    AssetId::parse(text).map(Some).ok_or_else(invalid)
}

/// Reads the configuration of `coinop serve`. `path` is the API's path for the journal of a Worker or Spin.
pub(crate) fn settings(file: &Path, path: &str) -> Result<Settings, String> {
    if !file.exists() {
        return Err(format!(
            "there is no {}; name the configuration of `coinop serve` with --config FILE",
            file.display()
        ));
    }
    if std::fs::read_to_string(file).is_ok_and(|text| is_json(&text)) {
        return Err(format!(
            "{} is for a Worker or Spin, whose journal is not on this machine; request GET {path} with an API key there",
            file.display()
        ));
    }
    Settings::load(file)
}

/// Opens the journal, which has to be there and of this version.
pub(crate) async fn open(data_dir: &Path, merchant: &str) -> Result<SqlJournal<ReadOnly>, Stopped> {
    let folder = data_dir.display();
    if let Some(database) = ReadOnly::open(data_dir).map_err(Stopped::Failed)? {
        let journal = SqlJournal::new(database, merchant.to_owned());
        match journal.has_tables().await {
            Ok(true) => return Ok(journal),
            Ok(false) => {}
            Err(error) => return Err(Stopped::Failed(format!("{folder}: {error}"))),
        }
    }
    Err(Stopped::Failed(format!(
        "there is no journal in {folder} yet; start `coinop serve` once, or name its configuration with --config FILE"
    )))
}
