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

mod floor;
mod synchronised;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use floor::{Boot, ClockFloor, Floor};
use rustix::time::{ClockId, clock_gettime};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// The sources of time. Tests replace them.
pub(crate) trait Sources: Send + Sync {
    /// Returns the time since the Unix epoch by the system's wall clock. It may jump.
    fn wall(&self) -> Duration;
    /// Returns the time since some fixed moment. It never goes back.
    fn monotonic(&self) -> Duration;
    /// Returns whether the kernel says that a time service keeps the wall clock right.
    fn is_synchronised(&self) -> bool {
        false
    }
}

struct SystemSources;

/// The monotonic clock that also counts while the machine sleeps.
#[cfg(target_os = "linux")]
const MONOTONIC: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const MONOTONIC: ClockId = ClockId::Monotonic;

impl Sources for SystemSources {
    fn wall(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        let time = clock_gettime(MONOTONIC);
        let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
        Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
    }

    fn is_synchronised(&self) -> bool {
        synchronised::is_synchronised()
    }
}

/// Sources whose wall clock nobody can set: it is far behind, so that nothing follows it.
struct Unset(Arc<dyn Sources>);

impl Sources for Unset {
    fn wall(&self) -> Duration {
        Duration::ZERO
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
}

/// By how much the system's clock may be set forward to be followed at once.
const FOLLOWED: i64 = 5 * 60 * 1_000_000_000;

/// How long a greater step has to last to be followed, if no time service vouches for it.
const LASTING: i64 = 10 * 60 * 1_000_000_000;

/// A step forward of the system's clock that is not followed yet. Both times are in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// The difference of the two clocks after the step.
    offset: i64,
    /// When it was first seen, by the monotonic clock.
    since: i64,
}

/// A wall clock that only goes forward. Clones are the same clock.
#[derive(Clone)]
pub(crate) struct SteadyClock {
    sources: Arc<dyn Sources>,
    /// Wall time minus monotonic time, in nanoseconds: the largest difference that was followed. The clock must
    /// return the later of the system's time and the last answer plus the time since then. Keeping only this
    /// difference makes that one atomic maximum.
    offset: Arc<AtomicI64>,
    held: Arc<Mutex<Option<Held>>>,
    /// Whether `held` has a step, so that nobody has to lock it while there is none.
    is_holding: Arc<AtomicBool>,
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
    pub(crate) fn system(floor: impl Into<Floor>) -> Self {
        Self::new(Arc::new(SystemSources), floor)
    }

    /// Returns a clock over the given sources, which starts no earlier than `floor`.
    ///
    /// A floor of this boot tells the time: a system's clock that is ahead of it has been set since. Otherwise the
    /// system's clock does, if it is not behind.
    pub(crate) fn new(sources: Arc<dyn Sources>, floor: impl Into<Floor>) -> Self {
        let floor = floor.into();
        let start = if floor.is_of_this_boot { floor.at } else { floor.at.max(sources.wall()) };
        let offset = nanos(start).saturating_sub(nanos(sources.monotonic()));
        Self {
            sources,
            offset: Arc::new(AtomicI64::new(offset)),
            held: Arc::default(),
            is_holding: Arc::default(),
        }
    }

    /// Returns a clock that shows the same time now, and follows no step of the system's clock from now on.
    pub(crate) fn unset(&self) -> Self {
        Self::new(Arc::new(Unset(self.sources.clone())), self.now())
    }

    /// Returns how far this clock is ahead of `other`, in milliseconds. Both have the same monotonic clock.
    pub(crate) fn ms_ahead_of(&self, other: &Self) -> u64 {
        let ahead = self.offset.load(Ordering::Relaxed).saturating_sub(other.offset.load(Ordering::Relaxed));
        u64::try_from(ahead / 1_000_000).unwrap_or(0)
    }

    /// Returns the time since the Unix epoch.
    pub(crate) fn now(&self) -> Duration {
        let monotonic = nanos(self.sources.monotonic());
        let seen = nanos(self.sources.wall()).saturating_sub(monotonic);
        let mut offset = self.offset.load(Ordering::Relaxed);
        let step = seen.saturating_sub(offset);
        if step <= FOLLOWED {
            self.forget_step();
        }
        if step > 0 && (step <= FOLLOWED || self.is_step_right(seen, monotonic, step)) {
            offset = self.offset.fetch_max(seen, Ordering::Relaxed).max(seen);
        }
        let now = monotonic.saturating_add(offset);
        Duration::from_nanos(u64::try_from(now).unwrap_or(0))
    }

    /// Returns how far the system's clock is ahead while that is not followed, in seconds.
    pub(crate) fn held_back(&self) -> u64 {
        let held = *self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = held.map(|held| held.offset.saturating_sub(self.offset.load(Ordering::Relaxed)));
        u64::try_from(ahead.unwrap_or(0) / 1_000_000_000).unwrap_or(0)
    }

    /// Forgets a step that was undone.
    fn forget_step(&self) {
        if self.is_holding.load(Ordering::Relaxed) && self.is_holding.swap(false, Ordering::Relaxed) {
            *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
            tracing::info!("the system clock is right again");
        }
    }

