//! The one clock of the process.
//!
//! A session ends at a moment of wall-clock time, and a wall clock can be set back: by a person, by a time
//! server, or by a board without a battery. A door must not stay open because of that (invariant 4). So the
//! wall clock that the component and every device worker see is *steady*: it never goes back and never stands
//! still, whatever the system's clock does. It follows the system's clock forward at once. Otherwise it runs
//! with the monotonic clock.
//!
//! Between two runs of the process the data folder keeps the last time seen ([`ClockFloor`]), so that a box
//! that starts in 1970 does not use that time.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// The sources of time. Tests replace them.
pub(crate) trait Sources: Send + Sync {
    /// Returns the time since the Unix epoch by the system's wall clock. It may jump.
    fn wall(&self) -> Duration;
    /// Returns the time since some fixed moment. It never goes back.
    fn monotonic(&self) -> Duration;
}

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

struct SystemSources {
    /// How long the machine had been running at `origin`. Zero if the system does not tell.
    uptime: Duration,
    origin: Instant,
}

impl Sources for SystemSources {
    fn wall(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        self.uptime.saturating_add(self.origin.elapsed())
    }
}

/// A wall clock that only goes forward. Clones are the same clock.
#[derive(Clone)]
pub(crate) struct SteadyClock {
    sources: Arc<dyn Sources>,
    /// Wall time minus monotonic time, in nanoseconds: the largest difference ever seen. The clock must
    /// return the later of the system's time and the last answer plus the time since then. Keeping only this
    /// difference makes that one atomic maximum.
    offset: Arc<AtomicI64>,
}

impl fmt::Debug for SteadyClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SteadyClock").field("now", &self.now()).finish()
    }
}

fn nanos(d: Duration) -> i64 {
    i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)
}

impl SteadyClock {
    /// Returns the clock of this machine, which starts no earlier than `floor`.
    pub(crate) fn system(floor: Duration) -> Self {
        let uptime = Boot::present().map(|boot| boot.uptime).unwrap_or_default();
        Self::new(Arc::new(SystemSources { uptime, origin: Instant::now() }), floor)
    }

    /// Returns a clock over the given sources, which starts no earlier than `floor`.
    pub(crate) fn new(sources: Arc<dyn Sources>, floor: Duration) -> Self {
        let offset = nanos(floor).saturating_sub(nanos(sources.monotonic()));
        Self { sources, offset: Arc::new(AtomicI64::new(offset)) }
    }

    /// Returns the time since the Unix epoch.
    pub(crate) fn now(&self) -> Duration {
        let monotonic = nanos(self.sources.monotonic());
        let seen = nanos(self.sources.wall()).saturating_sub(monotonic);
        let offset = self.offset.fetch_max(seen, Ordering::Relaxed).max(seen);
        let now = monotonic.saturating_add(offset);
        Duration::from_nanos(u64::try_from(now).unwrap_or(0))
    }

    /// Returns the time in milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns how long it is until `at_ms`. Zero once that moment has come.
    pub(crate) fn until(&self, at_ms: u64) -> Duration {
        Duration::from_millis(at_ms).saturating_sub(self.now())
    }

    /// Returns the time since the machine was started, or since this clock was made if the system does not
    /// tell.
    pub(crate) fn monotonic(&self) -> Duration {
        self.sources.monotonic()
    }
}

impl HostWallClock for SteadyClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Self::now(self)
    }
}

