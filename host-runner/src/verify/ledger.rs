//! Holds the ledger of a journal against its events, and against the chain.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use coinop_core::Timestamp;
use coinop_core::config::Config;
use coinop_core::store::OnTheBooks;

use crate::reconcile::chain::{self, Moved};
use crate::sales;

/// How long a payment may take to be final, in milliseconds.
const FINAL_MS: u64 = 120_000;

/// What is said while the ledger is read.
#[derive(Default)]
struct Findings {
    count: u64,
}

impl Findings {
    fn add(&mut self, finding: &str) {
        self.count += 1;
        println!("wrong: {finding}");
    }
}

/// Checks the ledger, and prints a line for each fault.
pub(super) fn run(config: &Path, since: Option<&str>) -> Result<(), String> {
    let since = sales::since(since)?;
    let settings = sales::settings(config, "/api/v1/merchant/sessions")?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let journal = sales::open(&settings.data_dir, &settings.config.merchant.id).await;
        let journal = journal.map_err(sales::Stopped::into_words)?;
        let (mut findings, mut against_chain) = (Findings::default(), Findings::default());
        let (mut on_chain, mut pending, mut elsewhere, mut failed) = (0_u64, 0_u64, 0_u64, None);
        let found = |finding: String| findings.add(&finding);
        let checked = journal.audit_ledger(found, |payment| {
            if payment.at < since || failed.is_some() {
                return;
            }
            match hold(&settings.config, &payment) {
                Ok(Held::Right) => on_chain += 1,
                Ok(Held::NotYet) => pending += 1,
                Ok(Held::Elsewhere) => elsewhere += 1,
                Ok(Held::Wrong(finding)) => against_chain.add(&finding),
                Err(error) => failed = Some(error),
            }
        });
        let checked = checked.await.map_err(|error| error.to_string())?;
        println!(
            "{} entries of {} appends in {} streams, {on_chain} payments on the chain, {pending} not final yet",
            checked.entries, checked.appends, checked.streams
        );
        if elsewhere > 0 {
            println!(
                "{elsewhere} payments were made to another wallet, or in another token, than the configuration has now: their amounts are not checked"
            );
        }
        if let Some(error) = failed {
            return Err(error);
        }
        match findings.count + against_chain.count {
            0 => {
                println!("the ledger is right");
                Ok(())
            }
            count => Err(format!("the ledger has {count} faults")),
        }
    })
}

/// What the chain says of a payment on the books.
enum Held {
    Right,
    /// It is too young to be final.
    NotYet,
    /// It was paid to another wallet or in another token than the configuration has now.
    Elsewhere,
    Wrong(String),
}

/// Compares a payment on the books with the chain.
fn hold(config: &Config, payment: &OnTheBooks) -> Result<Held, String> {
    let OnTheBooks { stream, session, transaction, paid, fee, fee_payer, at } = payment;
    let wrong = |what: String| Ok(Held::Wrong(format!("{stream}, session {session}: {transaction} {what}")));
    let tokens = &config.merchant.tokens;
    let accepted = match paid {
        Some(money) => tokens.iter().find(|it| it.token.mint.to_string() == money.token.as_str()),
        None => tokens.first(),
    };
    let Some(accepted) = accepted else { return Ok(Held::Elsewhere) };
    let found = chain::found(&config.rpc_url, &config.merchant.pay_to, accepted, transaction)?;
    let Some(Moved { change, others, has_failed, fee: taken, fee_payer: payer, .. }) = found else {
        let is_young = now().millis().saturating_sub(at.millis()) < FINAL_MS;
        return if is_young { Ok(Held::NotYet) } else { wrong("is not on the chain".to_owned()) };
    };
    let expected = paid.as_ref().map_or(0, |money| i128::from(money.amount.atomic()));
    if has_failed != paid.is_none() {
        return wrong(if has_failed { "landed with an error" } else { "landed without an error" }.to_owned());
    }
    // `pay_to` may have been another wallet then.
    if change == 0 && expected > 0 && others.iter().any(|(_, change)| *change == expected) {
        return Ok(Held::Elsewhere);
    }
    if change != expected {
        return wrong(format!("has paid {change}, and the books have {expected}"));
    }
    // Who paid it may have paid the fee as well.
    let Some(fee_payer) = fee_payer else { return Ok(Held::Right) };
    if payer.as_deref() != Some(fee_payer.as_str()) {
        return wrong(format!("had its fee paid by another wallet than {fee_payer}"));
    }
    if taken != *fee {
        return wrong(format!("has cost a fee of {taken} lamports, and the books have {fee}"));
    }
    Ok(Held::Right)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
