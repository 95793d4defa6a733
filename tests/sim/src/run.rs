//! Runs one world from its plan: the time of faults, then the time in which everything heals.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use coinop_core::testkit::keys;

use crate::actors::{self, HEALING_MS};
use crate::economy::check_loss;
use crate::executor::OUTSIDE;
use crate::plan::{Fault, Keeping, Plan, SIEGE_BEGINS_MS};
use crate::world::{FEE_PAYER_LAMPORTS, World};

/// What a world came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ran {
    pub(crate) steps: u64,
    pub(crate) appends: u64,
    pub(crate) grants: u64,
    pub(crate) calls: u64,
    /// What a siege has cost whom, in words; `None` if there was none.
    pub(crate) siege: Option<String>,
}

/// A world in which something was not as it must be.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) why: String,
    pub(crate) trace: Vec<String>,
}

/// Runs the world of this plan.
///
/// # Errors
/// What was not as it must be, with a trace if it is wanted.
pub(crate) fn run(plan: &Plan, wants_trace: bool) -> Result<Ran, Broken> {
    run_in(&World::new(plan.clone()), wants_trace)
}

/// Runs this world, which is new.
///
/// # Errors
/// What was not as it must be, with a trace if it is wanted.
pub(crate) fn run_in(world: &Rc<World>, wants_trace: bool) -> Result<Ran, Broken> {
    if wants_trace {
        world.trace.want();
    }
    let ran = catch_unwind(AssertUnwindSafe(|| play(world)));
    let trace = world.trace.take();
    // The tasks hold the world, and the world holds the tasks.
    let cleared = catch_unwind(AssertUnwindSafe(|| {
        world.exec.clear();
        world.gateways.clear();
    }));
    ran.map_err(|panic| Broken { why: words(panic.as_ref()), trace: trace.clone() })
        .and_then(|ran| cleared.map(|()| ran).map_err(|panic| Broken { why: words(panic.as_ref()), trace }))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

fn play(world: &Rc<World>) -> Ran {
    {
        let mut chain = world.chain.borrow_mut();
        chain.open(world.token_account(&world.merchant()), world.merchant(), 0);
        chain.fund(keys::address(&keys::fee_payer()), FEE_PAYER_LAMPORTS);
    }
    world.audit.borrow_mut().books.is_clock_set = world.plan.rate(Fault::ClockStep) > 0;
    world.gateways.start();
    actors::start(world);
    spoil(world);
    let length = world.plan.length;
    for at in (10_000..length).step_by(10_000) {
        world.exec.run_until(at);
        world.chain.borrow_mut().advance(at);
        world.check_money();
        world.check_tables();
        world.check_released();
    }
    world.exec.run_until(length);
    world.is_open.set(false);
    world.is_faulty.set(false);
    world.chain.borrow_mut().stop_forks();
    world.clock.correct();
    // Sessions of some minutes end, and blockhashes die.
    // What was sold while a clock without a monotonic one beside it was ahead ends only when it has caught up.
    let ahead = if world.plan.keeping == Keeping::Spin { world.clock.most_ahead() } else { 0 };
    world.exec.run_until(length + HEALING_MS + 1_800_000 + ahead);
    world.chain.borrow_mut().advance(world.exec.now());
    world.check_healed();
    let audit = world.audit.borrow();
    let mut siege = None;
    let (lost, earned) = audit.books.fees();
    let per_day = world.deployment.config.settlement.max_fee_lamports_per_day;
    if !audit.is_impaired() {
        check_loss(lost, earned, per_day, world.exec.now());
    }
    if world.plan.siege.is_some() {
        let economy = world.economy.borrow();
        siege = Some(economy.line(lost, SIEGE_BEGINS_MS));
        economy.check(lost, SIEGE_BEGINS_MS);
    }
    Ran {
        steps: world.exec.steps(),
        appends: audit.appends,
        grants: audit.grants,
        calls: world.node.calls(),
        siege,
    }
}

/// Starts what spoils the world as a whole.
fn spoil(world: &Rc<World>) {
    if world.plan.keeping == Keeping::Sharded {
        return;
    }
    if world.plan.rate(Fault::ClockStep) > 0 {
        world.exec.spawn(OUTSIDE, step_clock(Rc::clone(world)));
    }
    if world.plan.rate(Fault::StorageRestored) > 0 {
        world.exec.spawn(OUTSIDE, back_up(Rc::clone(world)));
    }
}

/// Sets the wall clock now and then.
async fn step_clock(world: Rc<World>) {
    while world.is_faulty.get() {
        world.pause(5_000..60_000).await;
        if world.fails(Fault::ClockStep, &world.storage_random) {
            let by = i64::try_from(world.draws.within(0..7_200_000)).unwrap_or_default() - 3_600_000;
            let by = if world.draws.happens(5_000) { by / 1_000 } else { by };
            world.trace.note(world.exec.now(), || format!("the wall clock is set by {by} ms"));
            world.clock.set(by);
        }
    }
}

/// Makes a copy of the database now and then.
async fn back_up(world: Rc<World>) {
    while world.is_faulty.get() {
        world.pause(5_000..90_000).await;
        world.gateways.file().back_up();
    }
}
