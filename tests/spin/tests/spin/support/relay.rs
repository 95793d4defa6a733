//! A relay between the gateway and the chain, which counts calls and holds some back.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{eventually, http};

/// What happens to the calls of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// They are passed on.
    Pass,
    /// They are not passed on until the rule changes.
    HoldRequest,
    /// They are passed on, but their answers are held back until the rule changes.
    HoldAnswer,
    /// They are answered with an error, and are not passed on.
    Refuse,
}

/// The relay. It ends with the test.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    chain: String,
    rules: watch::Sender<BTreeMap<String, Rule>>,
    counts: Mutex<BTreeMap<String, Count>>,
    /// Calls whose head did not state their length.
    unsized_calls: AtomicUsize,
    /// Counts the hosts. Calls of a killed host are not passed on.
    host: AtomicUsize,
}

#[derive(Clone, Copy, Default)]
struct Count {
    calls: usize,
    /// How many calls were held back.
    held: usize,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Relay {
    pub(crate) async fn start(chain: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let rules = watch::Sender::new(BTreeMap::new());
        let (counts, unsized_calls, host) =
            (Mutex::default(), AtomicUsize::default(), AtomicUsize::default());
        let shared = Arc::new(Shared { chain: chain.to_owned(), rules, counts, unsized_calls, host });
        let server = tokio::spawn(shared.clone().accept(listener));
        Self { address, shared, server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets what happens to a method's calls, including those that are held back now.
    pub(crate) fn rule(&self, method: &str, rule: Rule) {
        self.shared.rules.send_modify(|rules| {
            rules.insert(method.to_owned(), rule);
        });
    }

    /// Drops the calls that a dead host made and that were held back. Its connections end too, but not at a
    /// known time.
    pub(crate) fn forget(&self) {
        self.shared.host.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns the number of calls of all methods so far.
    pub(crate) fn calls(&self) -> usize {
        self.shared.counts.lock().unwrap().values().map(|count| count.calls).sum()
    }

    /// Returns the number of calls of one method so far.
    pub(crate) fn calls_of(&self, method: &str) -> usize {
        self.shared.count(method, |count| count.calls)
    }

    /// Returns the number of calls so far that came in chunks, without a `Content-Length`.
    pub(crate) fn unsized_calls(&self) -> usize {
        self.shared.unsized_calls.load(Ordering::SeqCst)
    }

    /// Waits until this many calls of a method have been held back.
    pub(crate) async fn held(&self, method: &str, calls: usize) {
        let seen = async || (self.shared.count(method, |count| count.held) >= calls).then_some(());
        eventually(&format!("{calls} held {method}"), seen).await;
    }
}

impl Shared {
    fn count<T>(&self, method: &str, count: impl FnOnce(&mut Count) -> T) -> T {
        count(self.counts.lock().unwrap().entry(method.to_owned()).or_default())
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let shared = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let shared = shared.clone();
                    async move { Ok::<_, Infallible>(shared.relay(request).await) }
                });
                let served = hyper::server::conn::http1::Builder::new();
                let _ = served.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }

    async fn relay(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if !request.headers().contains_key(CONTENT_LENGTH)
            || request.headers().contains_key(TRANSFER_ENCODING)
        {
            self.unsized_calls.fetch_add(1, Ordering::SeqCst);
        }
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let call: Value = serde_json::from_slice(&body).unwrap();
        let method = call["method"].as_str().unwrap();
        self.count(method, |count| count.calls += 1);
        let host = self.host.load(Ordering::SeqCst);
        self.pass(method, Rule::HoldRequest).await;
        if self.host.load(Ordering::SeqCst) != host {
            return Response::new(Full::default());
        }
        if self.rules.borrow().get(method) == Some(&Rule::Refuse) {
            let error = serde_json::json!({ "code": -32603, "message": "the node is not well" });
            let answer = serde_json::json!({ "jsonrpc": "2.0", "id": call["id"], "error": error });
            return Response::new(Full::from(answer.to_string()));
        }
        let answer = http::send(&self.chain, "POST", "/", &[], body).await.unwrap();
        self.pass(method, Rule::HoldAnswer).await;
        Response::new(Full::new(answer.body))
    }

    /// Waits while this is the method's rule.
    async fn pass(&self, method: &str, rule: Rule) {
        let mut rules = self.rules.subscribe();
        let holds = |rules: &BTreeMap<String, Rule>| rules.get(method) == Some(&rule);
        if holds(&rules.borrow()) {
            self.count(method, |count| count.held += 1);
        }
        let _ = rules.wait_for(|rules| !holds(rules)).await;
    }
}
