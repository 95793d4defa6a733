//! The core's ports on Workers.

use std::pin::pin;
use std::time::Duration;

use coinop_core::error::{TransportError, TransportFault};
use coinop_core::gateway::Gateway;
use coinop_core::http::{Request, Response};
use coinop_core::ports::{Clock, Entropy, Http, HttpAnswer, Ports};
use coinop_core::settlement::LocalSettlement;
use coinop_core::time::{Now, Timestamp};
use futures::StreamExt as _;
use futures::future::{Either, LocalBoxFuture, select};
use worker::{AbortController, AbortSignal, Date, Delay, Fetch, console_log, web_sys};

use crate::deployment::Instance;
use crate::journal::PlaceJournal;

/// The most that is read of an answer of the RPC, in bytes.
const MAX_ANSWER: usize = 4 << 20;

/// What an exchange that was given up because of its answer's length is known by.
const TOO_LONG: &str = "its answer is too long";

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
    async fn post_json(
        &self,
        url: &str,
        body: String,
        timeout_ms: u64,
    ) -> Result<HttpAnswer, TransportError> {
        let controller = AbortController::default();
        let exchange = pin!(exchange(url, body, controller.signal()));
        match select(exchange, pin!(sleep(timeout_ms))).await {
            Either::Left((answer, _)) => answer.map_err(|error| {
                // Its text may have the address in it, and that an API key.
                failed(match error {
                    worker::Error::RustError(words) if words == TOO_LONG => TransportFault::TooLong,
                    worker::Error::RustError(words) => TransportFault::Unreachable(words),
                    _ => TransportFault::Unreachable(String::new()),
                })
            }),
            Either::Right(((), _)) => {
                controller.abort();
                Err(failed(TransportFault::Timeout(timeout_ms)))
            }
        }
    }
}

/// The error of a call to the RPC.
fn failed(fault: TransportFault) -> TransportError {
    TransportError::new("the RPC", fault)
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
            return Err(worker::Error::RustError(TOO_LONG.to_owned()));
        }
    }
    Ok(HttpAnswer { status, body })
}
