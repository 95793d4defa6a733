//! The book of open connections, and who has to go.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::connection_limits::{ConnectionLimits, Taken};

/// How many connections may still be closing while newcomers have their places already. Together they are fewer than
/// the descriptors that are reserved for everything else.
const CLOSING: usize = 64;

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has sent no whole request.
    Waiting,
    /// Its request is being answered.
    Answering,
    /// Its answer is being sent.
    Sending,
}

/// An open connection.
pub(super) struct Entry {
    client: IpAddr,
    is_proxy: bool,
    pub(super) phase: Phase,
    /// When it was opened, or last asked for something.
    since: Instant,
    /// How many bytes it has sent that belong to no finished request.
    unread: usize,
    /// How many of them came last.
    latest: usize,
    has_to_go: bool,
    must_go: Arc<Notify>,
}

impl Entry {
    pub(super) fn new(client: IpAddr, is_proxy: bool, since: Instant, must_go: Arc<Notify>) -> Self {
        Self {
            client,
            is_proxy,
            phase: Phase::Waiting,
            since,
            unread: 0,
            latest: 0,
            has_to_go: false,
            must_go,
        }
    }

    /// Returns whether it may be told to go for a newcomer.
    fn is_idle(&self) -> bool {
        !self.has_to_go && self.phase != Phase::Answering
    }

    /// Orders those that may go: the longest idle first, then those that take their time with an answer, then those of
    /// the owner's proxies.
    fn rank(&self) -> (bool, bool, Instant) {
        (self.is_proxy, self.phase == Phase::Sending, self.since)
    }
}

/// Whether there is a place for a newcomer.
pub(super) enum Room {
    Free,
    /// A connection has to be closed first.
    Soon,
    Taken(Taken),
}

#[derive(Default)]
pub(super) struct Book {
    latest: u64,
    open: BTreeMap<u64, Entry>,
    /// How many connections each client has, without those that have to go.
    clients: HashMap<IpAddr, usize>,
    /// How many connections have to go and are still open.
    leaving: usize,
    unread: usize,
}

impl Book {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Returns how many connections a client has, without those that have to go.
    pub(super) fn count(&self, client: IpAddr) -> usize {
        self.clients.get(&client).copied().unwrap_or(0)
    }

    /// Looks for a place. If there is none, it tells a connection to go.
    pub(super) fn room(&mut self, client: IpAddr, is_proxy: bool, limits: &ConnectionLimits) -> Room {
        if !is_proxy
            && self.count(client) >= limits.per_client
            && !self.tell_to_go(|entry| entry.client == client)
        {
            return Room::Taken(Taken::ByClient);
        }
        let staying = self.open.len().saturating_sub(self.leaving);
        if staying >= limits.connections && !self.tell_to_go(|_| true) {
            return Room::Taken(Taken::ByAll);
        }
        if self.leaving > CLOSING.min(limits.connections / 8 + 1) { Room::Soon } else { Room::Free }
    }

    /// Tells the first by rank of those that are idle and meant to go. Returns whether there was one.
    fn tell_to_go(&mut self, is_meant: impl Fn(&Entry) -> bool) -> bool {
        let idle = self.open.iter().filter(|(_, entry)| entry.is_idle() && is_meant(entry));
        let first = idle.min_by_key(|(_, entry)| entry.rank()).map(|(number, _)| *number);
        first.is_some_and(|number| self.part_with(number))
    }

    fn part_with(&mut self, number: u64) -> bool {
        let Some(entry) = self.open.get_mut(&number) else { return false };
        entry.has_to_go = true;
        entry.must_go.notify_one();
        self.unread = self.unread.saturating_sub(entry.unread);
        (entry.unread, entry.latest) = (0, 0);
        let client = entry.client;
        self.leaving += 1;
        self.leave(client);
        true
    }

    fn leave(&mut self, client: IpAddr) {
        if let Some(count) = self.clients.get_mut(&client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.clients.remove(&client);
            }
        }
    }

    pub(super) fn add(&mut self, entry: Entry) -> u64 {
        self.latest += 1;
        let count = self.clients.entry(entry.client).or_default();
        *count = count.saturating_add(1);
        self.open.insert(self.latest, entry);
        self.latest
    }

    pub(super) fn remove(&mut self, number: u64) {
        let Some(entry) = self.open.remove(&number) else { return };
        self.unread = self.unread.saturating_sub(entry.unread);
        if entry.has_to_go {
            self.leaving = self.leaving.saturating_sub(1);
        } else {
            self.leave(entry.client);
        }
    }

    pub(super) fn mark(&mut self, number: u64, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.open.get_mut(&number) {
            change(entry);
        }
    }

    pub(super) fn has_to_go(&self, number: u64) -> bool {
        self.open.get(&number).is_some_and(|entry| entry.has_to_go)
    }

    /// Counts bytes that have arrived. If all connections hold more than `most`, those with the most unfinished input
    /// have to go.
    pub(super) fn received(&mut self, number: u64, bytes: usize, most: usize) {
        let Some(entry) = self.open.get_mut(&number).filter(|entry| !entry.has_to_go) else { return };
        entry.latest = bytes;
        entry.unread = entry.unread.saturating_add(bytes);
        self.unread = self.unread.saturating_add(bytes);
        while self.unread > most {
            let unfinished = self.open.iter().filter(|(_, entry)| entry.is_idle() && entry.unread > 0);
            let largest = unfinished.min_by_key(|(_, entry)| (Reverse(entry.unread), entry.since));
            let Some(number) = largest.map(|(number, _)| *number) else { return };
            self.part_with(number);
        }
    }

    /// Notes that a request has been answered, and with `now` that the connection was of use. What has arrived beyond
    /// the request came with the latest bytes.
    pub(super) fn answered(&mut self, number: u64, now: Option<Instant>) {
        let Some(entry) = self.open.get_mut(&number) else { return };
        self.unread = self.unread.saturating_sub(entry.unread.saturating_sub(entry.latest));
        entry.unread = entry.unread.min(entry.latest);
        entry.phase = Phase::Sending;
        entry.since = now.unwrap_or(entry.since);
    }
}
