//! What a purchase buys, and what a session still has of it.

use serde::{Deserialize, Serialize};

use crate::time::{Monotonic, Now, Timestamp};

/// The longest time that a session may be paid for, in seconds: 366 days.
pub(crate) const MAX_SECONDS: u64 = 366 * 86_400;

/// How far two clocks may differ on the same end and still agree, in milliseconds. A clock that is being corrected, and
/// the rounding to milliseconds, differ by less; a clock that was set, by more.
const SAME_MS: u64 = 1_000;

/// What one purchase buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowance {
    /// Time that begins with the grant.
    Time {
        /// The length, in seconds.
        seconds: u64,
    },
    /// Time that begins with the first unlock. See `sketches/first_unlock.rs`.
    #[cfg(test)]
    FromFirstUnlock {
        /// The length, in seconds.
        seconds: u64,
        /// How long after the grant the time begins at the latest, in seconds.
        start_within: u64,
    },
}

impl Allowance {
    /// Returns the sum; `None` if the kinds differ or the sum overflows.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Time { seconds: a }, Self::Time { seconds: b }) => {
                Some(Self::Time { seconds: a.checked_add(b)? })
            }
            #[cfg(test)]
            (
                Self::FromFirstUnlock { seconds: a, start_within },
                Self::FromFirstUnlock { seconds: b, .. },
            ) => Some(Self::FromFirstUnlock { seconds: a.checked_add(b)?, start_within }),
            #[cfg(test)]
            _ => None,
        }
    }

    /// Returns the length in seconds; `None` for an allowance that is not counted in time.
    #[must_use]
    pub const fn seconds(self) -> Option<u64> {
        match self {
            Self::Time { seconds } => Some(seconds),
            #[cfg(test)]
            Self::FromFirstUnlock { seconds, .. } => Some(seconds),
        }
    }

    /// Returns whether it is at most what a session may have: 366 days.
    #[must_use]
    pub(crate) const fn is_in_bounds(self) -> bool {
        match self {
            Self::Time { seconds } => seconds <= MAX_SECONDS,
            #[cfg(test)]
            Self::FromFirstUnlock { seconds, start_within } => {
                seconds <= MAX_SECONDS && start_within <= MAX_SECONDS
            }
        }
    }

    /// Returns the entitlement of a session that begins now.
    #[must_use]
    pub fn begin(self, now: &Now) -> Entitlement {
        match self {
            Self::Time { seconds } => Entitlement::until(now.wall.plus_seconds(seconds), now),
            #[cfg(test)]
            Self::FromFirstUnlock { seconds, start_within } => {
                let start_by = now.wall.plus_seconds(start_within);
                Entitlement::Unstarted { seconds, start_by, deadline: on_monotonic(start_by, now) }
            }
        }
    }
}

/// What a session still has of what was paid for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entitlement {
    /// Time that is running.
    Time {
        /// When the paid time ends.
        ends_at: Timestamp,
        /// The same end on the monotonic clock of the boot in which it was set. It holds even if the wall clock jumps
        /// back.
        deadline: Option<Monotonic>,
    },
    /// Time that is paused. See `sketches/pausing.rs`.
    #[cfg(test)]
    Paused {
        /// The time left, in milliseconds.
        left: u64,
    },
    /// Time that has not begun. See `sketches/first_unlock.rs`.
    #[cfg(test)]
    Unstarted {
        /// The length, in seconds.
        seconds: u64,
        /// When the time begins at the latest.
        start_by: Timestamp,
        /// The same moment on the monotonic clock of the boot in which the session was granted.
        deadline: Option<Monotonic>,
    },
}

impl Entitlement {
    /// Creates an entitlement to time that runs until `ends_at`.
    pub(super) fn until(ends_at: Timestamp, now: &Now) -> Self {
        Self::Time { ends_at, deadline: on_monotonic(ends_at, now) }
    }

    /// Returns when nothing will be left; `None` while that is not known.
    #[must_use]
    pub const fn ends_at(&self) -> Option<Timestamp> {
        match self {
            Self::Time { ends_at, .. } => Some(*ends_at),
            #[cfg(test)]
            Self::Paused { .. } | Self::Unstarted { .. } => None,
        }
    }

    /// Returns until when the buyer is let in at the latest, if nothing else happens. The entitlement then ends by
    /// itself.
    ///
    /// `None` means that the buyer is not let in now, and that time alone changes nothing.
    #[must_use]
    pub(crate) const fn runs_until(&self) -> Option<Timestamp> {
        match self {
            Self::Time { ends_at, .. } => Some(*ends_at),
            #[cfg(test)]
            Self::Paused { .. } => None,
            #[cfg(test)]
            Self::Unstarted { seconds, start_by, .. } => Some(start_by.plus_seconds(*seconds)),
        }
    }

    /// Returns whether nothing is left (invariant 4).
    ///
    /// A wall clock that is set ends nothing early and lets nothing go on: the monotonic clock that saw the entitlement
    /// begin decides. Without it the wall clock does.
    #[must_use]
    pub(crate) fn is_over(&self, now: &Now) -> bool {
        match self {
            Self::Time { .. } => self.left(now) == 0,
            #[cfg(test)]
            Self::Paused { .. } => false,
            #[cfg(test)]
            Self::Unstarted { .. } => self.left(now) == 0,
        }
    }

