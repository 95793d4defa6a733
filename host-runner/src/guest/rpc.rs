//! The connections to the Solana RPC.
//!
//! Settling a payment takes several calls, one after the other, and a new TLS connection for each would cost
//! more than the calls. So connections are kept and reused. There is only one origin, which keeps this small.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::http::uri::Scheme;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use wasmtime_wasi_http::Error;

use crate::failpoint;
use crate::metrics::Metrics;

/// How long an unused connection is kept: less than servers keep it.
const KEPT: Duration = Duration::from_secs(20);
/// How many connections are kept.
const MOST_KEPT: usize = 16;
/// The largest answer, in bytes. A full transaction is a few kilobytes.
const LARGEST: usize = 4 << 20;

/// How long to wait for each part of an exchange.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    pub(super) connect: Duration,
    pub(super) first_byte: Duration,
    pub(super) whole: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Endpoint {
    scheme: Scheme,
    host: String,
    port: u16,
}

impl Endpoint {
    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme()?;
        let authority = uri.authority()?;
        let default = if *scheme == Scheme::HTTPS {
            443
        } else if *scheme == Scheme::HTTP {
            80
        } else {
            return None;
        };
        Some(Self {
            scheme: scheme.clone(),
            host: authority.host().to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(default),
        })
    }
}

type Sender = SendRequest<Full<Bytes>>;

/// The RPC. Clones share its connections.
#[derive(Clone)]
pub(crate) struct Rpc(Arc<Inner>);

struct Inner {
    origin: Endpoint,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    idle: Mutex<Vec<(Sender, Instant)>>,
    metrics: Metrics,
}

impl Rpc {
    /// Returns `None` if `url` is not an http or https address.
    pub(crate) fn new(url: &str, metrics: Metrics) -> Option<Self> {
        let origin = Endpoint::of(&url.parse().ok()?)?;
        let tls = if origin.scheme == Scheme::HTTPS {
            let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
            let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
            // An IPv6 address is in brackets in a URL, but not in a server name.
            let name = origin.host.trim_matches(['[', ']']).to_owned();
            let name = ServerName::try_from(name).ok()?;
            Some((TlsConnector::from(Arc::new(config)), name))
        } else {
            None
        };
        Some(Self(Arc::new(Inner { origin, tls, idle: Mutex::default(), metrics })))
    }

    /// Tells whether this is an address of the RPC.
    pub(super) fn is_at(&self, uri: &Uri) -> bool {
        Endpoint::of(uri).as_ref() == Some(&self.0.origin)
    }

    /// Sends one request and reads the whole answer.
    pub(super) async fn send(&self, request: Request<Bytes>, waits: Waits) -> Result<Response<Bytes>, Error> {
        let started = Instant::now();
        failpoint::reach("rpc.send");
        let result = match timeout(waits.whole, self.exchange(&request, waits)).await {
            Ok(result) => result,
            Err(_) => Err(Error::HttpResponseTimeout),
        };
        failpoint::reach("rpc.answered");
        let outcome = match &result {
            Ok(response) if response.status().is_success() => "ok",
            Ok(_) => "refused",
            Err(_) => "failed",
        };
        self.0.metrics.asked_rpc(outcome, started.elapsed());
        result
    }

    async fn exchange(&self, request: &Request<Bytes>, waits: Waits) -> Result<Response<Bytes>, Error> {
        if let Some(sender) = self.kept() {
            match self.over(sender, request, waits).await {
                // The server may have closed a kept connection at the moment of its use. Every request to the
                // RPC may be sent twice, because a transaction lands only once.
                Err(Error::Hyper(error)) => {
                    tracing::debug!(%error, "an idle connection to the RPC failed; opening a new one");
                }
                result => return result,
            }
        }
        let sender = timeout(waits.connect, self.connect()).await.map_err(|_| Error::ConnectionTimeout)??;
        self.over(sender, request, waits).await
    }

    fn kept(&self) -> Option<Sender> {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(sender, since)| sender.is_ready() && since.elapsed() < KEPT);
        idle.pop().map(|(sender, _)| sender)
    }

    fn keep(&self, sender: Sender) {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_KEPT {
            idle.push((sender, Instant::now()));
        }
    }

    async fn connect(&self) -> Result<Sender, Error> {
        let Endpoint { host, port, .. } = &self.0.origin;
        let stream =
            TcpStream::connect((host.trim_matches(['[', ']']), *port)).await.map_err(Error::Connect)?;
        let _ = stream.set_nodelay(true);
        match &self.0.tls {
            None => handshake(TokioIo::new(stream)).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(Error::Tls)?;
                handshake(TokioIo::new(stream)).await
            }
        }
    }

    async fn over(
        &self,
        mut sender: Sender,
        request: &Request<Bytes>,
        waits: Waits,
    ) -> Result<Response<Bytes>, Error> {
        let mut copy = request.clone().map(Full::new);
        // The request goes to a server and not to a proxy, so only the path is sent.
        let path = request.uri().path_and_query().cloned();
        *copy.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
        let response = timeout(waits.first_byte, sender.send_request(copy))
            .await
            .map_err(|_| Error::ConnectionReadTimeout)??;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LARGEST).collect().await;
        let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(error) => Error::Hyper(*error),
            Err(_) => Error::HttpResponseBodySize(None),
        })?;
        if sender.is_ready() || sender.ready().await.is_ok() {
            self.keep(sender);
        }
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

async fn handshake<T>(stream: T) -> Result<Sender, Error>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(stream).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the RPC ended");
        }
    });
    Ok(sender)
}

#[cfg(test)]
mod tests;
