//! The core's ports on Workers.

use std::cell::Cell;

use coinop_core::config::Asset;
use coinop_core::http::{self, Context, Problem, Request, Response, ShardTask, StatelessOutcome, with_cors};
use coinop_core::ports::{Catalogue, PortError, Ports};
use coinop_core::settlement::LocalSettlement;
use coinop_core::sharded::{ShardedJournal, run_due_streams};
use coinop_core::{AssetId, Gateway};
use futures::future::LocalBoxFuture;
use worker::{Env, console_log};

use crate::call::{Object, key};
use crate::catalogue::Readers;
use crate::deployment::Instance;
use crate::fetch::FetchHttp;
use crate::hooks;
use crate::ports::ObjectPorts;

/// All ports, with the journal of the object in which this runs, or without a journal.
///
/// It is one type for all cases, so the script contains the core once.
pub(crate) struct Platform {
    instance: &'static Instance,
    journal: ShardedJournal<ObjectPorts>,
    /// The catalogue in KV.
    readers: Readers,
    /// Whether assets made by API are read in KV. Otherwise this object's journal knows them.
    reads_kv: Cell<bool>,
}

impl Platform {
    /// Makes the ports without a journal. Each method of the journal returns an error that says so. Assets
    /// made by API are read from the catalogue in KV.
    pub(crate) fn stateless(instance: &'static Instance, env: &Env) -> Self {
        Self { reads_kv: Cell::new(true), ..Self::of(instance, &ObjectPorts::none(env, instance)) }
    }

    /// Makes the ports for the object of a stream.
    pub(crate) fn of_stream(instance: &'static Instance, ports: &ObjectPorts) -> Self {
        let merchant = instance.deployment.config.merchant.id.clone();
        let journal = ShardedJournal::of_stream(ports.clone(), merchant);
        Self { instance, journal, readers: Readers::new(ports.env(), instance), reads_kv: Cell::new(false) }
    }

    /// Makes the ports for any other object, or for none.
    pub(crate) fn of(instance: &'static Instance, ports: &ObjectPorts) -> Self {
        let merchant = instance.deployment.config.merchant.id.clone();
        let journal = ShardedJournal::read_only(ports.clone(), merchant);
        let readers = Readers::new(ports.env(), instance);
        Self { instance, journal, readers, reads_kv: Cell::new(false) }
    }

    /// Reads assets made by API in KV from now on. The object of a single session needs this, because it has
    /// its own journal and not the asset's.
    pub(crate) fn read_catalogue_in_kv(&self) {
        self.reads_kv.set(true);
    }

    pub(crate) const fn gateway(&self) -> Gateway<'_, Self> {
        Gateway::new(&self.instance.deployment, self)
    }

    pub(crate) const fn context(&self) -> Context<'_, Self> {
        Context::new(&self.instance.deployment, self)
    }

    /// Answers a request that belongs here. For a tick, it asks each stream's object to run what is due.
    ///
    /// `own` is the name of a stream's object. A task that belongs to another object by this object's
    /// catalogue is refused: the catalogue that forwarded the request is older or newer, and the two agree
    /// within a minute.
    pub(crate) async fn handle(&self, request: &Request, own: Option<&str>) -> Response {
        match self.handle_stateless(request).await {
            StatelessOutcome::Answered(response) => response,
            StatelessOutcome::AtShard(task) if own.is_some_and(|own| self.name_of(&task) != own) => {
                self.log("a request reached the wrong object: the catalogue has just changed");
                with_cors(&request.method, &request.path, Problem::unavailable().into())
            }
            StatelessOutcome::AtShard(task) if task.is_tick() => {
                http::tick(&self.context(), run_due_streams(&self.journal)).await
            }
            StatelessOutcome::AtShard(task) => self.at_shard(request, task).await,
        }
    }

    /// Returns the name of the object that a task is for.
    fn name_of(&self, task: &ShardTask<'_>) -> String {
        Object::of(self.instance, &key(task.shard())).name().to_owned()
    }

    /// Answers a request as far as it needs no journal.
    ///
    /// The future is boxed, so the script contains its code once, however many callers await it.
    pub(crate) fn handle_stateless<'a>(
        &'a self,
        request: &'a Request,
    ) -> LocalBoxFuture<'a, StatelessOutcome<'a>> {
        Box::pin(async move { http::handle_stateless(&self.context(), request).await })
    }

    /// Answers the rest of a request. The future is boxed for the same reason.
    pub(crate) fn at_shard<'a>(
        &'a self,
        request: &'a Request,
        task: ShardTask<'a>,
    ) -> LocalBoxFuture<'a, Response> {
        Box::pin(async move { http::at_shard(&self.context(), request, task).await })
    }
}

impl Ports for Platform {
    type Clock = hooks::Clock;
    type Entropy = hooks::Entropy;
    type Journal = ShardedJournal<ObjectPorts>;
    type Catalogue = Self;
    type Settlement = LocalSettlement<FetchHttp>;

    fn clock(&self) -> &hooks::Clock {
        &hooks::CLOCK
    }
    fn entropy(&self) -> &hooks::Entropy {
        &hooks::ENTROPY
    }
    fn journal(&self) -> &ShardedJournal<ObjectPorts> {
        &self.journal
    }
    fn catalogue(&self) -> &Self {
        self
    }
    fn settlement(&self) -> &Self::Settlement {
        &self.instance.settlement
    }
    fn log(&self, line: &str) {
        console_log!("{line}");
    }
}

impl Catalogue for Platform {
    async fn find(&self, id: &AssetId) -> Result<Option<Asset>, PortError> {
        if self.reads_kv.get() { self.readers.find(id).await } else { self.journal.find(id).await }
    }

    async fn page(&self, after: Option<&AssetId>, limit: u32) -> Result<Vec<Asset>, PortError> {
        self.journal.page(after, limit).await
    }
}
