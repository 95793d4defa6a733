//! Slots for what clients may have only so many of at once, in all and each: answers with a picture, and requests
//! through a proxy.

use std::net::IpAddr;
use std::sync::Arc;

use coinop_core::http::network;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::guest::{Tallied, Tally};

/// The free and taken slots.
pub(super) struct Slots {
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
    /// More slots than are ever taken, for what only each client's share limits.
    pub(super) const MOST: usize = Semaphore::MAX_PERMITS;

    /// Makes `total` free slots, of which one client may take `per_client`.
    pub(super) fn new(total: usize, per_client: usize) -> Self {
        Self { per_client, all: Arc::new(Semaphore::new(total)), clients: Tally::default() }
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