    /// Decides whether a long step of the system's clock is followed now. `seen` is the difference after it.
    fn is_step_right(&self, seen: i64, monotonic: i64, step: i64) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = step / 1_000_000_000;
        let known = held.filter(|held| held.offset.saturating_sub(seen).abs() <= FOLLOWED);
        let has_lasted = known.is_some_and(|held| monotonic.saturating_sub(held.since) >= LASTING);
        if has_lasted || self.sources.is_synchronised() {
            *held = None;
            self.is_holding.store(false, Ordering::Relaxed);
            tracing::warn!(seconds, "the system clock was set forward, and is followed from now on");
            return true;
        }
        if known.is_none() {
            *held = Some(Held { offset: seen, since: monotonic });
            self.is_holding.store(true, Ordering::Relaxed);
            tracing::warn!(
                seconds,
                "the system clock was set forward; it is followed once that has lasted ten minutes, or a time service \
                 confirms it; running sessions keep their time"
            );
        }
        false
    }

    /// Returns the time in milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns how long it is until `at_ms`. Zero once that moment has come.
    pub(crate) fn until(&self, at_ms: u64) -> Duration {
        Duration::from_millis(at_ms).saturating_sub(self.now())
    }

    /// Returns the time since the machine was started.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Fake(Mutex<(Duration, Duration)>, AtomicBool);

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
        fn is_synchronised(&self) -> bool {
            self.1.load(Ordering::Relaxed)
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
    fn a_short_step_forward_is_followed_at_once() {
        let fake = Arc::new(Fake::default());
        fake.set(1_000, 0);
        let c = clock(&fake, 0);
        fake.set(1_300, 1);
        assert_eq!(c.now().as_secs(), 1_300);
        assert_eq!(c.until(1_302_000), Duration::from_secs(2));
        assert_eq!(c.until(1_000_000), Duration::ZERO);
    }

    #[test]
    fn a_long_step_forward_is_held_back_until_it_has_lasted_inv_2() {
        let fake = Arc::new(Fake::default());
        fake.set(1_000, 0);
        let c = clock(&fake, 0);
        for passed in [1, 300, 600] {
            fake.set(5_000 + passed, passed);
            assert_eq!((c.now().as_secs(), c.held_back()), (1_000 + passed, 4_000), "{passed}");
        }
        fake.set(5_601, 601);
        assert_eq!((c.now().as_secs(), c.held_back()), (5_601, 0));
    }

    #[test]
    fn a_step_that_is_undone_or_followed_by_another_begins_anew_inv_2() {
        let fake = Arc::new(Fake::default());
        fake.set(1_000, 0);
        let c = clock(&fake, 0);
        fake.set(5_000, 1);
        assert_eq!(c.now().as_secs(), 1_001);
        fake.set(1_400, 400);
        assert_eq!((c.now().as_secs(), c.held_back()), (1_400, 0));
        fake.set(5_500, 500);
        assert_eq!(c.now().as_secs(), 1_500);
        fake.set(9_000, 1_000);
        assert_eq!(c.now().as_secs(), 2_000, "it is another step");
        fake.set(9_200, 1_200);
        assert_eq!(c.now().as_secs(), 2_200, "the first would have lasted by now");
        fake.set(9_600, 1_600);
        assert_eq!(c.now().as_secs(), 9_600);
    }

    #[test]
    fn a_step_that_a_time_service_vouches_for_is_followed_at_once() {
        let fake = Arc::new(Fake::default());
        fake.set(1_000, 0);
        let c = clock(&fake, 0);
        fake.set(5_001, 1);
        assert_eq!(c.now().as_secs(), 1_001);
        fake.1.store(true, Ordering::Relaxed);
        assert_eq!((c.now().as_secs(), c.held_back()), (5_001, 0));
    }

    /// While the machine runs on, a restart of the process is no way around it.
    #[test]
    fn a_step_between_two_starts_of_one_boot_is_held_back_too_inv_2() {
        let fake = Arc::new(Fake::default());
        fake.set(90_000, 100);
        let floor = |is_of_this_boot| Floor { at: Duration::from_secs(5_000), is_of_this_boot };
        let here = SteadyClock::new(fake.clone(), floor(true));
        assert_eq!((here.now().as_secs(), here.held_back()), (5_000, 85_000));
        let rebooted = SteadyClock::new(fake.clone(), floor(false));
        assert_eq!((rebooted.now().as_secs(), rebooted.held_back()), (90_000, 0));
    }

    #[test]
    fn the_devices_clock_follows_no_step_inv_4() {
        let fake = Arc::new(Fake::default());
        fake.set(1_000, 0);
        let c = clock(&fake, 0);
        let devices = c.unset();
        fake.set(1_300, 1);
        assert_eq!((c.now().as_secs(), devices.now().as_secs()), (1_300, 1_001));
        assert_eq!(c.ms_ahead_of(&devices), 299_000);
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
}
