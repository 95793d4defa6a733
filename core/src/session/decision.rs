//! What becomes of money that is owed, or may be: the owner's word.

use super::event::Event;
use super::owed::{Decision, Owed, OwedStatus};
use crate::time::Timestamp;

/// The longest note of the owner, in bytes.
pub const NOTE_BYTES: usize = 500;

/// Returns whether a text can be a note: one line of at most [`NOTE_BYTES`] bytes.
#[must_use]
pub fn is_note(text: &str) -> bool {
    text.len() <= NOTE_BYTES && !text.chars().any(char::is_control)
}

/// Something else was decided about the money before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AlreadyDecided;

/// Decides about money with this status. Returns no event if that was decided before.
///
/// What is refunded or not owed stays so. What is owed for certain is the payer's, so nobody can say that it is not.
///
/// # Errors
/// [`AlreadyDecided`] if the money's status does not allow the decision.
pub(crate) fn decide_owed(
    owed: &Owed,
    was: OwedStatus,
    decision: Decision,
    note: Option<&str>,
    at: Timestamp,
) -> Result<Option<Event>, AlreadyDecided> {
    match (was, decision) {
        (was, decision) if was == decision.status() => Ok(None),
        (OwedStatus::Unclear, _) | (OwedStatus::Owed, Decision::Refunded) => {
            let note = note.map(str::to_owned);
            Ok(Some(Event::OwedDecided { owed: owed.clone(), was, decision, note, at }))
        }
        _ => Err(AlreadyDecided),
    }
}
