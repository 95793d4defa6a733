//! Hands requests to instances of the component.
//!
//! An instance answers one request at a time, and is used a bounded number of times. An instance that trapped
//! or exceeded a limit is thrown away, because its memory may be in any state.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coinop_core::http::{AGAIN, WAIT};
use http_body_util::{BodyExt, Limited};
use hyper::StatusCode;
use hyper::header::HeaderValue;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use wasmtime::Store;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::Proxy;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::Failure;
use super::admission::{Admission, AdmissionPermit, carries_payment};
use super::coalesce::{self, Coalescing, Running};
use super::engine::Component;
use super::hold::Holding;
use super::message::{Request, Response};
use super::state::{GuestState, Host};
use super::store::{allow, store};
use crate::db::Caller;

/// The longest call. The component itself lets no buyer wait for more than 30 s, so this limit is for a
/// component that does.
const LONGEST_CALL: Duration = Duration::from_secs(45);
/// How much of [`LONGEST_CALL`] may be spent waiting for the RPC.
const LONGEST_WAIT_FOR_RPC: Duration = Duration::from_secs(40);
/// How many instances are kept for later requests while none runs.
const MOST_IDLE: usize = 64;
/// How many instances requests leave to the device controller.
const SPARE: u32 = 4;
/// The largest answer, in bytes.
const LARGEST_ANSWER: usize = 4 << 20;

/// The instances that answer HTTP. Clones share them.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    component: Component,
    host: Arc<Host>,
    idle: Mutex<Vec<Instance>>,
    admission: Admission,
    coalescing: Coalescing,
    holding: Holding,
}

/// Marks a request for a long list, which takes more work than others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LongList;

impl Inner {
    async fn admit(&self, request: &mut Request) -> Result<AdmissionPermit, Failure> {
        let is_list = request.extensions().get::<LongList>().is_some();
        self.admission.admit(request.headers_mut(), is_list).await
    }
}

struct Instance {
    store: Store<GuestState>,
    proxy: Proxy,
    used: u32,
}

type Answered = Result<hyper::Response<HyperOutgoingBody>, ErrorCode>;

impl Pool {
    /// Makes an empty pool. At most `held` requests wait for their payment's outcome without an instance; with 0 the
    /// component itself lets them wait.
    pub(crate) fn new(component: Component, host: Arc<Host>, held: usize) -> Self {
        // Never more than the pool of memories has room for.
        let at_once = component.limits.instances.saturating_sub(SPARE).max(1) as usize;
        let (idle, coalescing) = (Mutex::default(), Coalescing::default());
        Self(Arc::new(Inner {
            admission: Admission::new(at_once, held > 0),
            holding: Holding::new(held, at_once / 4, host.db.settled(), host.metrics.clone()),
            component,
            host,
            idle,
            coalescing,
        }))
    }

    /// Lets the component answer one request, or returns the answer of an identical request that runs
    /// already.
    pub(crate) async fn handle(&self, mut request: Request) -> Result<Response, Failure> {
        let until = self.0.holding.until();
        if !coalesce::may_share(request.headers()) {
            let repeat = self.repeat(&request);
            let place = self.0.admit(&mut request).await?;
            let answer = self.run(request, place).await?;
            return Ok(self.outcome(answer, repeat, until).await);
        }
        let (waiting, running) = self.0.coalescing.join(coalesce::key(&request).await);
        if let Some(running) = running {
            tokio::spawn(self.clone().run_for_all(request, running, until));
        }
        waiting.answer().await
    }

    /// Runs a request for all who wait for its answer. If all of them leave before it has begun, it is not
    /// run. Once it has begun, it continues until it is answered. After that, it is asked again only while somebody
    /// waits.
    async fn run_for_all(self, mut request: Request, mut running: Running, until: Instant) {
        let repeat = self.repeat(&request);
        let place = tokio::select! {
            biased;
            place = self.0.admit(&mut request) => place,
            () = running.abandoned() => return,
        };
        let answer = match place {
            Ok(place) => self.run(request, place).await,
            Err(failure) => Err(failure),
        };
        let answer = match answer {
            Ok(answer) => tokio::select! {
                biased;
                answer = self.outcome(answer, repeat, until) => Ok(answer),
                () = running.abandoned() => return,
            },
            failed => failed,
        };
        running.answer(answer);
    }

    /// Returns the request with which the component is asked again, if this one may have to wait.
    fn repeat(&self, request: &Request) -> Option<Request> {
        let may_wait = self.0.holding.is_on() && carries_payment(request.headers());
        may_wait.then(|| {
            let mut repeat = request.clone();
            repeat.headers_mut().insert(WAIT, HeaderValue::from_static(AGAIN));
            repeat
        })
    }

