//! The devices beside a gateway, and the host's part that works them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use coinop_core::device::{LockState, Report, ReportedState};
use coinop_core::{AssetId, StreamId, Timestamp};

use crate::executor::{OUTSIDE, Process};
use crate::plan::Fault;
use crate::random::Random;
use crate::world::World;

/// How long a device may take to answer, in milliseconds. After that it counts as silent.
const SILENT_MS: u64 = 5_000;
/// How long the host waits before it tries again, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// A lock.
#[derive(Default)]
struct Door {
    is_open: Cell<bool>,
    /// Until when it does not do what it is told, in milliseconds since the world began.
    excused_until: Cell<u64>,
    /// The order that the host follows: its number, and until when the door is open by the world's own time.
    order: Cell<(u64, Option<u64>)>,
    /// The number of the run of the host's worker; an older one stops.
    run: Cell<u64>,
}

/// All devices of a world.
pub(crate) struct Devices {
    doors: BTreeMap<String, Door>,
    reports: RefCell<Vec<(AssetId, Report)>>,
    random: Random,
    world: Weak<World>,
}

impl Devices {
    pub(crate) fn new(count: usize, random: Random, world: Weak<World>) -> Self {
        let doors = (1..=count).map(|number| (format!("door-{number}"), Door::default())).collect();
        Self { doors, reports: RefCell::default(), random, world }
    }

    /// Returns what the host of a gateway that starts finds its devices doing.
    pub(crate) fn found(&self, away_since: Timestamp) -> Vec<(AssetId, Report)> {
        let found = self.doors.iter().filter_map(|(asset, door)| {
            let found = if door.is_open.get() { LockState::Unlocked } else { LockState::Locked };
            Some((AssetId::parse(asset)?, Report::Began { found, away_since }))
        });
        found.collect()
    }

    /// Returns what devices were seen to do since the last call.
    pub(crate) fn take_reports(&self, _: &World) -> Vec<(AssetId, Report)> {
        self.reports.take()
    }

    /// Keeps reports that could not be written.
    pub(crate) fn keep_reports(&self, kept: Vec<(AssetId, Report)>) {
        self.reports.borrow_mut().splice(0..0, kept);
    }

    /// Gives the host's worker of a device an order.
    pub(crate) fn order(
        &self,
        world: &Rc<World>,
        process: Process,
        asset: &str,
        number: u64,
        until: Option<Timestamp>,
    ) {
        let Some(door) = self.doors.get(asset) else { return };
        let now = world.exec.now();
        let until = until.map(|until| now + until.millis_since(world.wall()));
        world.trace.note(now, || format!("{asset} is ordered {number} until {until:?}"));
        door.order.set((number, until));
        door.run.set(door.run.get() + 1);
        let (run, asset, inside) = (door.run.get(), asset.to_owned(), Rc::clone(world));
        world.exec.spawn(process, async move { inside.devices.follow(&inside, process, &asset, run).await });
    }

    /// Does what the order says until there is another one.
    async fn follow(&self, world: &Rc<World>, process: Process, asset: &str, run: u64) {
        let Some(door) = self.doors.get(asset) else { return };
        let (number, until) = door.order.get();
        let is_current = || door.run.get() == run;
        while let Some(until) = until.filter(|until| *until > world.exec.now()) {
            let did = self.tell(world, asset, run, true).await;
            if !is_current() {
                return;
            }
            let seen = if did == Some(true) { LockState::Unlocked } else { LockState::Unknown };
            self.report(world, asset, number, seen, did == Some(false));
            if did == Some(true) {
                world.exec.sleep_until(until).await;
                break;
            }
            world.exec.sleep(RETRY_MS.min(until.saturating_sub(world.exec.now()))).await;
        }
        while is_current() {
            world.point(process).await;
            let did = self.tell(world, asset, run, false).await == Some(true);
            if !is_current() {
                return;
            }
            self.report(
                world,
                asset,
                number,
                if did { LockState::Locked } else { LockState::Unknown },
                false,
            );
            if did {
                return;
            }
            world.exec.sleep(RETRY_MS).await;
        }
    }

