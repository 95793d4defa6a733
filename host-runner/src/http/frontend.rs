//! Answers a request that has come in, if it is within the limits.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Once};

use coinop_core::config::{Limits, Merchant};
use coinop_core::http;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde_json::json;

use super::answer::Answer;
use super::caller::{Caller, TrustedProxies};
use super::class::class;
use super::cost::{REFUSED_PAYMENT, cost, is_list};
use super::limits::{PublicOrigin, admit};
use super::pictures::Pictures;
use super::places::Seat;
use super::problem::{Problem, response};
use super::rate::RateLimiter;
use super::ready::{Readiness, without_details};
use super::slots::{Slot, Slots};
use crate::clock::SteadyClock;
use crate::failpoint;
use crate::guest::{Failure, LongList, Pool, Response, carries_payment};
use crate::metrics::Metrics;
use crate::recent::Recent;
use crate::sales::SalesMeter;

/// Everything that a request needs.
pub(crate) struct Frontend<A = Pool> {
    pub(crate) pool: Arc<A>,
    pub(crate) origin: PublicOrigin,
    pub(crate) recent: Recent,
    pub(crate) pictures: Pictures,
    pub(crate) gate: Gate,
    pub(crate) metrics: Metrics,
    pub(crate) sales: SalesMeter,
    pub(crate) clock: SteadyClock,
}

/// What is asked of a request before anything is spent on it: who sends it, and how often.
pub(crate) struct Gate {
    merchant: Merchant,
    proxies: TrustedProxies,
    rate: RateLimiter,
    /// The requests under way that came through a trusted proxy. Their clients have no connections that could be
    /// counted.
    proxied: Slots,
    ready: Readiness,
    unnamed_proxy: Once,
}

impl Gate {
    pub(crate) fn new(merchant: Merchant, limits: &Limits) -> Self {
        Self {
            merchant,
            proxies: TrustedProxies::new(limits.trusted_proxies.clone()),
            rate: RateLimiter::new(limits.requests_per_second, limits.burst),
            proxied: Slots::new(Slots::MOST, limits.connections_per_address),
            ready: Readiness::default(),
            unnamed_proxy: Once::new(),
        }
    }

    pub(super) const fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    /// Returns who sent a request. Tells the operator once of a proxy on this machine that is not trusted.
    fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> Caller {
        let caller = self.proxies.caller(peer, headers);
        if caller.address.is_loopback() && !caller.is_proxied && !caller.is_local {
            self.unnamed_proxy.call_once(|| {
                tracing::warn!(
                    "requests come through a proxy on this machine that limits.trusted_proxies does not name, or that \
                     names no client in X-Forwarded-For; all its clients share one client's limits"
                );
            });
        }
        caller
    }

    /// Returns whether a request with these headers carries an API key of the merchant.
    fn is_merchant(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let credentials = value.to_str().ok().and_then(|value| value.split_once(' '));
        credentials.is_some_and(|(scheme, key)| {
            scheme.eq_ignore_ascii_case("bearer") && self.merchant.has_api_key(key.trim())
        })
    }
}

/// A request's place in its connection, and what the gate knows of its sender.
struct Asked<'a> {
    seat: &'a Seat,
    caller: Caller,
    /// Whether it carries an API key of the merchant.
    is_merchant: bool,
    route: &'static str,
}

impl<A: Answer> Frontend<A> {
    /// Takes a plain request out of a client's rate. Returns whether there was one.
    pub(super) fn may_ask(&self, client: IpAddr) -> bool {
        self.gate.rate.take(client, self.clock.monotonic(), 1).is_ok()
    }

