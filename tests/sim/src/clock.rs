//! The wall clock, which may be set.

use std::cell::Cell;

/// By how much `coinop serve` follows a clock that is set forward, in milliseconds. A greater step has to last ten
/// minutes, which is longer than a world's clock is wrong.
const FOLLOWED_MS: i64 = 300_000;

/// A wall clock.
pub(crate) struct WallClock {
    /// How far the machine's clock is ahead of the world's own time, in milliseconds.
    ahead: Cell<i64>,
    /// How far the clock that the gateway sees is ahead. `coinop serve` never lets it go back while it runs.
    steady: Cell<i64>,
    is_steady: bool,
    /// The furthest that it was ahead.
    most: Cell<i64>,
}

impl WallClock {
    pub(crate) const fn new(is_steady: bool) -> Self {
        Self { ahead: Cell::new(0), steady: Cell::new(0), is_steady, most: Cell::new(0) }
    }

    /// Sets the machine's clock forward or back.
    pub(crate) fn set(&self, by: i64) {
        self.ahead.set(self.ahead.get() + by);
        self.follow();
    }

    /// Sets the machine's clock right.
    pub(crate) fn correct(&self) {
        self.ahead.set(0);
        self.follow();
    }

    fn follow(&self) {
        let ahead = self.ahead.get();
        let step = ahead - self.steady.get();
        if !self.is_steady || (1..=FOLLOWED_MS).contains(&step) {
            self.steady.set(ahead);
        }
        self.most.set(self.most.get().max(self.steady.get()));
    }

    /// Returns how far it was ahead at most, in milliseconds.
    pub(crate) fn most_ahead(&self) -> u64 {
        u64::try_from(self.most.get()).unwrap_or_default()
    }

    /// Restarts the machine after `away` milliseconds. A gateway's clock starts no earlier than the last time it has
    /// shown. While the machine runs on, the monotonic clock tells the time that has passed.
    pub(crate) fn reboot(&self, away: u64) {
        if self.is_steady {
            let floor = self.steady.get().saturating_sub_unsigned(away);
            self.steady.set(self.ahead.get().max(floor));
        }
    }

    /// Returns what the clock shows at this moment of the world's own time, in milliseconds since the world began.
    pub(crate) fn shown(&self, now: u64) -> i64 {
        i64::try_from(now).unwrap_or(i64::MAX).saturating_add(self.steady.get())
    }
}
