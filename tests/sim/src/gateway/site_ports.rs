//! The ports of a shard: its database, its alarm, and messages to other shards, which may be lost, doubled or late.

use std::rc::{Rc, Weak};

use coinop_core::Timestamp;
use coinop_core::error::{TransportError, TransportFault};
use coinop_core::ports::{Entropy as _, PortError};
use coinop_core::sharded::{Alarm, Boxed, Publication, ShardKey, ShardPorts, Transport};

use super::shards::{Asked, Site, Told};
use crate::executor::{OUTSIDE, Process};
use crate::machine::Machine;
use crate::plan::Fault;
use crate::storage::{Database, File};
use crate::world::World;

/// How long a message may take, in milliseconds.
const MESSAGE_MS: u64 = 10_000;

/// The ports of a shard.
#[derive(Clone)]
pub(crate) struct SitePorts {
    pub(super) database: Database,
    pub(super) machine: Machine,
    /// `None` outside of all shards.
    site: Option<Rc<Site>>,
}

impl SitePorts {
    /// Returns ports outside of all shards.
    pub(super) fn outside(world: &Rc<World>) -> Self {
        let machine = Machine { world: world.weak(), process: OUTSIDE };
        let database =
            Database { world: world.weak(), file: Rc::new(File::new()), process: OUTSIDE, is_remote: false };
        Self { database, machine, site: None }
    }

    /// Returns the ports of a shard, for a process that runs there.
    pub(super) fn of(world: &Rc<World>, site: &Rc<Site>, process: Process) -> Self {
        let machine = Machine { world: world.weak(), process };
        let database =
            Database { world: world.weak(), file: Rc::clone(&site.file), process, is_remote: false };
        Self { database, machine, site: Some(Rc::clone(site)) }
    }
}

impl Alarm for SitePorts {
    async fn armed_before<T>(
        &self,
        at: Timestamp,
        work: Boxed<'_, Result<T, PortError>>,
    ) -> Result<T, PortError> {
        if let (Some(site), Some(world)) = (&self.site, self.machine.world.upgrade())
            && site.alarm.get().is_none_or(|armed| armed > at)
        {
            world.gateways.arm(site, at);
        }
        work.await
    }

    async fn armed(&self) -> Result<Option<Timestamp>, PortError> {
        Ok(self.site.as_ref().and_then(|site| site.alarm.get()))
    }

    async fn set(&self, at: Option<Timestamp>) -> Result<(), PortError> {
        if let (Some(site), Some(world)) = (&self.site, self.machine.world.upgrade()) {
            match at {
                Some(at) => world.gateways.arm(site, at),
                None => site.alarm.set(None),
            }
        }
        Ok(())
    }
}

impl Transport for SitePorts {
    #[allow(refining_impl_trait, reason = "a shard that answers may ask another one")]
    fn carry(
        &self,
        shard: &ShardKey,
        request: &'static str,
        body: String,
    ) -> Boxed<'_, Result<String, TransportError>> {
        let key = shard.clone();
        let (world, process) = (self.machine.world.clone(), self.machine.process);
        Box::pin(carry(world, process, key, request, body))
    }

    fn send(&self, shard: &ShardKey, request: &'static str, body: String) {
        let Some(world) = self.machine.world.upgrade() else { return };
        let (inside, process, key) = (world.weak(), self.machine.process, shard.clone());
        world.exec.spawn(process, async move { drop(carry(inside, process, key, request, body).await) });
    }
}

/// Carries a message to a shard, which may be lost, doubled or late.
async fn carry(
    world: Weak<World>,
    from: Process,
    key: ShardKey,
    request: &'static str,
    body: String,
) -> Result<String, TransportError> {
    let silence = || TransportError::new(key.kind(), TransportFault::Timeout(MESSAGE_MS));
    let Some(world) = world.upgrade() else { return Err(silence()) };
    let random = &world.gateways.random;
    world.point(from).await;
    world.trace.note(world.exec.now(), || format!("{request} to {key:?}: {body}"));
    world.exec.sleep(random.within(0..40)).await;
    if world.fails(Fault::MessageLost, random) {
        world.exec.sleep(MESSAGE_MS).await;
        return Err(silence());
    }
    let message = || Asked::Message(request, body.clone());
    if world.fails(Fault::MessageTwice, random) {
        let (inside, key, again) = (Rc::clone(&world), key.clone(), message());
        world.exec.spawn(OUTSIDE, async move { drop(inside.gateways.ask(&key, again).await) });
    }
    if world.fails(Fault::MessageLate, random) {
        let (inside, key, again) = (Rc::clone(&world), key.clone(), message());
        let what = format!("{request} to {key:?}: {body}");
        let late = random.within(1_000..240_000);
        world.exec.spawn(OUTSIDE, async move {
            inside.exec.sleep(late).await;
            inside.trace.note(inside.exec.now(), || format!("late: {what}"));
            drop(inside.gateways.ask(&key, again).await);
        });
    }
    let told = world.gateways.ask(&key, message()).await;
    if world.fails(Fault::MessageAnswerLost, random) {
        world.exec.sleep(MESSAGE_MS).await;
        return Err(silence());
    }
    world.exec.sleep(random.within(0..40)).await;
    world.point(from).await;
    match told {
        Some(Told::Message(answer)) => answer
            .map_err(|error| TransportError::new(key.kind(), TransportFault::Refused(error.to_string()))),
        _ => Err(silence()),
    }
}

impl ShardPorts for SitePorts {
    type Sql = Database;
    type Alarm = Self;
    type Transport = Self;

    fn sql(&self) -> &Database {
        &self.database
    }
    fn alarm(&self) -> &Self {
        self
    }
    fn transport(&self) -> &Self {
        self
    }
    fn now(&self) -> Timestamp {
        self.machine.world.upgrade().map_or_else(Timestamp::default, |world| world.wall())
    }
    fn random(&self) -> [u8; 16] {
        self.machine.random()
    }
    fn has_tables(&self) -> bool {
        self.database.file.has_tables.get()
    }
    fn begin(&self) {
        self.database.file.has_tables.set(true);
    }
    async fn delete(&self) -> Result<(), PortError> {
        if let Some(site) = &self.site {
            site.file.wipe();
            site.alarm.set(None);
        }
        Ok(())
    }
    async fn publish(&self, publication: &Publication) -> Result<(), PortError> {
        let Some(world) = self.machine.world.upgrade() else { return Ok(()) };
        world.exec.sleep(world.gateways.random.within(5..300)).await;
        world.gateways.kv.put(world.exec.now(), &publication.asset, publication.listing.clone());
        Ok(())
    }
    fn log(&self, line: &str) {
        if let Some(world) = self.machine.world.upgrade() {
            world.gateways.log(line);
        }
    }
}
