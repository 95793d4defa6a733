//! Accepts connections and answers requests.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use coinop_core::http;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::net::sockopt::set_socket_send_buffer_size;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::class::class;
use super::descriptors;
use super::limits::{PublicOrigin, admit};
use super::linger::{Lingering, until};
use super::pictures::Pictures;
use super::problem::{Problem, response};
use super::rate::RateLimiter;
use super::slots::{ConnectionLimits, Slots, Taken};
use crate::clock::SteadyClock;
use crate::failpoint;
use crate::guest::{self, Failure, Pool, Response, carries_payment};
use crate::metrics::Metrics;
use crate::recent::Recent;
use crate::sales::SalesMeter;

/// How long the head of a request may take to arrive, and how long an idle connection is kept.
const HEAD: Duration = Duration::from_secs(10);
/// The most unread input of a connection, in bytes. It is larger than the allowed head, so that a head which
/// is moderately too large is refused with an explanation.
const BUFFER: usize = 96 << 10;
/// How much of an answer the system may hold for a slow reader, in bytes. Linux would take up to 4 MiB, and this server
/// would call an answer sent of which the reader has taken nothing.
const SENT_AHEAD: usize = 128 << 10;
/// How long the last connections may take to close. In practice they take a moment.
const CLOSED: Duration = Duration::from_secs(1);

/// What answers the requests that pass the limits.
pub(crate) trait Answer: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, request: guest::Request) -> impl Future<Output = Result<Response, Failure>> + Send;
}

impl Answer for Pool {
    async fn handle(&self, request: guest::Request) -> Result<Response, Failure> {
        Self::handle(self, request).await
    }
}

/// Everything that a request needs.
pub(crate) struct Frontend<A = Pool> {
    pub(crate) pool: A,
    pub(crate) origin: PublicOrigin,
    pub(crate) recent: Recent,
    pub(crate) pictures: Pictures,
    pub(crate) rate: RateLimiter,
    pub(crate) metrics: Metrics,
    pub(crate) sales: SalesMeter,
    pub(crate) clock: SteadyClock,
}

/// Answers on `listener` until `closing` becomes true, and then lets running requests finish for up to
/// `grace`. Afterwards no connection is open, because locking the devices comes next and needs the
/// descriptors. If this future is dropped, the connections close a moment later.
pub(crate) async fn serve<A: Answer>(
    listener: TcpListener,
    gateway: Arc<Frontend<A>>,
    closing: watch::Receiver<bool>,
    grace: Duration,
) {
    let bounds = ConnectionLimits::new(descriptors::connections());
    serve_within(bounds, listener, gateway, closing, grace).await;
}

pub(super) async fn serve_within<A: Answer>(
    bounds: ConnectionLimits,
    listener: TcpListener,
    gateway: Arc<Frontend<A>>,
    mut closing: watch::Receiver<bool>,
    grace: Duration,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(BUFFER).keep_alive(true);
    let graceful = GracefulShutdown::new();
    let slots = Slots::new(bounds.connections, bounds.per_client);
    let (cut_all, cut) = watch::channel(false);
    loop {
        let accepted = tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // The process is probably out of file descriptors, so other connections have to end first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let slot = match slots.take(peer.ip()) {
            Ok(slot) => slot,
            Err(taken) => {
                gateway.metrics.refused(match taken {
                    Taken::ByAll => "connections",
                    Taken::ByClient => "client_connections",
                });
                continue;
            }
        };
        // Sends an answer at once. Otherwise it could wait for the acknowledgement of the answer before.
        let _ = stream.set_nodelay(true);
        let _ = set_socket_send_buffer_size(&stream, SENT_AHEAD);
        let gateway = gateway.clone();
        let service = service_fn(move |request| {
            let gateway = gateway.clone();
            async move { Ok::<_, Infallible>(gateway.answer(request, peer).await.map(Full::new)) }
        });
        let stream = TokioIo::new(Lingering::new(stream, slot, bounds, cut.clone()));
        let connection = graceful.watch(http.serve_connection(stream, service));
        tokio::spawn(carry(connection, cut.clone()));
    }
    drop(listener);
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            "stopping: requests that did not finish in time were cut off; the next start finishes their payments"
        );
    }
    cut_all.send_replace(true);
    if tokio::time::timeout(CLOSED, slots.all_free()).await.is_err() {
        tracing::warn!("some connections did not close in time");
    }
}

/// Runs a connection to its end, or until all connections are cut.
async fn carry(connection: impl Future<Output = hyper::Result<()>>, mut cut: watch::Receiver<bool>) {
    tokio::select! {
        () = until(&mut cut) => {}
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        },
    }
}

