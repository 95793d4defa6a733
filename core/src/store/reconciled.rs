//! What the owner has decided about payments on the chain that the journal does not know.
//!
//! The table is not part of the journal. It is made with its first row. A payment with the owner's word starts no session if
//! its buyer shows the ticket later.

use std::collections::BTreeSet;

use super::sql::SqlJournal;
use super::value::{Sql, Value, bound, json, text};
use crate::error::StoreError;
use crate::ports::PortError;
use crate::time::Timestamp;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS reconciled (
        signature TEXT PRIMARY KEY,
        verdict TEXT NOT NULL,
        reason TEXT NOT NULL,
        who TEXT NOT NULL,
        at INTEGER NOT NULL
    ) WITHOUT ROWID";
const IS_THERE: &str = "SELECT name FROM sqlite_master WHERE name = 'reconciled'";
const DECIDE: &str =
    "INSERT INTO reconciled (signature, verdict, reason, who, at) VALUES (?1, ?2, ?3, ?4, ?5)";
const DECIDED: &str =
    "SELECT signature, verdict FROM reconciled WHERE signature IN (SELECT value FROM json_each(?1))";
/// Reads every payment once, because nothing but this asks for payments by their transaction.
const KNOWN: &str = "SELECT record ->> '$.transaction' FROM payment
    WHERE record ->> '$.transaction' IN (SELECT value FROM json_each(?1))";

/// What a payment on the chain is that the journal does not know, by the owner's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is owed to its payer.
    Owed,
    /// It is the owner's.
    Earned,
    /// It has nothing to do with this gateway.
    Foreign,
}

impl Verdict {
    const ALL: [Self; 3] = [Self::Owed, Self::Earned, Self::Foreign];

    /// Returns the name in the table and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owed => "owed",
            Self::Earned => "earned",
            Self::Foreign => "foreign",
        }
    }

    /// Returns the verdict with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// The owner's word about one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// The transaction's id.
    pub signature: &'a str,
    pub verdict: Verdict,
    /// Why, in the owner's words.
    pub reason: &'a str,
    /// Who has said so.
    pub who: &'a str,
    pub at: Timestamp,
}

impl<S: Sql> SqlJournal<S> {
    /// Returns which of these transactions belong to payments of the journal.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn known_transactions(&self, signatures: &[String]) -> Result<BTreeSet<String>, PortError> {
        let rows = self.run(KNOWN, &[json(&signatures)?]).await?;
        rows.iter().map(|row| text(row.first(), "a transaction").map(str::to_owned)).collect()
    }

    /// Returns what the owner has decided about these transactions.
    ///
    /// # Errors
    /// When storage does not answer, or a verdict can't be read.
    pub async fn decided(&self, signatures: &[String]) -> Result<Vec<(String, Verdict)>, PortError> {
        if self.run(IS_THERE, &[]).await?.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.run(DECIDED, &[json(&signatures)?]).await?;
        let read = |row: &Vec<Value>| {
            let verdict = Verdict::from_name(text(row.get(1), "a verdict")?);
            let signature = text(row.first(), "a transaction")?.to_owned();
            verdict.map(|verdict| (signature, verdict)).ok_or(StoreError::Corrupt("a verdict").into())
        };
        rows.iter().map(read).collect()
    }

    /// Writes the owner's word. It is refused if there is one about this transaction already.
    ///
    /// # Errors
    /// When storage does not answer, or there is one already.
    pub async fn decide(&self, word: &Word<'_>) -> Result<(), PortError> {
        let Word { signature, verdict, reason, who, at } = word;
        self.run(TABLE, &[]).await?;
        let text = |text: &str| Value::Text(text.to_owned());
        let row = [text(signature), text(verdict.name()), text(reason), text(who), bound(at.millis())];
        self.run(DECIDE, &row).await.map(drop)
    }
}
