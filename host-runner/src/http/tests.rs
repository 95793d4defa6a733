//! Tests of the server on real sockets, with a stand-in for the component.

mod gate;
mod pictures;
mod proxied;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coinop_core::config::{Config, Limits};
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::answer::Answer;
use super::connection_limits::ConnectionLimits;
use super::server::serve_within;
use super::{Frontend, Gate, PublicOrigin};
use crate::clock::SteadyClock;
use crate::db::Db;
use crate::guest::{Failure, Request, Response};
use crate::metrics::Metrics;
use crate::sales::SalesMeter;

/// A time limit longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);
const BOUNDS: ConnectionLimits = ConnectionLimits {
    connections: 16,
    per_client: 16,
    unread: 32 << 20,
    patience: Duration::from_secs(10),
    whole: LONG,
};

/// Returns the limits of requests. With a rate of 0, there are none.
fn rate(requests_per_second: u64, burst: u64) -> Limits {
    Limits {
        requests_per_second,
        burst,
        connections_per_address: 16,
        max_unread_bytes: None,
        trusted_proxies: Vec::new(),
    }
}

/// A stand-in for the component. The requested path decides the answer.
#[derive(Default)]
struct Fake {
    asked: AtomicUsize,
    last: Mutex<HeaderMap>,
}

impl Answer for Fake {
    async fn handle(&self, request: Request) -> Result<Response, Failure> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        *self.last.lock().unwrap() = request.headers().clone();
        match request.uri().path() {
            "/never" => std::future::pending().await,
            "/busy" => Err(Failure::Busy),
            "/refused" => Ok(with_status(402, "refused")),
            "/ready" => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok(with_status(503, r#"{"ready":false,"storage":"failing"}"#))
            }
            "/much" => Ok(Response::new(Bytes::from(vec![b'x'; 64 << 20]))),
            _ => Ok(Response::new(Bytes::from_static(b"hello"))),
        }
    }
}

fn with_status(status: u16, body: &'static str) -> Response {
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = status.try_into().unwrap();
    response
}

/// The merchant's API key.
const KEY: &str = "coinop_api_key";

/// Returns a configuration that sells nothing.
fn config() -> Config {
    let hash = Sha256::digest(KEY).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let config = serde_json::json!({
        "public_url": "http://gateway.test",
        "merchant": { "pay_to": "H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5", "tokens": ["USDC"], "api_keys": [format!("sha256:{hash}")] },
        "solana": { "network": "devnet", "rpc_url": "http://127.0.0.1:8899" },
        "settlement": { "mode": "local", "fee_payer_keypair": "fee-payer.json" },
        "asset": [],
    });
    Config::from_json(&config).unwrap()
}

struct World {
    address: SocketAddr,
    gateway: Arc<Frontend<Fake>>,
    close: watch::Sender<bool>,
    server: JoinHandle<()>,
    /// Holds the database, and the pictures.
    folder: tempfile::TempDir,
}

impl World {
    async fn new(bounds: ConnectionLimits, limits: Limits, grace: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let metrics = Metrics::new().unwrap();
        let gateway = Arc::new(Frontend {
            recent: crate::recent::Recent::default(),
            pictures: super::Pictures::beside(folder.path()),
            pool: Arc::default(),
            origin: PublicOrigin::new("http://gateway.test").unwrap(),
            gate: Gate::new(config().merchant, &limits),
            sales: SalesMeter::new(
                Db::open(folder.path(), metrics.clone()).unwrap(),
                &config(),
                metrics.clone(),
            ),
            metrics,
            clock: SteadyClock::system(Duration::ZERO),
        });
        let (close, closing) = watch::channel(false);
        let server = tokio::spawn(serve_within(bounds, listener, gateway.clone(), closing, grace));
        Self { address, gateway, close, server, folder }
    }

    async fn with(bounds: ConnectionLimits) -> Self {
        Self::new(bounds, rate(0, 1), Duration::ZERO).await
    }

