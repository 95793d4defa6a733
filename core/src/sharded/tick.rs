//! Carrying out what is due in all streams, for whoever may ask for it.

use super::journal::ShardedJournal;
use super::ports::ShardPorts;
use super::request::Tick;
use super::transport::{ShardKey, Transport as _};
use crate::ports::{PortError, Schedule as _};

/// Streams of which each kind that one tick looks after at most.
const STREAMS_PER_TICK: u32 = 32;
/// How long one tick begins with another stream, in milliseconds.
const LONGEST_TICK_MS: u64 = 15_000;

/// Has the streams carry out what is due by the merchant's copy of their heads, a bounded number of them. Returns
/// whether there are more.
///
/// Their own alarms do that; this is for a case in which those do not.
///
/// # Errors
/// When storage does not answer. A stream that does not answer is left for later.
pub async fn tick_streams<P: ShardPorts>(journal: &ShardedJournal<P>) -> Result<bool, PortError> {
    let ports = journal.ports();
    let started = ports.now();
    let mut streams = journal.due(started, STREAMS_PER_TICK).await?;
    let unsettled = journal.unsettled(started, STREAMS_PER_TICK).await?;
    let mut more = [&streams, &unsettled].iter().any(|some| some.len() >= STREAMS_PER_TICK as usize);
    for stream in unsettled {
        if !streams.contains(&stream) {
            streams.push(stream);
        }
    }
    for stream in streams {
        if ports.now().millis_since(started) >= LONGEST_TICK_MS {
            more = true;
            break;
        }
        if let Err(error) = ports.transport().ask(&ShardKey::Stream(stream.clone()), &Tick).await {
            ports.log(&format!("{stream}: {error}"));
        }
    }
    Ok(more)
}