    /// Returns what is left, in milliseconds: by the monotonic clock that saw the entitlement begin, and otherwise by the
    /// wall clock. Of two clocks that differ by no more than [`SAME_MS`], the earlier end counts.
    #[must_use]
    pub(crate) fn left(&self, now: &Now) -> u64 {
        let by_wall = self.left_by_wall(now);
        self.measured_left(now)
            .map_or(by_wall, |left| if left.abs_diff(by_wall) > SAME_MS { left } else { left.min(by_wall) })
    }

    /// Returns the entitlement with the end that the wall clock now has for it, if that clock was set forward past the
    /// old end while time is left. The paid time stays the same.
    #[must_use]
    pub(super) fn retimed(&self, now: &Now) -> Option<Self> {
        match self {
            Self::Time { ends_at, .. } if now.wall >= *ends_at && !self.is_over(now) => {
                Some(Self::until(now.wall.plus_millis(self.left(now)), now))
            }
            Self::Time { .. } => None,
            #[cfg(test)]
            Self::Paused { .. } | Self::Unstarted { .. } => None,
        }
    }

    /// Returns what is left by the wall clock, in milliseconds.
    #[must_use]
    const fn left_by_wall(&self, now: &Now) -> u64 {
        match self {
            Self::Time { ends_at, .. } => ends_at.millis_since(now.wall),
            #[cfg(test)]
            Self::Paused { left } => *left,
            #[cfg(test)]
            Self::Unstarted { seconds, start_by, .. } => {
                let until_last = start_by.plus_seconds(*seconds).millis_since(now.wall);
                let all = seconds.saturating_mul(1000);
                if until_last < all { until_last } else { all }
            }
        }
    }

    /// Returns what is left by the monotonic clock that saw the time begin, in milliseconds; `None` if it is gone.
    #[must_use]
    pub(crate) fn measured_left(&self, now: &Now) -> Option<u64> {
        match self {
            Self::Time { .. } => self.left_by_monotonic(now),
            #[cfg(test)]
            Self::Paused { left } => Some(*left),
            #[cfg(test)]
            Self::Unstarted { deadline, .. } => {
                left_until(deadline.as_ref(), now).and_then(|_| self.left_by_monotonic(now))
            }
        }
    }

    /// Returns what is left without reading the wall clock, in milliseconds. Running time is measured by the monotonic
    /// clock.
    ///
    /// `None` means that this is not the monotonic clock that saw the time begin.
    #[must_use]
    pub(crate) fn left_by_monotonic(&self, now: &Now) -> Option<u64> {
        match self {
            Self::Time { deadline, .. } => left_until(deadline.as_ref(), now),
            #[cfg(test)]
            Self::Paused { left } => Some(*left),
            #[cfg(test)]
            Self::Unstarted { seconds, deadline, .. } => {
                let all = seconds.saturating_mul(1000);
                let last = deadline.clone().map(|at| Monotonic { ms: at.ms.saturating_add(all), ..at });
                Some(left_until(last.as_ref(), now).map_or(all, |left| left.min(all)))
            }
        }
    }

    /// Returns the entitlement with `more` added.
    ///
    /// Time that is over goes on from now, so that the buyer gets all that was paid for.
    #[must_use]
    pub fn extended(&self, more: Allowance, now: &Now) -> Self {
        match (self, more) {
            (Self::Time { ends_at, .. }, Allowance::Time { seconds }) => {
                Self::until(self.end_from(*ends_at, now).plus_seconds(seconds), now)
            }
            #[cfg(test)]
            (Self::Time { ends_at, .. }, Allowance::FromFirstUnlock { seconds, .. }) => {
                Self::until(self.end_from(*ends_at, now).plus_seconds(seconds), now)
            }
            #[cfg(test)]
            (
                Self::Paused { left },
                Allowance::Time { seconds } | Allowance::FromFirstUnlock { seconds, .. },
            ) => Self::Paused { left: left.saturating_add(seconds.saturating_mul(1000)) },
            #[cfg(test)]
            (
                Self::Unstarted { seconds, start_by, deadline },
                Allowance::Time { seconds: more } | Allowance::FromFirstUnlock { seconds: more, .. },
            ) => {
                if self.is_over(now) {
                    return Self::until(now.wall.plus_seconds(more), now);
                }
                let (start_by, deadline) = (*start_by, deadline.clone());
                Self::Unstarted { seconds: seconds.saturating_add(more), start_by, deadline }
            }
        }
    }
}

impl Entitlement {
    /// Returns the moment of the wall clock from which more time counts: the end of what is left, or now. `ends_at` is the
    /// end as it was written, before the wall clock may have been set.
    fn end_from(&self, ends_at: Timestamp, now: &Now) -> Timestamp {
        let end = now.wall.plus_millis(self.left(now));
        if end.millis_since(ends_at).max(ends_at.millis_since(end)) > SAME_MS {
            end
        } else {
            ends_at.max(now.wall)
        }
    }
}

/// Converts a moment of the wall clock to the monotonic clock; `None` if there is none.
fn on_monotonic(at: Timestamp, now: &Now) -> Option<Monotonic> {
    let mono = now.mono.as_ref()?;
    let ms = mono.ms.checked_add(at.millis_since(now.wall))?;
    Some(Monotonic { boot: mono.boot.clone(), ms })
}

/// Returns how long it is until a deadline, in milliseconds; `None` without a monotonic clock of the same boot.
fn left_until(deadline: Option<&Monotonic>, now: &Now) -> Option<u64> {
    let (deadline, mono) = (deadline?, now.mono.as_ref()?);
    (deadline.boot == mono.boot).then(|| deadline.ms.saturating_sub(mono.ms))
}
