//! Tests of the worker with a device that can be slow, that can fail and that may not say its state.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::json;

use super::worker::{Target, Worker};
use super::*;
use crate::clock::Sources;
use crate::drivers::{Driver, Failed, LockState, Working};

#[derive(Default)]
struct Fake {
    open: bool,
    /// Every change, in order.
    log: Vec<(&'static str, Option<Instant>)>,
    unlock_hangs: bool,
    lock_fails: u32,
    check_is_deaf: bool,
    check_hangs: bool,
}

#[derive(Clone, Default)]
struct Handle(Arc<Mutex<Fake>>);

impl Handle {
    fn set(&self, change: impl FnOnce(&mut Fake)) {
        change(&mut self.0.lock().unwrap());
    }
    fn open(&self) -> bool {
        self.0.lock().unwrap().open
    }
    fn log(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().log.iter().map(|l| l.0).collect()
    }
    fn last(&self) -> Instant {
        self.0.lock().unwrap().log.last().unwrap().1.unwrap()
    }
}

impl Driver for Handle {
    fn unlock(&mut self) -> Working<'_, Result<(), Failed>> {
        Box::pin(async {
            let hangs = self.0.lock().unwrap().unlock_hangs;
            self.set(|f| {
                f.open = true;
                f.log.push(("unlock", Some(Instant::now())));
            });
            if hangs {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    }
    fn lock(&mut self) -> Working<'_, Result<(), Failed>> {
        Box::pin(async {
            let mut fake = self.0.lock().unwrap();
            if fake.lock_fails > 0 {
                fake.lock_fails -= 1;
                fake.log.push(("lock failed", Some(Instant::now())));
                return Err(Failed::perhaps("stuck".into()));
            }
            fake.open = false;
            fake.log.push(("lock", Some(Instant::now())));
            Ok(())
        })
    }
    fn check(&mut self) -> Working<'_, LockState> {
        let fake = self.0.lock().unwrap();
        if fake.check_hangs {
            return Box::pin(std::future::pending());
        }
        let state = match (fake.check_is_deaf, fake.open) {
            (true, _) => LockState::Unknown,
            (false, true) => LockState::Unlocked,
            (false, false) => LockState::Locked,
        };
        drop(fake);
        Box::pin(std::future::ready(state))
    }
    fn can_look(&self) -> bool {
        true
    }
}

struct Rig {
    device: Handle,
    clock: SteadyClock,
    targets: watch::Sender<Target>,
    reports: mpsc::UnboundedReceiver<ReportedState>,
    worker: JoinHandle<bool>,
}

impl Rig {
    fn new(device: Handle) -> Self {
        Self::with(device, SteadyClock::system(Duration::ZERO))
    }

    fn with(device: Handle, clock: SteadyClock) -> Self {
        let (targets, target) = watch::channel(Target::default());
        let (tell, reports) = mpsc::unbounded_channel();
        let worker = Worker::new(
            "door".into(),
            Box::new(device.clone()),
            target,
            clock.clone(),
            Metrics::new().unwrap(),
            tell,
            None,
        );
        Self { device, clock, targets, reports, worker: tokio::spawn(worker.run()) }
    }

    fn order(&self, sequence: u64, unlocked_for_ms: Option<u64>) {
        let order = DesiredState {
            asset: "door".into(),
            sequence,
            unlocked_until_ms: unlocked_for_ms.map(|ms| self.clock.now_ms() + ms),
        };
        self.targets.send_if_modified(|target| target.take(&order));
    }

    async fn report(&mut self) -> (u64, LockState) {
        let report = tokio::time::timeout(Duration::from_secs(5), self.reports.recv());
        let report = report.await.unwrap().unwrap();
        (report.sequence, report.state)
    }

