//! Slots for connections: how many may be open in all, and from one client.

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
}

impl ConnectionLimits {
    pub(super) fn new(connections: usize) -> Self {
        // Clients behind one proxy or one household's router look like one client.
        let per_client = (connections / 4).max(64);
        Self { connections, per_client, patience: Duration::from_secs(10) }
    }
}

/// The free and taken slots.
pub(super) struct ConnectionSlots {
    bounds: ConnectionLimits,
    all: Arc<Semaphore>,
    clients: Tally<IpAddr>,
}

/// One connection's slot. Dropping it frees the slot.
pub(super) struct ConnectionSlot {
    _one: OwnedSemaphorePermit,
    _client: Tallied<IpAddr>,
}

impl ConnectionSlots {
    pub(super) fn new(bounds: ConnectionLimits) -> Self {
        Self { bounds, all: Arc::new(Semaphore::new(bounds.connections)), clients: Tally::default() }
    }

    /// Takes a slot for one more connection of this client. The error is the name of the limit that was
    /// reached.
    pub(super) fn take(&self, client: IpAddr) -> Result<ConnectionSlot, &'static str> {
        let one = self.all.clone().try_acquire_owned().map_err(|_| "connections")?;
        let (counted, before) = self.clients.add(network(client));
        if before >= self.bounds.per_client {
            return Err("client_connections");
        }
        Ok(ConnectionSlot { _one: one, _client: counted })
    }

    /// Waits until every slot is free.
    pub(super) async fn all_free(&self) {
        let all = u32::try_from(self.bounds.connections).unwrap_or(u32::MAX);
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
        let slots = ConnectionSlots::new(ConnectionLimits {
            connections: 4,
            per_client: 2,
            patience: Duration::ZERO,
        });
        let take = |client: &str| slots.take(client.parse().unwrap());
        let first = take("2001:db8:1:2::1").ok().unwrap();
        let _second = take("2001:db8:1:2:ffff::9").ok().unwrap();
        assert_eq!(take("2001:db8:1:2::3").err(), Some("client_connections"));
        let third = take("127.0.0.1").ok().unwrap();
        let fourth = take("::ffff:127.0.0.1").ok().unwrap();
        assert_eq!(take("192.0.2.1").err(), Some("connections"));
        drop((third, fourth));
        assert_eq!(take("2001:db8:1:2::3").err(), Some("client_connections"));
        drop(first);
        assert!(take("2001:db8:1:2::3").is_ok());
    }
}