    /// Answers a request that came over this connection.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: SocketAddr, seat: &Seat) -> Response {
        let started = self.clock.monotonic();
        let _in_flight = self.metrics.begin();
        let uri = request.uri().clone();
        let method = request.method().clone();
        let asked = Asked {
            seat,
            caller: self.gate.caller(peer.ip(), request.headers()),
            is_merchant: self.gate.is_merchant(request.headers()),
            route: class(uri.path()),
        };
        failpoint::reach("http.asked");
        let response = match self.respond(request, &asked).await {
            Ok(response) => response,
            Err(problem) => problem.response(method.as_str(), uri.path()),
        };
        failpoint::reach("http.answer");
        let status = response.status().as_u16();
        let took = self.clock.monotonic().saturating_sub(started);
        let Asked { route, caller, .. } = asked;
        self.metrics.answered(route, status, took);
        // The path and the query are not logged, because they name sessions, payers and tokens.
        tracing::debug!(target: "coinop::access", client = %caller.address, %method, route, status, ms = took.as_millis(), "answered");
        // Asking whether the process lives keeps no connection from being closed for a buyer's.
        seat.answered(route != "health");
        response
    }

    async fn respond(&self, request: Request<Incoming>, asked: &Asked<'_>) -> Result<Response, Problem> {
        let Asked { caller, route, .. } = *asked;
        if route == "metrics" {
            return self.metrics_page(&request, caller).await;
        }
        let pays = carries_payment(request.headers());
        let _place = self.enter(&request, asked, pays)?;
        let only_reads = matches!(*request.method(), Method::GET | Method::HEAD);
        match route {
            "health" if only_reads => {
                let healthy = http::Response::json(200, &json!({ "status": "ok" })).no_store();
                Ok(response(http::with_cors(request.method().as_str(), "/health", healthy)))
            }
            "ready" if only_reads => {
                let answer = self.gate.ready.answer(&self.pool, &self.origin, &self.clock).await?;
                let is_owner = caller.is_local || asked.is_merchant;
                Ok(if is_owner { answer } else { without_details(answer) })
            }
            "picture" => self.picture(&request, caller).await,
            _ => match (route == "static").then(|| coinop_web::file(&headed(&request))).flatten() {
                Some(file) => Ok(response(file)),
                None => self.component(request, asked, pays).await,
            },
        }
    }

    /// Lets a request in, if its sender may ask now. A client of a proxy keeps what is returned while its request is
    /// under way.
    fn enter(
        &self,
        request: &Request<Incoming>,
        asked: &Asked<'_>,
        pays: bool,
    ) -> Result<Option<Slot>, Problem> {
        let Asked { caller, route, is_merchant, .. } = *asked;
        if !is_merchant {
            let cost = cost(route, request.uri(), pays);
            self.gate.rate.take(caller.address, self.clock.monotonic(), cost).map_err(|wait| {
                self.metrics.refused("rate");
                Problem::TooFast { retry_after: wait.as_secs().saturating_add(1) }
            })?;
        }
        if !caller.is_proxied {
            return Ok(None);
        }
        self.gate.proxied.take(caller.address).map(Some).map_err(|_| {
            self.metrics.refused("client_connections");
            Problem::TooFast { retry_after: 1 }
        })
    }

    /// Lets the component answer.
    async fn component(
        &self,
        request: Request<Incoming>,
        asked: &Asked<'_>,
        pays: bool,
    ) -> Result<Response, Problem> {
        let Asked { seat, caller, is_merchant, route } = *asked;
        let mut request = admit(request, &self.origin, &self.recent).await?;
        if is_list(route, request.uri()) {
            request.extensions_mut().insert(LongList);
        }
        seat.answering();
        let answer = self.pool.handle(request).await.map_err(|failure| match failure {
            Failure::Busy => {
                self.metrics.refused("busy");
                Problem::Busy { paid: pays }
            }
            Failure::TimedOut => {
                tracing::error!(route, "a request took too long and was stopped");
                Problem::TimedOut
            }
            Failure::Broken(error) => {
                tracing::error!(route, %error, "a request failed");
                Problem::Internal
            }
        })?;
        if pays && !is_merchant && answer.status() == StatusCode::PAYMENT_REQUIRED {
            self.gate.rate.charge(caller.address, self.clock.monotonic(), REFUSED_PAYMENT);
        }
        Ok(answer)
    }

    /// Answers a request for a picture.
    async fn picture(&self, request: &Request<Incoming>, caller: Caller) -> Result<Response, Problem> {
        let Some(slot) = self.pictures.slot(caller.address) else {
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

    async fn metrics_page(&self, request: &Request<Incoming>, caller: Caller) -> Result<Response, Problem> {
        if !caller.is_local {
            return Err(Problem::OperatorOnly);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Ok(response);
        }
        self.metrics.clock_held_back(self.clock.held_back());
        let mut response = Response::new(Bytes::from(self.sales.page().await));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
        Ok(response)
    }
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