    async fn client(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Waits until a new connection is answered.
    async fn answers_again(&self) -> Client {
        eventually(async || {
            let mut client = self.client().await;
            (client.ask("GET /health", "").await?.0 == 200).then_some(client)
        })
        .await
    }

    /// Connects from another address of this machine. Only Linux has 127.0.0.2 without any setup.
    #[cfg(target_os = "linux")]
    async fn client_at(&self, last: u8) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
        Client(socket.connect(self.address).await.unwrap())
    }

    /// Waits until the component was asked so often.
    async fn asked(&self, times: usize) {
        eventually(async || (self.gateway.pool.asked.load(Ordering::SeqCst) >= times).then_some(())).await;
    }

    fn page(&self) -> String {
        String::from_utf8(self.gateway.metrics.page()).unwrap()
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, what: &str, headers: &str) -> Option<()> {
        let request = format!("{what} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        self.0.write_all(request.as_bytes()).await.ok()
    }

    /// Returns the status, head and body of an answer, or `None` if there is none.
    async fn answer(&mut self, with_body: bool) -> Option<(u16, String, String)> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        let mut body = vec![0; if with_body { length.parse().ok()? } else { 0 }];
        self.0.read_exact(&mut body).await.ok()?;
        Some((status, head, String::from_utf8(body).unwrap()))
    }

    async fn ask(&mut self, what: &str, headers: &str) -> Option<(u16, String, String)> {
        self.send(what, headers).await?;
        self.answer(!what.starts_with("HEAD")).await
    }

    /// Waits until the server closes the connection.
    async fn closed(&mut self) {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(LONG, self.0.read_to_end(&mut rest));
        let _ = end.await.expect("the connection stays open");
    }
}

