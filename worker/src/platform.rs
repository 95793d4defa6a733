//! The core's ports on Workers.

use coinop_core::gateway::Gateway;
use coinop_core::http::{self, Before, Context, Request, Response, Task};
use coinop_core::ports::Ports;
use coinop_core::settlement::LocalSettlement;
use futures::future::LocalBoxFuture;
use worker::console_log;

use crate::deployment::Instance;
use crate::fetch::FetchHttp;
use crate::journal::PlaceJournal;
use crate::runtime::{WorkerClock, WorkerEntropy};

/// All ports, with the journal of the place that this runs in, or with none.
pub(crate) struct Platform {
    instance: &'static Instance,
    journal: PlaceJournal,
}

impl Platform {
    pub(crate) const fn new(instance: &'static Instance, journal: PlaceJournal) -> Self {
        Self { instance, journal }
    }

    pub(crate) const fn gateway(&self) -> Gateway<'_, Self> {
        Gateway::new(&self.instance.deployment, self)
    }

    pub(crate) const fn context(&self) -> Context<'_, Self> {
        Context::new(&self.instance.deployment, self)
    }

    /// Answers a request that is to be answered here.
    pub(crate) async fn handle(&self, request: &Request) -> Response {
        match self.before_shard(request).await {
            Before::Answered(response) => response,
            Before::AtShard(task) => self.at_shard(request, task).await,
        }
    }

    /// Answers a request as far as no journal is needed.
    ///
    /// In a box, so that it is in the script once, however many await it.
    pub(crate) fn before_shard<'a>(&'a self, request: &'a Request) -> LocalBoxFuture<'a, Before<'a>> {
        Box::pin(async move { http::before_shard(&self.context(), request).await })
    }

    /// Answers what is left of a request. In a box for the same reason.
    pub(crate) fn at_shard<'a>(
        &'a self,
        request: &'a Request,
        task: Task<'a>,
    ) -> LocalBoxFuture<'a, Response> {
        Box::pin(async move { http::at_shard(&self.context(), request, task).await })
    }
}

impl Ports for Platform {
    type Clock = WorkerClock;
    type Entropy = WorkerEntropy;
    type Journal = PlaceJournal;
    type Catalogue = PlaceJournal;
    type Settlement = LocalSettlement<FetchHttp>;

    fn clock(&self) -> &WorkerClock {
        &WorkerClock
    }
    fn entropy(&self) -> &WorkerEntropy {
        &WorkerEntropy
    }
    fn journal(&self) -> &PlaceJournal {
        &self.journal
    }
    fn catalogue(&self) -> &PlaceJournal {
        &self.journal
    }
    fn settlement(&self) -> &Self::Settlement {
        &self.instance.settlement
    }
    fn log(&self, line: &str) {
        console_log!("{line}");
    }
}
