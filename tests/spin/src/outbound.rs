//! Outgoing HTTP, which goes only where the manifest allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt as _;
use hyper::{Request, Response, Uri};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

/// Scheme, host and port. `localhost` is not `127.0.0.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// Reads an entry of `allowed_outbound_hosts` that is filled in.
    ///
    /// # Errors
    ///
    /// Fails if Spin would refuse the entry, or if it is a pattern, which this stand-in does not support.
    pub fn allowed(text: &str) -> Result<Self, String> {
        let refused = |why: &str| format!("{text:?} is not an allowed outbound host: {why}");
        if text.contains('*') {
            return Err(refused("patterns are not known here"));
        }
        let uri: Uri = text.trim().parse().map_err(|_| refused("it is no address"))?;
        if uri.path() != "/" || uri.query().is_some() {
            return Err(refused("it has a path"));
        }
        Self::of(&uri).ok_or_else(|| refused("it must be http:// or https:// and a host"))
    }

    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme_str()?;
        let usual = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?;
        let port = uri.port_u16().unwrap_or(usual);
        Some(Self { scheme: scheme.to_owned(), host: host.to_ascii_lowercase(), port })
    }
}

/// Counts the requests of instances to the outside.
#[derive(Debug, Default)]
pub struct Outgoing {
    sent: AtomicUsize,
    denied: AtomicUsize,
}

impl Outgoing {
    /// Returns the number of requests that were let through.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns the number of requests to where the manifest does not allow.
    pub fn denied(&self) -> usize {
        self.denied.load(Ordering::Relaxed)
    }
}

/// The outgoing requests of one instance.
pub(crate) struct Outbound {
    pub(crate) allowed: Vec<Origin>,
    pub(crate) outgoing: Arc<Outgoing>,
}

type Ending = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sending = Box<dyn Future<Output = Result<(Response<WasiBody>, Ending), Error>> + Send>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Ending,
    ) -> Sending {
        let origin = Origin::of(request.uri());
        if !origin.is_some_and(|origin| self.allowed.contains(&origin)) {
            self.outgoing.denied.fetch_add(1, Ordering::Relaxed);
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        }
        self.outgoing.sent.fetch_add(1, Ordering::Relaxed);
        Box::new(async move {
            let (response, ending) = default_send_request(request, options).await?;
            let ending: Ending = Box::new(ending);
            Ok((response.map(|body| body.boxed_unsync()), ending))
        })
    }
}