impl HostMonotonicClock for SteadyClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.monotonic().as_nanos()).unwrap_or(u64::MAX)
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

    /// How far the floor may be ahead of the system's clock. A later floor was written while the clock was
    /// far ahead. Using it would keep every session ended and every quote expired until that day.
    const CREDIBLE: Duration = Duration::from_secs(400 * 24 * 3600);

    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { path: data_dir.join("clock") }
    }

    /// Returns the time last written. Zero if there is none, or if it is too far ahead of the system's clock.
    pub(crate) fn read(&self) -> Duration {
        let floor = self.noted(Boot::present().as_ref());
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
            floor
        } else {
            tracing::warn!(
                file = %self.path.display(),
                "the time stored in the file is more than 400 days ahead of the system clock; ignoring it"
            );
            Duration::ZERO
        }
    }

    /// Returns the time last written, plus the time since then if the machine has been running since.
    fn noted(&self, present: Option<&Boot>) -> Duration {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let mut words = text.split_whitespace();
        let mut number = || words.next().and_then(|word| word.parse().ok()).map(Duration::from_millis);
        let (Some(noted), uptime) = (number(), number()) else {
            return Duration::ZERO;
        };
        let passed = present
            .filter(|boot| words.next() == Some(&boot.id))
            .and_then(|boot| boot.uptime.checked_sub(uptime?))
            .unwrap_or_default();
        noted.saturating_add(passed)
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
    use std::sync::Mutex;

    #[derive(Default)]
    struct Fake(Mutex<(Duration, Duration)>);

    impl Fake {
        fn set(&self, wall: u64, monotonic: u64) {
            *self.0.lock().unwrap() = (Duration::from_secs(wall), Duration::from_secs(monotonic));
        }
    }

    impl Sources for Fake {
        fn wall(&self) -> Duration {
            self.0.lock().unwrap().0
        }
        fn monotonic(&self) -> Duration {
            self.0.lock().unwrap().1
        }
    }

    fn clock(fake: &Arc<Fake>, floor: u64) -> SteadyClock {
        SteadyClock::new(fake.clone(), Duration::from_secs(floor))
    }

    /// Invariant 4: a clock that is set back does not affect the time.
    #[test]
    fn a_clock_set_back_goes_on() {
        let fake = Arc::new(Fake::default());
        fake.set(1_000, 10);
        let c = clock(&fake, 0);
        assert_eq!(c.now().as_secs(), 1_000);
        fake.set(400, 11);
        assert_eq!(c.now().as_secs(), 1_001);
        fake.set(400, 60);
        assert_eq!(c.now().as_secs(), 1_050);
        // The system's clock is right again, and the time does not jump.
        fake.set(1_051, 61);
        assert_eq!(c.now().as_secs(), 1_051);
    }

    /// Invariant 4: a system clock that stands still does not stop the time.
    #[test]
    fn a_clock_that_stands_still_is_carried_on() {
        let fake = Arc::new(Fake::default());
        fake.set(1_000, 0);
        let c = clock(&fake, 0);
        assert_eq!(c.now().as_secs(), 1_000);
        fake.set(1_000, 30);
        assert_eq!(c.now().as_secs(), 1_030);
    }

    #[test]
    fn forward_is_followed_at_once() {
        let fake = Arc::new(Fake::default());
        fake.set(1_000, 0);
        let c = clock(&fake, 0);
        c.now();
        fake.set(5_000, 1);
        assert_eq!(c.now().as_secs(), 5_000);
        assert_eq!(c.until(5_002_000), Duration::from_secs(2));
        assert_eq!(c.until(4_000_000), Duration::ZERO);
    }

    /// Invariant 4: a restart with the system's clock at the epoch does not set the time back.
    #[test]
    fn the_floor_is_never_undercut() {
        let fake = Arc::new(Fake::default());
        fake.set(7, 100);
        let c = clock(&fake, 9_000);
        assert_eq!(c.now().as_secs(), 9_000);
        fake.set(8, 101);
        assert_eq!(c.now().as_secs(), 9_001);
    }

    #[test]
    fn the_floor_survives_and_an_absurd_one_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let floor = ClockFloor::new(dir.path());
        assert_eq!(floor.read(), Duration::ZERO);
        floor.write(1_760_000_000_123);
        let read = floor.read().as_millis();
        assert!((1_760_000_000_123..1_760_000_060_000).contains(&read), "{read}");
        floor.write(9_999_999_999_999);
        assert_eq!(floor.read(), Duration::ZERO);
    }

    /// Invariant 4: a restart of the process leaves no gap in the time.
    #[test]
    fn what_has_passed_since_the_floor_counts_while_the_machine_runs_on() {
        let dir = tempfile::tempdir().unwrap();
        let floor = ClockFloor::new(dir.path());
        let boot = |id: &str, seconds| Boot { id: id.to_owned(), uptime: Duration::from_secs(seconds) };
        std::fs::write(dir.path().join("clock"), "1000000 5000 this").unwrap();
        assert_eq!(floor.noted(Some(&boot("this", 65))).as_secs(), 1_060);
        // Another run of the machine, or an uptime that is shorter than the one written.
        assert_eq!(floor.noted(Some(&boot("that", 65))).as_secs(), 1_000);
        assert_eq!(floor.noted(Some(&boot("this", 4))).as_secs(), 1_000);
        assert_eq!(floor.noted(None).as_secs(), 1_000);
        // The file in its older form without a boot, which is also the form on a system that does not tell
        // its boot.
        std::fs::write(dir.path().join("clock"), "1000000").unwrap();
        assert_eq!(floor.noted(Some(&boot("this", 65))).as_secs(), 1_000);
    }
}
