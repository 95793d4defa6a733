//! A gateway with one database, on one machine with its devices, as `coinop serve` is.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use coinop_core::http::{Context, Request, Response, handle};
use coinop_core::store::SqlJournal;
use coinop_core::{Gateway, Timestamp};

use super::Gateways;
use super::platform::WholePlatform;
use crate::executor::{OUTSIDE, Process};
use crate::machine::Machine;
use crate::plan::{Fault, Keeping};
use crate::storage::{Database, File};
use crate::world::World;

/// After how long at the latest the guardian has locked everything when a gateway has died, in milliseconds.
const GUARDIAN_MS: u64 = 6_000;
/// After how long at the latest somebody starts a gateway again, in milliseconds.
const RESTART_MS: u64 = 60_000;
/// How often an operator's timer asks Spin to carry out what is due, in milliseconds.
const TICK_MS: u64 = 15_000;
/// How long the loops wait after storage has failed, in milliseconds.
const AGAIN_MS: u64 = 1_000;

/// The one gateway.
pub(crate) struct Whole {
    pub(super) file: Rc<File>,
    /// The process that runs, and its ports.
    running: RefCell<Option<(Process, Rc<WholePlatform>)>>,
    /// When the last one died, in milliseconds since the world began.
    died_at: Cell<u64>,
}

impl Default for Whole {
    fn default() -> Self {
        Self { file: Rc::new(File::new()), running: RefCell::default(), died_at: Cell::default() }
    }
}

impl Gateways {
    pub(crate) fn file(&self) -> &File {
        &self.whole.file
    }

    /// Starts the gateway, as an operator or a service manager does.
    pub(super) fn start_whole(&self) {
        let world = self.world();
        let process = self.new_process();
        let machine = Machine { world: world.weak(), process };
        self.whole.file.has_tables.set(true);
        let database =
            Database { world: world.weak(), file: Rc::clone(&self.whole.file), process, is_remote: true };
        let platform = Rc::new(WholePlatform {
            machine,
            journal: SqlJournal::new(database, world.deployment.config.merchant.id.clone()),
            settlement: self.settlement(process),
        });
        *self.whole.running.borrow_mut() = Some((process, Rc::clone(&platform)));
        world.trace.note(world.exec.now(), || format!("{process:?} starts"));
        let exec = &world.exec;
        if self.keeping == Keeping::Serve {
            exec.spawn(process, operate_devices(Rc::clone(&world), Rc::clone(&platform)));
            exec.spawn(process, settle(Rc::clone(&world), platform));
        } else {
            exec.spawn(process, prepare(Rc::clone(&world), platform));
        }
    }

    pub(super) async fn answer_whole(&self, request: Request) -> Option<Response> {
        let (process, platform) = self.whole.running.borrow().clone()?;
        let world = self.world();
        let inside = Rc::clone(&world);
        let work = async move {
            let context = Context::new(&inside.deployment, &*platform);
            handle(&context, &request).await
        };
        let answer = world.exec.call(process, work).await;
        if self.keeping == Keeping::Spin {
            self.run_due();
        }
        answer
    }

    /// Carries out what is due, as Spin's component does after an answer.
    fn run_due(&self) {
        let Some((process, platform)) = self.whole.running.borrow().clone() else { return };
        let world = self.world();
        let inside = Rc::clone(&world);
        world.exec.spawn(process, async move {
            let gateway = Gateway::new(&inside.deployment, &*platform);
            let _ = gateway.step(false, Vec::new()).await;
            let _ = gateway.settle_due().await;
        });
    }

    /// Asks now and then for what is due, as an operator's timer does on Spin.
    pub(super) fn start_ticking(&self) {
        let world = self.world();
        let inside = Rc::clone(&world);
        world.exec.spawn(OUTSIDE, async move {
            loop {
                inside.exec.sleep(TICK_MS).await;
                inside.gateways.run_due();
            }
        });
    }

    pub(super) fn whole_died(&self, process: Process) {
        if self.whole.running.borrow().as_ref().is_none_or(|(running, _)| *running != process) {
            return;
        }
        *self.whole.running.borrow_mut() = None;
        let world = self.world();
        self.whole.died_at.set(world.exec.now());
        world.devices.let_go(GUARDIAN_MS);
        let guarded = self.random.within(0..GUARDIAN_MS - 1_000);
        let reboots = world.fails(Fault::Reboot, &self.random);
        let restores = world.fails(Fault::StorageRestored, &self.random);
        let away = self.random.within(0..RESTART_MS);
        let inside = Rc::clone(&world);
        world.exec.spawn(OUTSIDE, async move {
            inside.exec.sleep(guarded).await;
            inside.devices.lock_all();
            inside.exec.sleep(away).await;
            if reboots {
                inside.reboot();
                inside.clock.reboot(guarded + away);
                inside.time_was_lost(guarded + away);
            }
            if restores && inside.gateways.whole.file.restore() {
                inside.restored();
            }
            inside.gateways.start_whole();
        });
    }

    /// Waits until something was appended since `seen` appends, or until this moment.
    async fn appended(&self, seen: u64, until: u64) {
        let world = self.world();
        let next = poll_fn(|context| {
            if self.appends.get() != seen {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        });
        let time = world.exec.sleep_until(until);
        futures::future::select(std::pin::pin!(next), std::pin::pin!(time)).await;
    }
}

/// The loop that looks after the devices.
async fn operate_devices(world: Rc<World>, platform: Rc<WholePlatform>) {
    let gateway = Gateway::new(&world.deployment, &*platform);
    let mut is_first = true;
    loop {
        if is_first && platform.journal.prepare().await.is_err() {
            world.exec.sleep(AGAIN_MS).await;
            continue;
        }
        let seen = world.gateways.appends.get();
        let mut reports = world.devices.take_reports(&world);
        if is_first {
            let away = world.exec.now().saturating_sub(world.gateways.whole.died_at.get());
            let away_since = Timestamp::from_millis(world.wall().millis().saturating_sub(away));
            reports.splice(0..0, world.devices.found(away_since));
        }
        let kept = reports.clone();
        match gateway.step(is_first, reports).await {
            Ok(plan) => {
                is_first = false;
                for planned in plan.states {
                    let until = planned.state.unlocked_until();
                    world.devices.order(
                        &world,
                        platform.machine.process,
                        planned.asset.as_str(),
                        planned.state.sequence,
                        until,
                    );
                }
                let now = world.exec.now();
                let next = plan.next.map_or(now + 10_000, |next| now + next.millis_since(world.wall()));
                world.gateways.appended(seen, next.max(now + 50)).await;
            }
            Err(_) => {
                world.devices.keep_reports(kept);
                world.exec.sleep(AGAIN_MS).await;
            }
        }
    }
}

/// Makes the tables. Until then requests fail.
async fn prepare(world: Rc<World>, platform: Rc<WholePlatform>) {
    while platform.journal.prepare().await.is_err() {
        world.exec.sleep(AGAIN_MS).await;
    }
}

/// The loop that settles payments without an answer.
async fn settle(world: Rc<World>, platform: Rc<WholePlatform>) {
    let gateway = Gateway::new(&world.deployment, &*platform);
    world.exec.sleep(AGAIN_MS).await;
    loop {
        let seen = world.gateways.appends.get();
        let now = match gateway.settle_due().await {
            Ok(next) => {
                let now = world.exec.now();
                let next = next.map_or(now + 30_000, |next| now + next.millis_since(world.wall()));
                world.gateways.appended(seen, next).await;
                now
            }
            Err(_) => world.exec.now(),
        };
        world.exec.sleep_until(now + AGAIN_MS).await;
    }
}
