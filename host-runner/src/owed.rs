//! What is owed to buyers, and what the owner says about it: `coinop owed`.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coinop_core::owed::{DecideError, Decision, NOTE_BYTES, OwedId, OwedRecord, decide_about, is_note};
use coinop_core::ports::{Claims as _, OwedCursor};
use coinop_core::store::{Sql, SqlJournal};
use coinop_core::{Now, Timestamp};

use crate::db::Beside;
use crate::sales::{Stopped, Table, TokenNames, open, settings};

/// Lists what is owed to buyers, and writes down what you say about it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  coinop owed\n  coinop owed --all\n  coinop owed o_00112233445566778899aabbccddeeff refunded --note \"transaction 5hGq...\"\n\nWhat is `unclear` may have been delivered or not: say `owed` or `not_owed`. What is owed is the buyer's: pay it back to the account in\nthe list, and then say `refunded`. A decision stays. It may run at any time beside `coinop serve` or without it. Times are UTC."
)]
pub(crate) struct Args {
    /// The entry to decide about, as in the list. Without it, everything is listed.
    #[arg(value_name = "ID", requires = "decision")]
    id: Option<String>,
    /// What becomes of it: `refunded`, `owed` or `not_owed`.
    #[arg(value_name = "DECISION")]
    decision: Option<String>,
    /// A line for yourself, such as the transaction of the refund.
    #[arg(long, value_name = "TEXT", requires = "decision")]
    note: Option<String>,
    /// List also what is decided.
    #[arg(long, conflicts_with = "id")]
    all: bool,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "coinop.toml")]
    config: PathBuf,
}

/// How many entries are read at once.
const PAGE: u32 = 500;

/// Runs `coinop owed`.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    let settings = settings(&args.config, "/api/v1/merchant/owed")?;
    let names = TokenNames::new(&settings.config);
    // The journal's methods are futures. On this connection none of them ever waits.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| error.to_string())?;
    let done = runtime.block_on(async {
        let journal = open(&settings.data_dir, &settings.config.merchant.id).await?;
        let (Some(id), Some(decision)) = (&args.id, &args.decision) else {
            return list(&journal, &names, !args.all, &mut BufWriter::new(std::io::stdout().lock())).await;
        };
        let id = OwedId::parse(id).ok_or_else(|| {
            Stopped::Failed(format!("{id} is not the id of an entry; `coinop owed` lists them"))
        })?;
        let decision = Decision::from_name(decision).ok_or_else(|| {
            Stopped::Failed(format!("{decision}: say `refunded`, `owed` or `not_owed`; nothing was changed"))
        })?;
        let found = journal.owed(std::slice::from_ref(&id)).await?.into_iter().next();
        let record = found.ok_or_else(|| unknown(&id))?;
        let beside = Beside::open(&settings.data_dir).map_err(Stopped::Failed)?;
        let journal = SqlJournal::new(beside, settings.config.merchant.id.clone());
        let decided =
            decide(&journal, &record, decision, args.note.as_deref()).await.map_err(Stopped::Failed)?;
        println!("{}", said(&decided, &names));
        Ok(())
    });
    match done {
        Ok(()) | Err(Stopped::ReaderGone) => Ok(()),
        Err(Stopped::Failed(why)) => Err(why),
    }
}

fn unknown(id: &OwedId) -> Stopped {
    Stopped::Failed(format!("nothing is owed under {id}; `coinop owed --all` lists everything"))
}

/// Writes the decision down.
async fn decide<S: Sql>(
    journal: &SqlJournal<S>,
    record: &OwedRecord,
    decision: Decision,
    note: Option<&str>,
) -> Result<OwedRecord, String> {
    let note = note.filter(|note| !note.is_empty());
    if note.is_some_and(|note| !is_note(note)) {
        return Err(format!("--note: one line of at most {NOTE_BYTES} bytes; nothing was changed"));
    }
    let id = &record.owed.id;
    match decide_about(journal, &record.stream, id, (decision, note), &now()).await {
        Ok(Some(record)) => Ok(record),
        Ok(None) => Err(format!("nothing is owed under {id}")),
        Err(DecideError::AlreadyDecided) => {
            Err(format!("{id} is {} already, and stays so; nothing was changed", record.status.name()))
        }
        Err(DecideError::Contended) => {
            Err("others are writing to this asset; nothing was changed, try again".to_owned())
        }
        Err(DecideError::Port(error)) => {
            Err(format!("{error}; look with `coinop owed` whether it was written"))
        }
    }
}

/// Returns this moment. Nothing here asks the monotonic clock of `coinop serve`.
fn now() -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let wall = Timestamp::from_millis(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX));
    Now { wall, mono: None }
}

/// Returns what was decided, in one line.
fn said(record: &OwedRecord, names: &TokenNames) -> String {
    let money = &record.owed.money;
    let amount = money.amount.to_decimal(money.decimals);
    let token = names.of(&money.network, &money.token);
    format!("{}: {amount} {token} for {} is {}", record.owed.id, record.stream.asset(), record.status.name())
}

/// Prints what is owed, as a table.
async fn list<S: Sql, W: Write>(
    journal: &SqlJournal<S>,
    names: &TokenNames,
    is_open: bool,
    out: &mut W,
) -> Result<(), Stopped> {
    let mut table = Table::<8>::new();
    let mut before = None;
    let mut count = 0_usize;
    loop {
        let page = journal.all_owed(is_open, before.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        before = Some(OwedCursor { at: last.owed.at, id: last.owed.id.clone() });
        let mut rows: Vec<_> = page.iter().map(|record| cells(record, names)).collect();
        if count == 0 {
            rows.insert(
                0,
                ["time (UTC)", "asset", "amount", "reason", "status", "to account", "id", "note"]
                    .map(str::to_owned),
            );
        }
        count += page.len();
        table.fit(&rows);
        rows.iter().try_for_each(|row| writeln!(out, "{}", table.line(row)))?;
    }
    if count == 0 {
        writeln!(out, "{}", if is_open { "nothing is owed" } else { "nothing was ever owed" })?;
    }
    Ok(out.flush()?)
}

/// Returns an entry's row. The account is in full, because money has to be sent there.
fn cells(record: &OwedRecord, names: &TokenNames) -> [String; 8] {
    let owed = &record.owed;
    let at = owed.at.to_string();
    let amount = owed.money.amount.to_decimal(owed.money.decimals);
    [
        at.split('.').next().unwrap_or_default().replace('T', " "),
        record.stream.asset().to_string(),
        format!("{amount} {}", names.of(&owed.money.network, &owed.money.token)),
        owed.reason.name().to_owned(),
        record.status.name().to_owned(),
        owed.source.as_ref().unwrap_or(&owed.payer).to_string(),
        owed.id.to_string(),
        record.note.clone().unwrap_or_default(),
    ]
}
