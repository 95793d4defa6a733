//! The core's ports on Workers.

use coinop_core::gateway::Gateway;
use coinop_core::http::{Request, Response};
use coinop_core::ports::Ports;
use coinop_core::settlement::LocalSettlement;
use futures::future::LocalBoxFuture;
use worker::console_log;

use crate::deployment::Instance;
use crate::fetch::FetchHttp;
use crate::journal::PlaceJournal;
use crate::runtime::{WorkerClock, WorkerEntropy};

/// All ports, with the journal of the place that this runs in.
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

    /// Answers a request. (In a box: so it is in the script once, however many await it.)
    pub(crate) fn handle<'a>(&'a self, request: &'a Request) -> LocalBoxFuture<'a, Response> {
        Box::pin(async move { self.gateway().handle(request).await })
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
        // What only failed because it is done elsewhere is said there.
        if !self.journal.is_elsewhere() {
            console_log!("{line}");
        }
    }
}