    fn report(&self, world: &World, asset: &str, number: u64, state: LockState, failed: bool) {
        if let Some(asset) = AssetId::parse(asset) {
            let seen = ReportedState::of_lock(number, state, world.wall()).with_failed(failed);
            self.reports.borrow_mut().push((asset, Report::Seen(seen)));
            world.gateways.nudge();
        }
    }

    /// Tells a device to open or to close. Returns whether it says that it did; `None` without an answer. The worker of a new order has what an older
    /// one began ended first.
    async fn tell(&self, world: &World, asset: &str, run: u64, opens: bool) -> Option<bool> {
        let door = self.doors.get(asset)?;
        let random = &self.random;
        world.exec.sleep(random.within(5..400)).await;
        if door.run.get() != run {
            return None;
        }
        let fault = [Fault::DeviceHangs, Fault::DeviceFails, Fault::DeviceLies];
        let fault = fault.into_iter().find(|fault| world.fails(*fault, random));
        if fault.is_some() {
            let until = world.exec.now() + SILENT_MS + 2 * RETRY_MS;
            door.excused_until.set(door.excused_until.get().max(until));
        }
        match fault {
            Some(Fault::DeviceHangs) => {
                world.exec.sleep(SILENT_MS).await;
                None
            }
            Some(Fault::DeviceLies) => {
                // Nothing but its own answer tells that it did nothing.
                door.excused_until.set(u64::MAX);
                Some(true)
            }
            Some(_) => Some(false),
            None => {
                door.excused_until.set(0);
                world.moved(asset, door.is_open.replace(opens), opens);
                Some(true)
            }
        }
    }

    /// Locks everything, as the guardian does when the gateway has died.
    pub(crate) fn lock_all(&self) {
        let Some(world) = self.world.upgrade() else { return };
        for (asset, door) in &self.doors {
            door.run.set(door.run.get() + 1);
            world.moved(asset, door.is_open.replace(false), false);
        }
    }

    /// Forgets what a gateway that died has heard of devices. What did not do as it was told is now the guardian's, which
    /// has it locked within so many milliseconds.
    pub(crate) fn let_go(&self, guardian_ms: u64) {
        self.reports.take();
        let Some(world) = self.world.upgrade() else { return };
        let now = world.exec.now();
        for door in self.doors.values().filter(|door| door.excused_until.get() > now) {
            door.excused_until.set(door.excused_until.get().max(now + guardian_ms));
        }
    }

    /// Tells whether a door is open, and whether it has an excuse.
    pub(crate) fn state(&self, asset: &str, now: u64) -> (bool, bool) {
        self.doors
            .get(asset)
            .map_or((false, true), |door| (door.is_open.get(), now < door.excused_until.get()))
    }

    /// Looks at a door at a moment for which its session has paid, and fails the world if it is locked.
    pub(crate) fn watch_open(&self, world: &Rc<World>, asset: &str, at: u64) {
        let Some(stream) = StreamId::parse(asset) else { return };
        let wanted = move |world: &World| world.audit.borrow().books.wanted(&stream);
        let session = wanted(world);
        let (asset, inside) = (asset.to_owned(), Rc::clone(world));
        world.exec.spawn(OUTSIDE, async move {
            inside.exec.sleep_until(at).await;
            let (is_open, _) = inside.devices.state(&asset, at);
            let is_over = session.is_none() || wanted(&inside) != session;
            assert!(is_open || is_over, "{asset} is locked while it is paid for (inv. 2): it is {at}");
        });
    }

    /// Looks at a door once its paid time is over by `slack` milliseconds, and fails the world if it is open.
    pub(crate) fn watch(&self, world: &Rc<World>, asset: &str, until: u64, slack: u64) {
        let (asset, inside) = (asset.to_owned(), Rc::clone(world));
        world.exec.spawn(OUTSIDE, async move {
            inside.exec.sleep_until(until + slack).await;
            let paid = inside.audit.borrow().paid_until(&asset);
            let (is_open, is_excused) = inside.devices.state(&asset, inside.exec.now());
            assert!(
                !is_open || is_excused || paid + slack > inside.exec.now(),
                "{asset} stands open unpaid (inv. 4): paid until {paid}, it is {}",
                inside.exec.now()
            );
        });
    }
}
