//! What connections may take.

use std::time::Duration;

/// What all connections together, and those of one client, may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionLimits {
    /// How many connections may be open at once.
    pub(super) connections: usize,
    /// How many of them may come from one client.
    pub(super) per_client: usize,
    /// How many bytes of unfinished requests all of them together may hold.
    pub(super) unread: usize,
    /// How long a client may take nothing of its answer.
    pub(super) patience: Duration,
    /// How long a client may take for a whole answer.
    pub(super) whole: Duration,
}

impl ConnectionLimits {
    pub(super) fn new(connections: usize, per_client: usize, unread: usize) -> Self {
        // The largest answer is a picture of 2 MiB, for which this is enough at 150 kbit/s.
        let whole = Duration::from_secs(120);
        Self { connections, per_client, unread, patience: Duration::from_secs(10), whole }
    }
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// All clients together have all places, and each of them is being answered.
    ByAll,
    /// The client has as many places as one client may have, and each of them is being answered.
    ByClient,
}
