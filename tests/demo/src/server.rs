//! Accepts connections, and answers what the demo adds to the gateway.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use coinop_core::encoding::{base64, from_base64};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::answer::{Body, json as answered, own, refusal, wrong_method};
use crate::caller::Origin;
use crate::forward::forward;
use crate::route::{Resource, Route, Work};
use crate::transaction;
use crate::wallet::Wallet;

/// How long the head of a request may take to arrive, and how long an idle connection is kept.
const HEAD: Duration = Duration::from_secs(10);
/// The most bytes of a request to the wallet. A transaction has less than two thousand.
const LARGEST: usize = 16 << 10;
const SCRIPT: &str = include_str!("../wallet.js");
const STYLE: &str = include_str!("../wallet.css");

/// What the demo's front needs.
pub(crate) struct Demo {
    pub(crate) origin: Origin,
    pub(crate) wallet: Wallet,
    pub(crate) gateway: SocketAddr,
    /// The local chain's RPC.
    pub(crate) chain: SocketAddr,
    /// What `coinop pay` needs besides the URL, to pay with the demo's wallet.
    pub(crate) pay_options: String,
    /// The file that exists while the lamp is lit.
    pub(crate) lamp: PathBuf,
}

/// Answers on `listener`, for ever.
pub(crate) async fn serve(listener: TcpListener, demo: Arc<Demo>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // The process is probably out of file descriptors, so other connections have to end first.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let demo = demo.clone();
        let service = service_fn(move |request| {
            let demo = demo.clone();
            async move { Ok::<_, Infallible>(demo.answer(request, peer.ip()).await) }
        });
        tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
    }
}

impl Demo {
    async fn answer(&self, request: Request<Incoming>, client: IpAddr) -> Response<Body> {
        match request.uri().path().strip_prefix("/demo/").map(str::to_owned) {
            Some(path) => self.own(&path, request).await,
            None => forward(self.gateway, self.origin.host(), client, request).await,
        }
    }

    /// Answers a request for what the demo adds.
    async fn own(&self, path: &str, request: Request<Incoming>) -> Response<Body> {
        let Some(route) = Route::parse(path) else {
            return refusal(StatusCode::NOT_FOUND, "The demo has nothing here.");
        };
        if !route.takes(request.method()) {
            return wrong_method(route.methods());
        }
        let checked = match &route {
            Route::Read(_) => self.origin.check_read(request.headers()),
            Route::Work(_) => self.origin.check_write(request.headers()),
        };
        match (checked, route) {
            (Err(why), _) => refusal(StatusCode::FORBIDDEN, &why),
            (Ok(()), Route::Read(resource)) => self.read(resource).await,
            (Ok(()), Route::Work(work)) => self.work(work, request).await,
        }
    }

    async fn read(&self, resource: Resource) -> Response<Body> {
        match resource {
            Resource::Script => own(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT),
            Resource::Style => own(StatusCode::OK, "text/css; charset=utf-8", STYLE),
            Resource::Account => answered(&json!({
                "address": self.wallet.address(),
                "publicKey": base64(self.wallet.address().as_bytes()),
                "payOptions": self.pay_options,
            })),
            Resource::Lamp => answered(&json!({ "on": self.lamp.exists() })),
            Resource::Transaction(signature) => {
                transaction::page(self.chain, &signature, self.wallet.pay_to()).await
            }
        }
    }

    /// Works with the wallet: explains a transaction, or signs.
    async fn work(&self, work: Work, request: Request<Incoming>) -> Response<Body> {
        let Ok(body) = Limited::new(request.into_body(), LARGEST).collect().await else {
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large, or ended early.");
        };
        let body: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
        let field = work.field();
        let Some(bytes) = body.get(field).and_then(Value::as_str).and_then(from_base64) else {
            return refusal(StatusCode::BAD_REQUEST, &format!("Send {{\"{field}\": \"<base64>\"}}."));
        };
        let done = match work {
            Work::Explain => self.wallet.explain(&bytes),
            Work::Sign => {
                self.wallet.sign(&bytes).map(|signed| json!({ "signedTransaction": base64(&signed) }))
            }
            Work::SignMessage => {
                self.wallet.sign_message(&bytes).map(|signature| json!({ "signature": base64(&signature) }))
            }
        };
        match done {
            Ok(value) => answered(&value),
            Err(why) => refusal(StatusCode::UNPROCESSABLE_ENTITY, why),
        }
    }
}
