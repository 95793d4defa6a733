//! The core's ports on Workers.

use std::pin::pin;
use std::time::Duration;

use coinop_core::gateway::Gateway;
use coinop_core::http::{self, Before, Context, Request, Response, Task};
use coinop_core::ports::{Clock, Entropy, Http, HttpAnswer, PortError, Ports};
use coinop_core::settlement::LocalSettlement;
use coinop_core::time::{Now, Timestamp};
use futures::StreamExt as _;
use futures::future::{Either, LocalBoxFuture, select};
use worker::{AbortController, AbortSignal, Date, Delay, Fetch, console_log, web_sys};

use crate::deployment::Instance;
use crate::journal::PlaceJournal;

/// The most that is read of an answer of the RPC, in bytes.
const MAX_ANSWER: usize = 4 << 20;

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

/// The wall clock. It moves with each input or output; there is no other that outlives a request.
pub(crate) struct WorkerClock;

impl Clock for WorkerClock {
    fn now(&self) -> Now {
        Now::at(now())
    }

    async fn sleep(&self, ms: u64) {
        #[cfg(feature = "seam")]
        if coinop_seam::sleep(ms) {
            return;
        }
        sleep(ms).await;
    }
}

/// The moment.
pub(crate) fn now() -> Timestamp {
    #[cfg(feature = "seam")]
    if let Some(told) = coinop_seam::now() {
        return Timestamp::from_millis(told);
    }
    Timestamp::from_millis(Date::now().as_millis())
}

pub(crate) async fn sleep(ms: u64) {
    Delay::from(Duration::from_millis(ms)).await;
}

/// The runtime's randomness.
pub(crate) struct WorkerEntropy;

impl Entropy for WorkerEntropy {
    fn random(&self) -> [u8; 16] {
        #[cfg(feature = "seam")]
        if let Some(told) = coinop_seam::random() {
            return told;
        }
        random()
    }
}

/// 16 random bytes.
pub(crate) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => bytes,
        // Guessable tickets would be worse than none. The runtime never fails here.
        Err(_) => std::process::abort(),
    }
}

/// Outgoing HTTP.
pub(crate) struct FetchHttp;

impl Http for FetchHttp {
    async fn post_json(&self, url: &str, body: String, timeout_ms: u64) -> Result<HttpAnswer, PortError> {
        let controller = AbortController::default();
        let exchange = pin!(exchange(url, body, controller.signal()));
        match select(exchange, pin!(sleep(timeout_ms))).await {
            Either::Left((answer, _)) => answer.map_err(|error| {
                // Its text may have the address in it, and that an API key.
                let kind = if matches!(error, worker::Error::RustError(_)) {
                    error.to_string()
                } else {
                    String::new()
                };
                PortError(format!("the RPC can't be reached {kind}").trim_end().to_owned())
            }),
            Either::Right(((), _)) => {
                controller.abort();
                Err(PortError(format!("the RPC did not answer within {timeout_ms} ms")))
            }
        }
    }
}

async fn exchange(url: &str, body: String, signal: AbortSignal) -> worker::Result<HttpAnswer> {
    // By the runtime's own types: `worker::RequestInit` brings the settings of Cloudflare's cache along.
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_redirect(web_sys::RequestRedirect::Manual);
    init.set_body(&body.into());
    let request = web_sys::Request::new_with_str_and_init(url, &init)?;
    request.headers().set("content-type", "application/json")?;
    let request = worker::Request::from(request);
    let mut response = Fetch::Request(request).send_with_signal(&signal).await?;
    let status = response.status_code();
    let mut body = Vec::new();
    let mut stream = response.stream()?;
    while let Some(chunk) = stream.next().await {
        body.extend(chunk?);
        if body.len() > MAX_ANSWER {
            return Err(worker::Error::RustError("(its answer is too long)".to_owned()));
        }
    }
    Ok(HttpAnswer { status, body })
}
