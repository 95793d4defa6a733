//! A gateway whose streams, payers and payments each have a process and a database of their own, as on Workers.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;

use coinop_core::http::{
    Context, Problem, Request, Response, Shard, StatelessOutcome, at_shard, handle_stateless, tick,
};
use coinop_core::ports::PortError;
use coinop_core::sharded::{
    AGAIN_MS, MerchantShard, PayerShard, PaymentShard, ShardKey, ShardServer, ShardedJournal, StreamShard,
    run_due_streams,
};
use coinop_core::{AssetId, Gateway, Timestamp};

use super::Gateways;
use super::platform::ShardPlatform;
use super::site_ports::SitePorts;
use crate::executor::{OUTSIDE, Process};
use crate::storage::{Database, File};
use crate::world::World;

/// How long a request waits until the other shards are told what it did, in milliseconds.
const TELL_MS: u64 = 2_000;
/// How far a reader of the catalogue may be behind, in milliseconds.
const KV_LAG_MS: u64 = 60_000;

/// The place of one shard. It outlives the processes that run there.
pub(crate) struct Site {
    key: ShardKey,
    pub(super) file: Rc<File>,
    pub(super) alarm: Cell<Option<Timestamp>>,
    process: Cell<Process>,
    /// What runs there, until its process dies.
    running: RefCell<Option<Rc<Running>>>,
}

/// What runs in the process of a shard.
enum Running {
    Payer(ShardServer<PayerShard<Database>, SitePorts>),
    Payment(ShardServer<PaymentShard<Database>, SitePorts>),
    Merchant(ShardServer<MerchantShard<Database>, SitePorts>),
    Stream(Box<ShardPlatform>),
}

/// What is asked of a shard.
pub(super) enum Asked {
    /// A client's request.
    Client(Request, bool),
    /// A message from another shard.
    Message(&'static str, String),
    /// Its alarm goes off.
    Alarm,
}

/// What a shard answers.
pub(super) enum Told {
    Client(Response),
    Message(Result<String, PortError>),
    Nothing,
}

impl Gateways {
    fn site(&self, key: &ShardKey) -> Rc<Site> {
        let mut sites = self.sites.borrow_mut();
        let make = || {
            Rc::new(Site {
                key: key.clone(),
                file: Rc::new(File::new()),
                alarm: Cell::default(),
                process: Cell::new(self.new_process()),
                running: RefCell::default(),
            })
        };
        Rc::clone(sites.entry(key.clone()).or_insert_with(make))
    }

    pub(super) fn shard_died(&self, process: Process) {
        for site in self.sites.borrow().values() {
            if site.process.get() == process {
                site.process.set(self.new_process());
                site.running.take();
            }
        }
    }

    /// Returns what KV shows of an asset that was made by API.
    pub(super) fn published(&self, id: &AssetId) -> Option<String> {
        let world = self.world();
        let behind = self.random.within(0..KV_LAG_MS);
        let key = format!("{}/{id}", world.deployment.config.merchant.id);
        self.kv.get(world.exec.now().saturating_sub(behind), &key)
    }

    /// Visits the files of all shards.
    pub(crate) fn each_shard(&self, mut visit: impl FnMut(&ShardKey, &File)) {
        for (key, site) in &*self.sites.borrow() {
            visit(key, &site.file);
        }
    }

    pub(super) async fn answer_sharded(&self, request: Request) -> Option<Response> {
        let world = self.world();
        let outside = SitePorts::outside(&world);
        let platform = platform(&world, outside, OUTSIDE, false);
        platform.reads_kv.set(true);
        let context = Context::new(&world.deployment, &platform);
        let shard = match handle_stateless(&context, &request).await {
            StatelessOutcome::Answered(response) => return Some(response),
            StatelessOutcome::AtShard(task) => task.shard(),
        };
        let reads_kv = matches!(&shard, Shard::Stream(stream) if stream.is_shared());
        let told = self.ask(&key_of(shard), Asked::Client(request, reads_kv)).await;
        Some(match told {
            Some(Told::Client(response)) => response,
            _ => Problem::unavailable().into(),
        })
    }

    /// Asks a shard in its own process; `None` if that dies meanwhile.
    pub(super) async fn ask(&self, key: &ShardKey, asked: Asked) -> Option<Told> {
        let world = self.world();
        let site = self.site(key);
        let process = site.process.get();
        let inside = Rc::clone(&world);
        world.exec.call(process, async move { answer(&inside, site, process, asked).await }).await
    }

