//! The gateways of a world: one process on one database, or a process for each shard.

mod kv;
mod platform;
mod shards;
mod site_ports;
mod whole;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::task::Waker;

use coinop_core::http::{Request, Response};
use coinop_core::settlement::{FeePayers, LocalSettlement, Rpc};
use coinop_core::sharded::ShardKey;
use coinop_core::testkit::keys;

use crate::executor::Process;
use crate::node::NodeClient;
use crate::plan::Keeping;
use crate::random::Random;
use crate::world::World;

use kv::Kv;
use shards::Site;
use whole::Whole;

/// The gateways of a world.
pub(crate) struct Gateways {
    keeping: Keeping,
    random: Random,
    world: Weak<World>,
    processes: Cell<u32>,
    whole: Whole,
    sites: RefCell<BTreeMap<ShardKey, Rc<Site>>>,
    kv: Kv,
    /// Who waits for the next append.
    waiting: RefCell<Vec<Waker>>,
    appends: Cell<u64>,
    /// The lines that gateways have logged. None may hold a secret.
    logged: Cell<u64>,
}

impl Gateways {
    pub(crate) fn new(keeping: Keeping, random: Random, world: Weak<World>) -> Self {
        Self {
            keeping,
            random,
            world,
            processes: Cell::new(0),
            whole: Whole::default(),
            sites: RefCell::default(),
            kv: Kv::default(),
            waiting: RefCell::default(),
            appends: Cell::new(0),
            logged: Cell::new(0),
        }
    }

    fn world(&self) -> Rc<World> {
        self.world.upgrade().unwrap_or_else(|| panic!("the world is gone"))
    }

    fn new_process(&self) -> Process {
        self.processes.set(self.processes.get() + 1);
        Process(self.processes.get())
    }

    /// Starts what runs without a request.
    pub(crate) fn start(&self) {
        if self.keeping != Keeping::Sharded {
            self.start_whole();
        }
        if self.keeping == Keeping::Spin {
            self.start_ticking();
        }
    }

    /// Answers a client; `None` if the connection breaks.
    pub(crate) async fn answer(&self, request: Request) -> Option<Response> {
        match self.keeping {
            Keeping::Serve | Keeping::Spin => self.answer_whole(request).await,
            Keeping::Sharded => self.answer_sharded(request).await,
        }
    }

    /// Kills a process with everything that runs in it.
    pub(crate) fn crash(&self, process: Process) {
        let world = self.world();
        world.trace.note(world.exec.now(), || format!("{process:?} dies"));
        world.exec.kill(process);
        match self.keeping {
            Keeping::Serve | Keeping::Spin => self.whole_died(process),
            Keeping::Sharded => self.shard_died(process),
        }
    }

    /// Ends all shards, whose ports hold them.
    pub(crate) fn clear(&self) {
        for site in self.sites.take().into_values() {
            site.end();
        }
    }

    /// Wakes who waits for an append.
    pub(crate) fn nudge(&self) {
        self.appends.set(self.appends.get() + 1);
        for waker in self.waiting.take() {
            waker.wake();
        }
    }

    pub(crate) fn log(&self, line: &str) {
        self.logged.set(self.logged.get() + 1);
        let world = self.world();
        world.trace.note(world.exec.now(), || format!("log: {line}"));
    }

    /// Returns a settlement as a process has it: it forgets what it remembers when the process dies.
    fn settlement(&self, process: Process) -> LocalSettlement<NodeClient> {
        let world = self.world();
        let pay_to = world.merchant();
        let fee_payers =
            FeePayers::new(vec![keys::fee_payer()], &pay_to).unwrap_or_else(|error| panic!("{error}"));
        let client = NodeClient { world: world.weak(), process };
        LocalSettlement::new(Rpc::new(client, world.deployment.config.rpc_url.clone()), fee_payers)
    }
}
