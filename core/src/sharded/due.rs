//! Carries out what is due in all streams, on request.

use super::journal::ShardedJournal;
use super::ports::ShardPorts;
use super::request::RunDue;
use super::transport::{ShardKey, Transport as _};
use crate::ports::{PortError, Schedule as _};

/// The most streams that one call looks after, for due and unsettled streams each.
const STREAMS_PER_CALL: u32 = 32;
/// How long one call keeps starting work on further streams, in milliseconds.
const LONGEST_CALL_MS: u64 = 15_000;

/// Asks a bounded number of streams to carry out what is due, and returns whether there are more.
///
/// The merchant's copy of the heads says which streams are due. Normally each stream's own alarm does this
/// work; this covers for alarms that fail.
///
/// # Errors
/// When storage does not answer. A stream that does not answer is logged and left for later.
pub async fn run_due_streams<P: ShardPorts>(journal: &ShardedJournal<P>) -> Result<bool, PortError> {
    let ports = journal.ports();
    let started = ports.now();
    let mut streams = journal.due(started, STREAMS_PER_CALL).await?;
    let unsettled = journal.unsettled(started, STREAMS_PER_CALL).await?;
    let mut more = [&streams, &unsettled].iter().any(|some| some.len() >= STREAMS_PER_CALL as usize);
    for stream in unsettled {
        if !streams.contains(&stream) {
            streams.push(stream);
        }
    }
    for stream in streams {
        if ports.now().millis_since(started) >= LONGEST_CALL_MS {
            more = true;
            break;
        }
        if let Err(error) = ports.transport().ask(&ShardKey::Stream(stream.clone()), &RunDue).await {
            ports.log(&format!("{stream} did not run what is due; its alarm will: {error}"));
        }
    }
    Ok(more)
}