    /// Returns the answer to pass on: this one, or if the payment has no outcome yet, a later one.
    async fn outcome(&self, answer: Response, repeat: Option<Request>, until: Instant) -> Response {
        match repeat {
            Some(repeat) if answer.status() == StatusCode::ACCEPTED => {
                let ask = || async {
                    let place = self.0.admission.admit_again().await?;
                    self.run(repeat.clone(), place).await
                };
                self.0.holding.outcome(answer, until, ask).await
            }
            _ => answer,
        }
    }

    /// Runs one request. The component continues even if the caller does not wait for the end, because a
    /// buyer who hangs up in the middle of a settlement has still paid.
    async fn run(&self, request: Request, place: AdmissionPermit) -> Result<Response, Failure> {
        let (answer, answered) = oneshot::channel();
        let pool = self.clone();
        let task = tokio::spawn(async move { pool.serve(request, answer, place).await });
        gather(answered, task).await
    }

    async fn serve(
        &self,
        request: Request,
        answer: oneshot::Sender<Answered>,
        place: AdmissionPermit,
    ) -> Result<(), Failure> {
        // Dropped last, because the instance's slot must be free before the place is.
        let _place = place;
        let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut instance = match idle {
            Some(instance) => instance,
            None => self.fresh().await?,
        };
        instance.used = instance.used.saturating_add(1);
        let answered = tokio::time::timeout(LONGEST_CALL, instance.call(request, answer))
            .await
            .map_err(|_| Failure::TimedOut)?
            .map_err(|error| {
                self.0.host.metrics.trapped();
                Failure::broken("the component stopped", &error)
            })?;
        if !answered {
            return Err(Failure::Broken("the component gave no answer".to_owned()));
        }
        if instance.used < self.0.component.limits.reuse {
            let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < MOST_IDLE {
                idle.push(instance);
            }
        }
        Ok(())
    }

    async fn fresh(&self) -> Result<Instance, Failure> {
        let mut store = store(&self.0.component, &self.0.host, Caller::Request);
        let proxy = self.0.component.http.instantiate_async(&mut store).await;
        let proxy = proxy.map_err(|error| Failure::broken("the component cannot be started", &error))?;
        Ok(Instance { store, proxy, used: 0 })
    }
}

impl Instance {
    /// Runs the component for one request. Returns whether it answered.
    async fn call(&mut self, request: Request, answer: oneshot::Sender<Answered>) -> wasmtime::Result<bool> {
        allow(&mut self.store, LONGEST_WAIT_FOR_RPC);
        let answered = Arc::new(AtomicBool::new(false));
        let scheme = match request.uri().scheme_str() {
            Some("https") => Scheme::Https,
            _ => Scheme::Http,
        };
        let mut view = self.store.data_mut().http();
        let request = view.new_incoming_request(scheme, request)?;
        let note = answered.clone();
        let outparam = view.new_response_outparam_from_callback(move |result| {
            note.store(true, Ordering::Release);
            // The send fails if nobody waits any more. The work is done nevertheless.
            let _ = answer.send(result);
        })?;
        self.proxy.wasi_http_incoming_handler().call_handle(&mut self.store, request, outparam).await?;
        Ok(answered.load(Ordering::Acquire))
    }
}

/// Waits for the head and the body of the answer.
///
/// The whole answer is read at once. So the instance does not wait for a client that reads slowly, and a trap
/// in the middle still becomes a clean error.
async fn gather(
    answered: oneshot::Receiver<Answered>,
    mut task: JoinHandle<Result<(), Failure>>,
) -> Result<Response, Failure> {
    let answered = tokio::select! {
        biased;
        answered = answered => answered.ok(),
        // The task ended before it answered, or at the same moment.
        ended = &mut task => return Err(ended_without(ended)),
    };
    let Some(answered) = answered else {
        return Err(ended_without(task.await));
    };
    let response = answered.map_err(|code| Failure::Broken(format!("the component answered {code:?}")))?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, LARGEST_ANSWER)
        .collect()
        .await
        .map_err(|error| Failure::Broken(format!("the component's answer ended early: {error}")))?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

fn ended_without(ended: Result<Result<(), Failure>, tokio::task::JoinError>) -> Failure {
    match ended {
        Ok(Err(failure)) => failure,
        Ok(Ok(())) => Failure::Broken("the component gave no answer".to_owned()),
        Err(error) => Failure::Broken(format!("the request's task ended: {error}")),
    }
}
