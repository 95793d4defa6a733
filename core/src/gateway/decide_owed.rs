//! Writing down what the owner says about money that is owed.

use super::ATTEMPTS;
use crate::ids::{OwedId, StreamId};
use crate::ports::{Appended, Claims, PortError, Streams};
use crate::session::index::OwedRecord;
use crate::session::{Batch, Decision, decide_owed};
use crate::time::Now;

/// Why a decision was not written down.
#[derive(Debug)]
pub enum DecideError {
    /// Something else was decided before.
    AlreadyDecided,
    /// Others wrote to the stream in every attempt.
    Contended,
    /// The storage does not answer.
    Port(PortError),
}

impl From<PortError> for DecideError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

/// Writes down the owner's decision, durably. Returns the record after it; `None` if nothing is owed under this id in this
/// stream. Deciding the same again changes nothing.
///
/// The stream's head is read before the record and has to be unchanged when the decision is written, so that two decisions
/// cannot both be right.
///
/// # Errors
/// The reason why nothing was written, or, with [`DecideError::Port`], why that is not known.
pub async fn decide_about<J: Streams + Claims>(
    journal: &J,
    stream: &StreamId,
    id: &OwedId,
    (decision, note): (Decision, Option<&str>),
    now: &Now,
) -> Result<Option<OwedRecord>, DecideError> {
    for _ in 0..ATTEMPTS {
        let snapshot = journal.load(stream).await?;
        let found = journal.owed(std::slice::from_ref(id)).await?.into_iter().next();
        let Some(record) = found.filter(|record| record.stream == *stream) else { return Ok(None) };
        let now = snapshot.state.clamped_now(now);
        let event = decide_owed(&record.owed, record.status, decision, note, now.wall);
        let event = event.map_err(|_| DecideError::AlreadyDecided)?;
        let Some(event) = event else { return Ok(Some(record)) };
        let Some(batch) = Batch::new(stream, &snapshot.state, vec![event], &now) else { return Ok(None) };
        if journal.append(stream, snapshot.revision, &batch).await? == Appended::Done {
            let note = note.map(str::to_owned);
            return Ok(Some(OwedRecord { status: decision.status(), note, ..record }));
        }
    }
    Err(DecideError::Contended)
}