    async fn close(self) -> bool {
        self.targets.send_modify(|w| w.closing = true);
        self.worker.await.unwrap()
    }
}

/// Invariant 4: the device is locked when the paid time ends, without another order.
#[tokio::test]
async fn it_locks_by_itself_and_on_time() {
    let mut rig = Rig::new(Handle::default());
    let ordered = Instant::now();
    rig.order(1, Some(400));
    assert_eq!(rig.report().await, (1, LockState::Unlocked));
    assert!(rig.device.open());
    assert_eq!(rig.report().await, (1, LockState::Locked));
    let late = rig.device.last() - ordered - Duration::from_millis(400);
    assert!(late < Duration::from_millis(300), "{late:?}");
    assert!(!rig.device.open());
    assert!(rig.close().await);
}

/// Invariant 4: an unlock that hangs is ended so that the device can be locked.
#[tokio::test]
async fn a_hanging_unlock_does_not_outlast_its_permission() {
    let mut rig = Rig::new(Handle::default());
    rig.device.set(|f| f.unlock_hangs = true);
    rig.order(1, Some(300));
    assert_eq!(rig.report().await, (1, LockState::Unknown), "it may have been open");
    assert_eq!(rig.report().await, (1, LockState::Locked));
    assert_eq!(rig.device.log(), ["unlock", "lock"]);
}

/// Invariant 4: a check that hangs does not keep a device unlocked.
#[tokio::test]
async fn a_check_that_hangs_keeps_no_device_open() {
    let rig = Rig::new(Handle::default());
    rig.device.set(|f| f.check_hangs = true);
    rig.order(1, Some(60_000));
    while !rig.device.log().contains(&"unlock") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // A shorter order makes the worker look at the device again.
    let ordered = Instant::now();
    rig.order(2, Some(700));
    while rig.device.open() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let late = (rig.device.last() - ordered).saturating_sub(Duration::from_millis(700));
    assert!(late < Duration::from_millis(300), "{late:?}");
}

/// Invariant 4: nor does it keep a device unlocked that was open at the start.
#[tokio::test]
async fn a_check_that_hangs_at_the_start_keeps_no_device_open() {
    let device = Handle::default();
    device.set(|f| (f.open, f.check_hangs) = (true, true));
    let started = Instant::now();
    let rig = Rig::new(device);
    while rig.device.open() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(started.elapsed() < Duration::from_millis(1_000), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_lock_order_interrupts_a_hanging_unlock() {
    let mut rig = Rig::new(Handle::default());
    rig.device.set(|f| f.unlock_hangs = true);
    rig.order(1, Some(60_000));
    while !rig.device.open() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    rig.order(2, None);
    assert_eq!(rig.report().await, (1, LockState::Unknown), "it may have been open");
    assert_eq!(rig.report().await, (2, LockState::Locked));
}

#[tokio::test]
async fn extending_does_not_touch_the_device() {
    let mut rig = Rig::new(Handle::default());
    let ordered = Instant::now();
    rig.order(1, Some(300));
    assert_eq!(rig.report().await, (1, LockState::Unlocked));
    rig.order(2, Some(700));
    assert_eq!(rig.report().await, (2, LockState::Unlocked));
    assert_eq!(rig.report().await, (2, LockState::Locked));
    assert!(rig.device.last() - ordered >= Duration::from_millis(650));
    assert_eq!(rig.device.log(), ["unlock", "lock"]);
}

/// Invariant 3: a repeated order is answered again, and an older one is not obeyed.
#[tokio::test]
async fn repeats_are_answered_and_stale_orders_are_not_obeyed() {
    let mut rig = Rig::new(Handle::default());
    rig.order(5, Some(60_000));
    assert_eq!(rig.report().await, (5, LockState::Unlocked));
    rig.order(5, Some(60_000));
    assert_eq!(rig.report().await, (5, LockState::Unlocked));
    rig.order(4, None);
    rig.order(6, None);
    assert_eq!(rig.report().await, (6, LockState::Locked));
    rig.order(5, Some(60_000));
    rig.order(6, None);
    assert_eq!(rig.report().await, (6, LockState::Locked));
    assert_eq!(rig.device.log(), ["unlock", "lock"]);
}

/// Invariants 3 and 4: the worker tries for ever to lock a device, and a device that was not seen locked
/// counts as unknown.
#[tokio::test]
async fn locking_is_tried_until_it_is_seen() {
    let mut rig = Rig::new(Handle::default());
    rig.order(1, Some(60_000));
    assert_eq!(rig.report().await, (1, LockState::Unlocked));
    rig.device.set(|f| f.lock_fails = 2);
    rig.order(2, None);
    assert_eq!(rig.report().await, (2, LockState::Unlocked));
    assert_eq!(rig.report().await, (2, LockState::Locked));
    assert_eq!(rig.device.log(), ["unlock", "lock failed", "lock failed", "lock"]);
    rig.device.set(|f| f.check_is_deaf = true);
    rig.order(3, None);
    assert_eq!(rig.report().await, (3, LockState::Unknown));
    rig.device.set(|f| f.check_is_deaf = false);
    assert_eq!(rig.report().await, (3, LockState::Locked));
}

/// Invariant 4: a device that is found open after a crash, without an order, is locked.
#[tokio::test]
async fn found_open_without_an_order_it_is_locked() {
    let device = Handle::default();
    device.set(|f| f.open = true);
    let mut rig = Rig::new(device);
    assert_eq!(rig.report().await, (0, LockState::Locked));
    assert_eq!(rig.device.log(), ["lock"]);
}

#[tokio::test]
async fn found_open_and_still_paid_it_stays_open() {
    let device = Handle::default();
    device.set(|f| f.open = true);
    let mut rig = Rig::new(device);
    rig.order(7, Some(300));
    assert_eq!(rig.report().await, (7, LockState::Unlocked));
    assert_eq!(rig.report().await, (7, LockState::Locked));
    assert_eq!(rig.device.log(), ["lock"]);
}

#[tokio::test]
async fn going_down_locks() {
    let mut rig = Rig::new(Handle::default());
    rig.order(1, Some(60_000));
    assert_eq!(rig.report().await, (1, LockState::Unlocked));
    let device = rig.device.clone();
    assert!(rig.close().await);
    assert!(!device.open());
}

/// The controller that gives the orders has ended without notice.
#[tokio::test]
async fn left_alone_it_locks() {
    let mut rig = Rig::new(Handle::default());
    rig.order(1, Some(60_000));
    assert_eq!(rig.report().await, (1, LockState::Unlocked));
    drop(rig.targets);
    assert!(rig.worker.await.unwrap());
    assert!(!rig.device.open());
}

/// Invariant 4: a clock that is set back keeps no door open, and a clock that leaps forward locks it.
#[tokio::test]
async fn a_clock_that_jumps_holds_nothing_open() {
    struct Jumpy(Mutex<i64>, Instant);
    impl Sources for Jumpy {
        fn wall(&self) -> Duration {
            let ms = i64::try_from(self.1.elapsed().as_millis()).unwrap() + *self.0.lock().unwrap();
            Duration::from_millis(u64::try_from(ms).unwrap())
        }
        fn monotonic(&self) -> Duration {
            self.1.elapsed()
        }
    }
    let sources = Arc::new(Jumpy(Mutex::new(1_700_000_000_000), Instant::now()));
    let clock = SteadyClock::new(sources.clone(), Duration::ZERO).unset();
    let mut rig = Rig::with(Handle::default(), clock);
    let ordered = Instant::now();
    rig.order(1, Some(500));
    assert_eq!(rig.report().await, (1, LockState::Unlocked));
    *sources.0.lock().unwrap() -= 3_600_000;
    assert_eq!(rig.report().await, (1, LockState::Locked));
    assert!(ordered.elapsed() < Duration::from_millis(1_000));
    rig.order(2, Some(60_000));
    assert_eq!(rig.report().await, (2, LockState::Unlocked));
    // A clock that is set forward takes no paid time.
    let ordered = Instant::now();
    rig.order(3, Some(1_000));
    assert_eq!(rig.report().await, (3, LockState::Unlocked));
    *sources.0.lock().unwrap() += 3_600_000 + 120_000;
    assert_eq!(rig.report().await, (3, LockState::Locked));
    assert!((900..1_500).contains(&ordered.elapsed().as_millis()), "{:?}", ordered.elapsed());
}

/// Tests the whole path through [`Devices`] with real processes.
#[tokio::test]
async fn a_file_appears_and_disappears() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("open");
    let settings =
        json!({"unlock": ["touch", "open"], "lock": ["rm", "-f", "open"], "check": ["test", "-e", "open"]});
    let device = Device {
        asset: "filed-door".into(),
        driver: "exec".into(),
        settings: settings.as_object().unwrap().clone(),
        folder: dir.path().to_owned(),
    };
    let clock = SteadyClock::system(Duration::ZERO);
    let (tell, mut reports) = mpsc::unbounded_channel();
    let devices = Devices::start(vec![device], &clock, &Metrics::new().unwrap(), &tell, &Pulses::new(), 0);
    let until = clock.now_ms() + 1_000;
    let order = |sequence, unlocked_until_ms| DesiredState {
        asset: "filed-door".into(),
        sequence,
        unlocked_until_ms,
    };
    let found = reports.recv().await.unwrap();
    assert_eq!((found.state, found.away_since_ms), (LockState::Locked, Some(0)), "before the first order");
    devices.targets().give(&order(1, Some(until)));
    assert_eq!(reports.recv().await.unwrap().state, LockState::Unlocked);
    assert!(file.exists());
    assert_eq!(reports.recv().await.unwrap().state, LockState::Locked);
    assert!(!file.exists());
    assert!(clock.now_ms() < until + 500);
    devices.targets().give(&order(2, Some(until + 60_000)));
    assert_eq!(reports.recv().await.unwrap().state, LockState::Unlocked);
    assert!(devices.close(Duration::from_secs(5)).await.is_empty());
    assert!(!file.exists());
}

#[tokio::test]
async fn a_device_that_will_not_lock_is_named() {
    let device = Device {
        asset: "stuck".into(),
        driver: "exec".into(),
        settings: json!({"unlock": ["true"], "lock": ["false"]}).as_object().unwrap().clone(),
        folder: ".".into(),
    };
    let clock = SteadyClock::system(Duration::ZERO);
    let (tell, _reports) = mpsc::unbounded_channel();
    let devices = Devices::start(vec![device], &clock, &Metrics::new().unwrap(), &tell, &Pulses::new(), 0);
    assert_eq!(devices.close(Duration::from_millis(300)).await, ["stuck"]);
}
