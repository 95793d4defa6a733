//! The places of connections: how many are open, whose they are, and how much unread input they hold.
//!
//! Whoever comes gets a place while there are any. When they run out, the connection goes that has asked for nothing for
//! the longest time, not the one that has just come: it may be a buyer. The same holds within one client's places, and
//! when unfinished requests hold too many bytes, that of the largest goes. A connection whose request is being answered
//! never goes, because its client may be paying.

mod book;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coinop_core::http::network;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::connection_limits::{ConnectionLimits, Taken};
use book::{Book, Entry, Phase, Room};

/// How long a newcomer may wait until a connection that has to go is closed.
const MAKING_ROOM: Duration = Duration::from_secs(1);

/// The free and taken places of connections. Clones share them.
#[derive(Clone)]
pub(super) struct Places(Arc<Inner>);

struct Inner {
    limits: ConnectionLimits,
    book: Mutex<Book>,
    /// Tells that a place has become free.
    freed: Notify,
}

/// One taken place. Dropping it frees the place.
pub(super) struct Place(Seat);

/// The marks that a connection makes in the book about its own place.
#[derive(Clone)]
pub(super) struct Seat {
    places: Places,
    number: u64,
    must_go: Arc<Notify>,
}

impl Places {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self(Arc::new(Inner { limits, book: Mutex::default(), freed: Notify::new() }))
    }

    /// Takes a place for a connection from this address. If there is none, it tells the longest idle connection to go.
    ///
    /// A trusted proxy has as many places as it likes, because it opens them for its clients.
    pub(super) async fn take(&self, client: IpAddr, is_proxy: bool) -> Result<Place, Taken> {
        let client = network(client);
        let until = Instant::now() + MAKING_ROOM;
        loop {
            let freed = self.0.freed.notified();
            let room = self.book().room(client, is_proxy, &self.0.limits);
            match room {
                Room::Free => return Ok(self.seat(client, is_proxy)),
                Room::Taken(taken) => return Err(taken),
                Room::Soon => {}
            }
            if tokio::time::timeout_at(until, freed).await.is_err() {
                return Err(Taken::ByAll);
            }
        }
    }

    /// Returns whether a client has as many places as one client may have.
    pub(super) fn has_all(&self, client: IpAddr) -> bool {
        self.book().count(network(client)) >= self.0.limits.per_client
    }

    fn seat(&self, client: IpAddr, is_proxy: bool) -> Place {
        let must_go = Arc::new(Notify::new());
        let entry = Entry::new(client, is_proxy, Instant::now(), must_go.clone());
        let number = self.book().add(entry);
        Place(Seat { places: self.clone(), number, must_go })
    }

    /// Waits until every place is free.
    pub(super) async fn all_free(&self) {
        loop {
            let freed = self.0.freed.notified();
            if self.book().is_empty() {
                return;
            }
            freed.await;
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Returns the handle with which others make marks about this place.
    pub(super) fn seat(&self) -> Seat {
        self.0.clone()
    }

    /// Notes that the connection has given this many bytes.
    pub(super) fn received(&self, bytes: usize) {
        let Seat { places, number, .. } = &self.0;
        places.book().received(*number, bytes, places.0.limits.unread);
    }

    /// Notes that an answer has been taken, so that the connection is idle.
    pub(super) fn sent(&self) {
        self.0.mark(|entry| {
            if entry.phase == Phase::Sending {
                entry.phase = Phase::Waiting;
            }
        });
    }

    /// Returns whether the connection was told to go.
    pub(super) fn has_to_go(&self) -> bool {
        self.0.places.book().has_to_go(self.0.number)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.places.book().remove(self.0.number);
        self.0.places.0.freed.notify_waiters();
    }
}

impl Seat {
    /// Notes that a whole request has arrived and is being answered.
    pub(super) fn answering(&self) {
        self.mark(|entry| entry.phase = Phase::Answering);
    }

    /// Notes that the answer to a request is known and is being sent. With `is_use`, the connection counts as idle only
    /// from now on.
    pub(super) fn answered(&self, is_use: bool) {
        self.places.book().answered(self.number, is_use.then(Instant::now));
    }

    /// Waits until the connection has to go.
    pub(super) async fn until_it_must_go(&self) {
        self.must_go.notified().await;
    }

    fn mark(&self, change: impl FnOnce(&mut Entry)) {
        self.places.book().mark(self.number, change);
    }
}

#[cfg(test)]
mod tests;