    /// Arms the alarm of a shard.
    pub(super) fn arm(&self, site: &Rc<Site>, at: Timestamp) {
        site.alarm.set(Some(at));
        let world = self.world();
        let (site, inside) = (Rc::clone(site), Rc::clone(&world));
        let delay = at.millis_since(world.wall()) + self.random.within(0..30);
        world.exec.spawn(OUTSIDE, async move {
            inside.exec.sleep(delay).await;
            if site.alarm.get() != Some(at) {
                return;
            }
            let again = inside.wall().plus_millis(AGAIN_MS);
            inside.gateways.arm(&site, again);
            inside.gateways.ask(&site.key, Asked::Alarm).await;
        });
    }
}

fn key_of(shard: Shard) -> ShardKey {
    match shard {
        Shard::Stream(stream) => ShardKey::Stream(stream),
        Shard::Payer(payer) => ShardKey::Payer(payer),
        Shard::Merchant => ShardKey::Merchant,
    }
}

fn platform(world: &Rc<World>, ports: SitePorts, process: Process, is_stream: bool) -> ShardPlatform {
    let merchant = world.deployment.config.merchant.id.clone();
    let machine = ports.machine.clone();
    let journal = if is_stream {
        ShardedJournal::of_stream(ports, merchant)
    } else {
        ShardedJournal::read_only(ports, merchant)
    };
    ShardPlatform {
        machine,
        journal,
        settlement: world.gateways.settlement(process),
        reads_kv: Cell::new(false),
    }
}

impl Site {
    /// Ends what runs here.
    pub(super) fn end(&self) {
        self.running.take();
    }

    /// Returns what runs here, and starts it if nothing does.
    fn running(self: &Rc<Self>, world: &Rc<World>) -> Rc<Running> {
        let make = || {
            let process = self.process.get();
            let ports = SitePorts::of(world, self, process);
            let sql = ports.database.clone();
            Rc::new(match &self.key {
                ShardKey::Payer(_) => Running::Payer(ShardServer::new(PayerShard::new(sql), ports)),
                ShardKey::Payment(_) => Running::Payment(ShardServer::new(PaymentShard::new(sql), ports)),
                ShardKey::Merchant => Running::Merchant(ShardServer::new(MerchantShard::new(sql), ports)),
                ShardKey::Stream(_) => Running::Stream(Box::new(platform(world, ports, process, true))),
            })
        };
        Rc::clone(self.running.borrow_mut().get_or_insert_with(make))
    }
}

/// Answers for a shard.
async fn answer(world: &Rc<World>, site: Rc<Site>, process: Process, asked: Asked) -> Told {
    let running = site.running(world);
    match asked {
        Asked::Client(request, reads_kv) => {
            let reader = platform(world, SitePorts::of(world, &site, process), process, false);
            let platform: &ShardPlatform = if let Running::Stream(own) = &*running { own } else { &reader };
            platform.reads_kv.set(reads_kv);
            let response = answer_client(world, platform, &site.key, &request).await;
            tell(world, process, running).await;
            Told::Client(response)
        }
        Asked::Message(name, body) => Told::Message(answer_message(world, &running, name, &body).await),
        Asked::Alarm => {
            run_due(world, &running).await;
            Told::Nothing
        }
    }
}

async fn answer_client(
    world: &Rc<World>,
    platform: &ShardPlatform,
    key: &ShardKey,
    request: &Request,
) -> Response {
    let unavailable = || Problem::unavailable().into();
    if platform.journal.open().await.is_err() {
        return unavailable();
    }
    let context = Context::new(&world.deployment, platform);
    match handle_stateless(&context, request).await {
        StatelessOutcome::Answered(response) => response,
        StatelessOutcome::AtShard(task) if key_of(task.shard()) != *key => unavailable(),
        StatelessOutcome::AtShard(task) if task.is_tick() => {
            tick(&context, run_due_streams(&platform.journal)).await
        }
        StatelessOutcome::AtShard(task) => at_shard(&context, request, task).await,
    }
}

/// Lets a stream send its updates, and waits until its buyers have received theirs, but not for long.
async fn tell(world: &Rc<World>, process: Process, running: Rc<Running>) {
    let (told, is_told) = futures::channel::oneshot::channel();
    let inside = Rc::clone(world);
    world.exec.spawn(process, async move {
        let Running::Stream(platform) = &*running else { return };
        let shard = StreamShard::new(Gateway::new(&inside.deployment, &**platform));
        shard
            .tidy(|| {
                let _ = told.send(());
            })
            .await;
    });
    futures::future::select(is_told, pin!(world.exec.sleep(TELL_MS))).await;
}

async fn answer_message(
    world: &Rc<World>,
    running: &Running,
    name: &str,
    body: &str,
) -> Result<String, PortError> {
    match running {
        Running::Payer(server) => server.answer(name, body).await,
        Running::Payment(server) => server.answer(name, body).await,
        Running::Merchant(server) => server.answer(name, body).await,
        Running::Stream(platform) => {
            StreamShard::new(Gateway::new(&world.deployment, &**platform)).answer(name, body).await
        }
    }
}

async fn run_due(world: &Rc<World>, running: &Running) {
    match running {
        Running::Payer(server) => server.run_due().await,
        Running::Payment(server) => server.run_due().await,
        Running::Merchant(server) => server.run_due().await,
        Running::Stream(platform) => {
            if let Err(error) = StreamShard::new(Gateway::new(&world.deployment, &**platform)).run_due().await
            {
                world.gateways.log(&error.to_string());
            }
        }
    }
}