async fn eventually<T>(mut happens: impl AsyncFnMut() -> Option<T>) -> T {
    let again = async {
        loop {
            if let Some(happened) = happens().await {
                return happened;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LONG, again).await.expect("it never happens")
}

#[tokio::test]
async fn no_more_connections_than_there_are_places_while_all_are_being_answered() {
    let world = World::with(ConnectionLimits { connections: 3, ..BOUNDS }).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut client = world.client().await;
        client.send("GET /never", "").await.unwrap();
        open.push(client);
    }
    world.asked(3).await;
    for _ in 0..5 {
        world.client().await.closed().await;
    }
    assert!(world.page().contains(r#"coinop_http_refused_total{reason="connections"} 5"#));
    open.pop();
    world.answers_again().await;
}

#[tokio::test]
async fn who_does_not_read_is_cut_off_and_who_reads_slowly_is_not() {
    let patience = Duration::from_secs(1);
    let world = World::with(ConnectionLimits { patience, ..BOUNDS }).await;
    let mut slow = world.client().await;
    slow.send("GET /much", "").await.unwrap();
    let mut idle = world.client().await;
    idle.send("GET /much", "").await.unwrap();
    let begun = std::time::Instant::now();
    let mut buffer = vec![0; 1 << 20];
    let mut read = 0;
    while begun.elapsed() < 3 * patience {
        // At most about 10 MiB a second.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let n = slow.0.read(&mut buffer[..512 << 10]).await.unwrap();
        assert!(n > 0, "cut off after {read} bytes");
        read += n;
    }
    // The data that had arrived can be read, and then comes the reset.
    let rest = tokio::time::timeout(LONG, idle.0.read_to_end(&mut Vec::new())).await.unwrap();
    assert!(rest.is_err(), "{rest:?}");
    slow.0.read_exact(&mut buffer).await.unwrap();
}

#[tokio::test]
async fn nothing_is_open_once_it_has_stopped_inv_4() {
    let world = World::with(BOUNDS).await;
    let mut waiting = world.client().await;
    waiting.send("GET /never", "").await.unwrap();
    let mut stuck = world.client().await;
    stuck.send("GET /much", "").await.unwrap();
    let mut idle = world.client().await;
    assert_eq!(idle.ask("GET /x", "").await.unwrap().0, 200);
    // A connection that was refused, whose input is only read to its end.
    let mut refused = world.client().await;
    let large = refused.ask("POST /x", "content-length: 1000000\r\n").await.unwrap();
    assert_eq!(large.0, 413);
    world.asked(3).await;
    world.close.send(true).unwrap();
    let stopped = std::time::Instant::now();
    world.server.await.unwrap();
    // Less than the time for which the input of a refused connection would be read.
    assert!(stopped.elapsed() < Duration::from_secs(1));
    eventually(async || (Arc::strong_count(&world.gateway) == 1).then_some(())).await;
    for client in [&mut waiting, &mut stuck, &mut idle, &mut refused] {
        client.closed().await;
    }
}

#[tokio::test]
async fn nothing_stays_open_when_the_server_is_dropped_inv_4() {
    let world = World::with(BOUNDS).await;
    let mut waiting = world.client().await;
    waiting.send("GET /never", "").await.unwrap();
    world.asked(1).await;
    world.server.abort();
    waiting.closed().await;
    eventually(async || (Arc::strong_count(&world.gateway) == 1).then_some(())).await;
}

#[tokio::test]
async fn running_requests_may_finish() {
    let world = World::new(BOUNDS, rate(0, 1), LONG).await;
    let mut client = world.client().await;
    client.send("POST /x", "content-length: 1\r\n").await.unwrap();
    eventually(async || world.page().contains("in_flight 1").then_some(())).await;
    world.close.send(true).unwrap();
    client.0.write_all(b"x").await.unwrap();
    assert_eq!(client.answer(true).await.unwrap().0, 200);
    world.server.await.unwrap();
}

#[tokio::test]
async fn health_is_answered_whatever_the_component_does() {
    let world = World::with(BOUNDS).await;
    let mut busy = Vec::new();
    for _ in 0..4 {
        let mut client = world.client().await;
        client.send("GET /never", "").await.unwrap();
        busy.push(client);
    }
    world.asked(4).await;
    let mut client = world.client().await;
    for _ in 0..50 {
        let (status, head, body) = client.ask("GET /health?x=1", "").await.unwrap();
        assert_eq!((status, body.as_str()), (200, r#"{"status":"ok"}"#));
        assert!(head.contains("content-type: application/json\r\n"), "{head}");
        assert!(head.contains("cache-control: no-store\r\n"), "{head}");
        let (status, head, _) = client.ask("HEAD /health", "").await.unwrap();
        assert_eq!(status, 200);
        assert!(head.contains("content-length: 15\r\n"), "{head}");
    }
    assert_eq!(world.gateway.pool.asked.load(Ordering::SeqCst), 4);
    // Any other request to this path goes to the component.
    assert_eq!(client.ask("POST /health", "").await.unwrap().0, 200);
    assert_eq!(world.gateway.pool.asked.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn only_this_host_tells_the_component_about_itself() {
    let world = World::with(BOUNDS).await;
    let mut client = world.client().await;
    let headers = "coinop-recent-blockhash: x\r\ncoinop-no-wait: 1\r\nCoinOp-No-Wait: 2\r\ncoinop-wait: again\r\nCoinOp-Wait: 0\r\nspin-client-addr: x\r\ncoinop-other: 3\r\n";
    assert_eq!(client.ask("GET /x", headers).await.unwrap().0, 200);
    let seen = world.gateway.pool.last.lock().unwrap();
    assert!(!seen.contains_key("coinop-no-wait"));
    assert!(!seen.contains_key("coinop-wait"));
    assert!(!seen.contains_key("coinop-recent-blockhash"));
    assert!(!seen.contains_key("spin-client-addr"));
    assert_eq!(seen["coinop-other"], "3");
    assert_eq!(seen["host"], "gateway.test");
}

#[tokio::test]
async fn who_pays_is_never_told_that_nothing_was_charged_inv_2() {
    let world = World::with(BOUNDS).await;
    let mut client = world.client().await;
    for headers in ["payment-signature: a\r\n", "x-payment: a\r\n"] {
        let (status, head, body) = client.ask("GET /busy", headers).await.unwrap();
        assert_eq!(status, 503);
        assert!(head.contains("retry-after: 1\r\n"), "{head}");
        assert!(body.contains("Send the same payment again; do not sign another one."), "{body}");
        assert!(!body.contains("not charged"), "{body}");
    }
    let (status, _, body) = client.ask("GET /busy", "").await.unwrap();
    assert_eq!(status, 503);
    assert!(body.contains("Try again in a second."), "{body}");
}
