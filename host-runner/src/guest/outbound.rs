//! Lets the component connect to the configured RPC, and nowhere else.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::rpc::{Rpc, Waits};

/// The longest wait for a connection, or for the first byte of an answer.
const WAIT: Duration = Duration::from_secs(10);

/// The longest wait for a whole answer.
const WHOLE: Duration = Duration::from_secs(20);

/// The largest request, in bytes.
const LARGEST: usize = 1 << 20;

/// The outgoing requests of one instance.
pub(super) struct Outbound {
    rpc: Rpc,
    /// When the present call must stop waiting for the RPC.
    until: Instant,
}

impl Outbound {
    pub(super) fn new(rpc: Rpc) -> Self {
        let until = Instant::now();
        Self { rpc, until }
    }

    /// Sets how long the next call may wait for the RPC in total. An RPC that does not answer must not use up
    /// the call's own time limit, because the component must be able to say what follows from the silence.
    pub(super) fn allow(&mut self, budget: Duration) {
        self.until = Instant::now() + budget;
    }

    fn waits(&self, options: Option<RequestOptions>) -> Option<Waits> {
        let left = self.until.saturating_duration_since(Instant::now());
        let most = WAIT.min(left);
        let options = options.unwrap_or_default();
        (!left.is_zero()).then(|| Waits {
            connect: options.connect_timeout.unwrap_or(most).min(most),
            first_byte: options.first_byte_timeout.unwrap_or(most).min(most),
            whole: WHOLE.min(left),
        })
    }
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
        if !self.rpc.is_at(request.uri()) {
            // The address is not logged, because its path may contain a key.
            tracing::warn!("refused the component's request to an address other than the RPC's");
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        }
        let Some(waits) = self.waits(options) else {
            return Box::new(std::future::ready(Err(Error::ConnectionTimeout)));
        };
        let rpc = self.rpc.clone();
        Box::new(async move {
            let (head, body) = request.into_parts();
            let body = Limited::new(body, LARGEST).collect().await;
            let body = body.map_err(|_| Error::HttpRequestBodySize(None))?;
            let request = Request::from_parts(head, body.to_bytes());
            let response = rpc.send(request, waits).await?;
            let whole = |body| Full::new(body).map_err(|never| match never {}).boxed_unsync();
            let ending: Ending = Box::new(std::future::ready(Ok(())));
            Ok((response.map(whole), ending))
        })
    }

    fn p2_error_from_connect(&mut self, error: &std::io::Error) -> ErrorCode {
        tracing::debug!(%error, "the RPC cannot be reached");
        ErrorCode::ConnectionRefused
    }

    fn p2_error_from_hyper(&mut self, error: &hyper::Error) -> ErrorCode {
        tracing::debug!(%error, "the connection to the RPC failed");
        ErrorCode::HttpProtocolError
    }
}
