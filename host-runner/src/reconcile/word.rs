//! The owner's word about one payment.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use coinop_core::Timestamp;
use coinop_core::owed::{NOTE_BYTES, is_note};
use coinop_core::store::{SqlJournal, Verdict, Word};

use super::classify::Reader;
use super::line::Class;
use crate::db::Beside;

/// Writes the owner's word about a payment that is unexplained.
pub(super) async fn accept(
    reader: &Reader<'_>,
    data_dir: &Path,
    signature: &str,
    verdict: &str,
    reason: &str,
) -> Result<(), String> {
    let reason = reason.trim();
    if reason.is_empty() || !is_note(reason) {
        return Err(format!("give a reason: one line of at most {NOTE_BYTES} bytes"));
    }
    let verdict = Verdict::from_name(verdict).ok_or("--as takes owed, earned or foreign")?;
    let line = reader.one(signature).await?;
    match line.map(|line| line.class) {
        Some(Class::Unexplained) => {}
        Some(Class::Known) => return Err(format!("the journal has {signature}: there is nothing to decide")),
        Some(Class::Decided(_)) => return Err(format!("{signature} was decided about already")),
        Some(Class::Foreign) => {
            return Err(format!(
                "{signature} carries no memo of this gateway, so it is foreign without your word"
            ));
        }
        None => return Err(format!("{signature} has paid nothing to an account of `merchant.pay_to`")),
    }
    let journal = SqlJournal::new(Beside::open(data_dir)?, reader.config.merchant.id.clone());
    let (who, at) = (who(), now());
    let word = Word { signature, verdict, reason, who: &who, at };
    journal.decide(&word).await.map_err(|error| error.to_string())?;
    println!("{signature}: {}, by {who}: {reason}", verdict.name());
    Ok(())
}

/// Returns the name of the user who runs this.
fn who() -> String {
    let named = |name| std::env::var(name).ok().filter(|name: &String| !name.is_empty());
    named("SUDO_USER")
        .or_else(|| named("USER"))
        .or_else(|| named("LOGNAME"))
        .unwrap_or_else(|| "unknown".to_owned())
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
