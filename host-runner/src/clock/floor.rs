//! The last time that a data folder has seen, and the run of the machine in which it saw it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One run of the machine, and how long it has been running.
///
/// It lets the monotonic time continue across a restart of this process. A session that began before the
/// restart still ends when its time is over, whatever the wall clock says by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Boot {
    pub(crate) id: String,
    pub(crate) uptime: Duration,
}

impl Boot {
    /// Returns the present run, if the system tells which one it is.
    #[cfg(target_os = "linux")]
    pub(crate) fn present() -> Option<Self> {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let uptime = Duration::new(u64::try_from(uptime.tv_sec).ok()?, u32::try_from(uptime.tv_nsec).ok()?);
        Some(Self { id: id.trim().to_owned(), uptime })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) const fn present() -> Option<Self> {
        None
    }
}

/// A moment before which the clock can't be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Floor {
    /// The time since the Unix epoch.
    pub(crate) at: Duration,
    /// Whether it was noted in this run of the machine, and `at` has what passed since by the monotonic clock.
    pub(crate) is_of_this_boot: bool,
}

impl From<Duration> for Floor {
    fn from(at: Duration) -> Self {
        Self { at, is_of_this_boot: false }
    }
}

/// The last time that this data folder has seen, across restarts.
#[derive(Debug, Clone)]
pub(crate) struct ClockFloor {
    path: PathBuf,
}

impl ClockFloor {
    /// How often the floor is written. More often would wear out a memory card.
    pub(crate) const EVERY: Duration = Duration::from_secs(60);
    /// How often it is written while a device is unlocked, because it tells how long the gateway was away.
    pub(crate) const EVERY_UNLOCKED: Duration = Duration::from_secs(10);

    /// How far the floor may be ahead of the system's clock. A later floor was written while the clock was
    /// far ahead. Using it would keep every session ended and every quote expired until that day.
    const CREDIBLE: Duration = Duration::from_secs(400 * 24 * 3600);

    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { path: data_dir.join("clock") }
    }

    /// Returns the time last written. Zero if there is none, or if it is too far ahead of the system's clock.
    pub(crate) fn read(&self) -> Floor {
        let noted = self.noted(Boot::present().as_ref());
        let floor = noted.at;
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // A board without a battery starts at the epoch, or at the day its system was built. Then the floor
        // is the only time to go by. The limit is 2025-01-01.
        let reset = wall < Duration::from_secs(1_735_689_600);
        if reset || floor <= wall + Self::CREDIBLE {
            if floor > wall + Duration::from_secs(3600) {
                tracing::warn!(
                    file = %self.path.display(),
                    "the system clock is behind the time stored in the file; using the stored time; if that is wrong, stop the gateway, remove the file and start it again"
                );
            }
            noted
        } else {
            tracing::warn!(
                file = %self.path.display(),
                "the time stored in the file is more than 400 days ahead of the system clock; ignoring it"
            );
            Floor::default()
        }
    }

    /// Returns the time last written, as it was then, in milliseconds since the Unix epoch; `None` if there is none.
    pub(crate) fn last_written(&self) -> Option<u64> {
        let text = std::fs::read_to_string(&self.path).ok()?;
        text.split_whitespace().next()?.parse().ok()
    }

    /// Returns the time last written, plus the time since then if the machine has been running since.
    fn noted(&self, present: Option<&Boot>) -> Floor {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let mut words = text.split_whitespace();
        let mut number = || words.next().and_then(|word| word.parse().ok()).map(Duration::from_millis);
        let (Some(noted), uptime) = (number(), number()) else {
            return Floor::default();
        };
        let passed = present
            .filter(|boot| words.next() == Some(&boot.id))
            .and_then(|boot| boot.uptime.checked_sub(uptime?));
        let at = noted.saturating_add(passed.unwrap_or_default());
        Floor { at, is_of_this_boot: passed.is_some() }
    }

    /// Writes down that it is now `now_ms`. A failure is only logged, because the time is needed only after
    /// the next power cut.
    pub(crate) fn write(&self, now_ms: u64) {
        let text = match Boot::present() {
            Some(Boot { id, uptime }) => format!("{now_ms} {} {id}", uptime.as_millis()),
            None => now_ms.to_string(),
        };
        if let Err(error) = crate::files::write_atomically(&self.path, text.as_bytes(), 0o644) {
            tracing::warn!(%error, "the time could not be stored in the data folder");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_survives_and_an_absurd_one_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let floor = ClockFloor::new(dir.path());
        assert_eq!(floor.read(), Floor::default());
        floor.write(1_760_000_000_123);
        let read = floor.read().at.as_millis();
        assert!((1_760_000_000_123..1_760_000_060_000).contains(&read), "{read}");
        floor.write(9_999_999_999_999);
        assert_eq!(floor.read(), Floor::default());
    }

    /// Invariant 4: a restart of the process leaves no gap in the time.
    #[test]
    fn what_has_passed_since_the_floor_counts_while_the_machine_runs_on() {
        let dir = tempfile::tempdir().unwrap();
        let floor = ClockFloor::new(dir.path());
        let boot = |id: &str, seconds| Boot { id: id.to_owned(), uptime: Duration::from_secs(seconds) };
        let noted = |present: Option<&Boot>| {
            let floor = floor.noted(present);
            (floor.at.as_secs(), floor.is_of_this_boot)
        };
        std::fs::write(dir.path().join("clock"), "1000000 5000 this").unwrap();
        assert_eq!(noted(Some(&boot("this", 65))), (1_060, true));
        // Another run of the machine, or an uptime that is shorter than the one written.
        assert_eq!(noted(Some(&boot("that", 65))), (1_000, false));
        assert_eq!(noted(Some(&boot("this", 4))), (1_000, false));
        assert_eq!(noted(None), (1_000, false));
        // The file in its older form without a boot, which is also the form on a system that does not tell
        // its boot.
        std::fs::write(dir.path().join("clock"), "1000000").unwrap();
        assert_eq!(noted(Some(&boot("this", 65))), (1_000, false));
    }
}
