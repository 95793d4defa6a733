//! Slots for what clients may have only so many of at once, in all and each: connections, and answers with a picture.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::rate::network;
use crate::guest::{Tallied, Tally};

#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionLimits {
    /// How many connections may be open at once.
    pub(super) connections: usize,
    /// How many of them may come from one client.
    pub(super) per_client: usize,
    /// How long a client may take nothing of its answer.
    pub(super) patience: Duration,
    /// How long a client may take for a whole answer.
    pub(super) whole: Duration,
}

impl ConnectionLimits {
    pub(super) fn new(connections: usize) -> Self {
        // Clients behind one proxy or one household's router look like one client.
        let per_client = (connections / 4).max(64);
        // The largest answer is a picture of 2 MiB, for which this is enough at 150 kbit/s.
        let whole = Duration::from_secs(120);
        Self { connections, per_client, patience: Duration::from_secs(10), whole }
    }
}

/// The free and taken slots.
pub(super) struct Slots {
    total: usize,
    per_client: usize,
    all: Arc<Semaphore>,
    clients: Tally<IpAddr>,
}

/// One taken slot. Dropping it frees the slot.
pub(super) struct Slot {
    _one: OwnedSemaphorePermit,
    _client: Tallied<IpAddr>,
}

/// Why there is no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// All clients together have all slots.
    ByAll,
    /// The client has as many as one client may have.
    ByClient,
}

impl Slots {
    /// Makes `total` free slots, of which one client may take `per_client`.
    pub(super) fn new(total: usize, per_client: usize) -> Self {
        Self { total, per_client, all: Arc::new(Semaphore::new(total)), clients: Tally::default() }
    }

    /// Takes a slot for this client.
    pub(super) fn take(&self, client: IpAddr) -> Result<Slot, Taken> {
        let one = self.all.clone().try_acquire_owned().map_err(|_| Taken::ByAll)?;
        let (counted, before) = self.clients.add(network(client));
        if before >= self.per_client {
            return Err(Taken::ByClient);
        }
        Ok(Slot { _one: one, _client: counted })
    }

    /// Waits until every slot is free.
    pub(super) async fn all_free(&self) {
        let all = u32::try_from(self.total).unwrap_or(u32::MAX);
        let _ = self.all.acquire_many(all).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_a_quarter_but_enough() {
        for (connections, per_client) in [(4096, 1024), (768, 192), (100, 64)] {
            assert_eq!(ConnectionLimits::new(connections).per_client, per_client);
        }
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let slots = Slots::new(4, 2);
        let take = |client: &str| slots.take(client.parse().unwrap());
        let first = take("2001:db8:1:2::1").ok().unwrap();
        let _second = take("2001:db8:1:2:ffff::9").ok().unwrap();
        assert_eq!(take("2001:db8:1:2::3").err(), Some(Taken::ByClient));
        let third = take("127.0.0.1").ok().unwrap();
        let fourth = take("::ffff:127.0.0.1").ok().unwrap();
        assert_eq!(take("192.0.2.1").err(), Some(Taken::ByAll));
        drop((third, fourth));
        assert_eq!(take("2001:db8:1:2::3").err(), Some(Taken::ByClient));
        drop(first);
        assert!(take("2001:db8:1:2::3").is_ok());
    }
}
