//! The guards that the tables check a claim against: the messages that triggers raise, and how they are recognised.

use crate::error::SqlError;

/// Expands to the message that a trigger raises when this guard refuses a claim.
///
/// It is a macro because the triggers are assembled with `concat!`. A database keeps its triggers, so a
/// message never changes without a new version of the tables.
macro_rules! guard_message {
    (not_covered) => {
        "the balance does not cover what is in flight"
    };
    (over_budget) => {
        "the fee budget is spent"
    };
    (full) => {
        "as many sessions run as may"
    };
    (guard_at_risk) => {
        "a wallet guard would fail"
    };
    (has_ended) => {
        "the payment has ended"
    };
    (not_next) => {
        "the revision is not the next one"
    };
}
pub(crate) use guard_message;

/// What SQLite says before the column names when a value must be unique and is not.
const UNIQUE: &str = "UNIQUE constraint failed";
/// What SQLite says when a sum exceeds its integers. Only the sum of what is in flight can.
const OVERFLOW: &str = "integer overflow";

impl SqlError {
    /// Returns the error that this database message stands for.
    ///
    /// Hosts put their own words before or after SQLite's, separated by colons. So a guard's message has to
    /// be a complete part between colons. A message that merely contains those words, such as a quoted
    /// statement, is another error.
    #[must_use]
    pub fn from_message(message: &str) -> Self {
        for part in message.split(": ") {
            match part {
                UNIQUE | guard_message!(not_next) => return Self::Unique,
                guard_message!(not_covered) | OVERFLOW => return Self::NotCovered,
                guard_message!(over_budget) => return Self::OverBudget,
                guard_message!(guard_at_risk) => return Self::GuardAtRisk,
                guard_message!(full) => return Self::Full,
                guard_message!(has_ended) => return Self::HasEnded,
                _ => {}
            }
        }
        Self::Other(message.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_merely_contains_the_words_of_a_guard_is_another_error_inv_1() {
        for message in [
            "the node says: a wallet guard would fail soon",
            "perhaps the balance does not cover what is in flight",
            "the fee budget is spent.",
            "a wallet guard would fail,the fee budget is spent",
            "near \"x\": syntax error in SELECT RAISE(ABORT, 'a wallet guard would fail') at offset 8",
            "no such column: integer overflow_at",
            "the UNIQUE constraint failed to be made",
            "A wallet guard would fail",
            "database is locked",
            "",
        ] {
            assert_eq!(SqlError::from_message(message), SqlError::Other(message.to_owned()), "{message}");
        }
    }

    #[test]
    fn a_guard_is_recognised_in_the_words_of_every_host_inv_1() {
        let guards = [
            ("the balance does not cover what is in flight", SqlError::NotCovered),
            ("integer overflow", SqlError::NotCovered),
            ("the fee budget is spent", SqlError::OverBudget),
            ("a wallet guard would fail", SqlError::GuardAtRisk),
            ("as many sessions run as may", SqlError::Full),
            ("the payment has ended", SqlError::HasEnded),
            ("UNIQUE constraint failed: head.asset", SqlError::Unique),
            ("the revision is not the next one", SqlError::Unique),
        ];
        for (words, expected) in guards {
            // SQLite's own words, as Spin and `coinop serve` pass them on, and the forms that Workers make of them.
            for message in [
                words.to_owned(),
                format!("Error: {words}: SQLITE_ERROR"),
                format!("Error: {words}: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_TRIGGER)"),
            ] {
                assert_eq!(SqlError::from_message(&message), expected, "{message}");
            }
        }
    }
}