impl<A: Answer> Frontend<A> {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response {
        let started = self.clock.monotonic();
        let _in_flight = self.metrics.begin();
        let uri = request.uri().clone();
        let route = class(uri.path());
        let method = request.method().clone();
        failpoint::reach("http.asked");
        let response = match self.respond(request, peer.ip(), route).await {
            Ok(response) => response,
            Err(problem) => problem.response(method.as_str(), uri.path()),
        };
        failpoint::reach("http.answer");
        let status = response.status().as_u16();
        let took = self.clock.monotonic().saturating_sub(started);
        self.metrics.answered(route, status, took);
        // The path and the query are not logged, because they name sessions, payers and tokens.
        tracing::debug!(target: "coinop::access", %method, route, status, ms = took.as_millis(), "answered");
        response
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        route: &str,
    ) -> Result<Response, Problem> {
        if route == "metrics" {
            return self.metrics_page(&request, peer).await;
        }
        if route == "health" && matches!(*request.method(), Method::GET | Method::HEAD) {
            let healthy = http::Response::json(200, &json!({ "status": "ok" })).no_store();
            return Ok(response(http::with_cors(request.method().as_str(), "/health", healthy)));
        }
        if let Err(wait) = self.rate.take(peer, self.clock.monotonic(), cost(route)) {
            self.metrics.refused("rate");
            return Err(Problem::TooFast { retry_after: wait.as_secs().saturating_add(1) });
        }
        if route == "picture" {
            return self.picture(&request, peer).await;
        }
        if let Some(file) = (route == "static").then(|| coinop_web::file(&headed(&request))).flatten() {
            return Ok(response(file));
        }
        let request = admit(request, &self.origin, &self.recent).await?;
        let paid = carries_payment(request.headers());
        self.pool.handle(request).await.map_err(|failure| match failure {
            Failure::Busy => {
                self.metrics.refused("busy");
                Problem::Busy { paid }
            }
            Failure::TimedOut => {
                tracing::error!(route, "a request took too long and was stopped");
                Problem::TimedOut
            }
            Failure::Broken(error) => {
                tracing::error!(route, %error, "a request failed");
                Problem::Internal
            }
        })
    }

    /// Answers a request for a picture.
    async fn picture(&self, request: &Request<Incoming>, peer: IpAddr) -> Result<Response, Problem> {
        let Some(slot) = self.pictures.slot(peer) else {
            self.metrics.refused("pictures");
            return Err(Problem::PicturesBusy);
        };
        let (pictures, request) = (self.pictures.clone(), headed(request));
        let answer = tokio::task::spawn_blocking(move || pictures.answer(&request, slot)).await;
        answer.map_err(|error| {
            tracing::error!(%error, "a picture could not be read");
            Problem::Internal
        })
    }

    async fn metrics_page(&self, request: &Request<Incoming>, peer: IpAddr) -> Result<Response, Problem> {
        if !local(peer, request.headers()) {
            return Err(Problem::OperatorOnly);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Ok(response);
        }
        let mut response = Response::new(Bytes::from(self.sales.page().await));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
        Ok(response)
    }
}

/// How many requests a dear request counts as.
const DEAR: u32 = 5;

/// Returns how many requests a request of this class counts as. One for a transaction may cause a call to the RPC, and the
/// answer to one for a picture is large.
fn cost(route: &str) -> u32 {
    if matches!(route, "transaction" | "picture") { DEAR } else { 1 }
}

/// Returns the head of a request, in the form of the core.
fn headed(request: &Request<Incoming>) -> http::Request {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let headers = request.headers().iter().filter_map(|(name, value)| Some((name.to_string(), text(value)?)));
    http::Request {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        headers: headers.collect(),
        body: Vec::new(),
    }
}

/// Tells whether the request was made on this machine. Behind a proxy on this machine every request seems so,
/// but the proxy's headers show that it was forwarded.
fn local(peer: IpAddr, headers: &HeaderMap) -> bool {
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    peer.to_canonical().is_loopback() && !forwarded.iter().any(|name| headers.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_sits_at_the_machine() {
        let plain = HeaderMap::new();
        let mut proxied = HeaderMap::new();
        proxied.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(local(ip("127.0.0.1"), &plain));
        assert!(local(ip("::1"), &plain));
        assert!(local(ip("::ffff:127.0.0.1"), &plain));
        assert!(!local(ip("192.0.2.1"), &plain));
        assert!(!local(ip("127.0.0.1"), &proxied));
    }
}
