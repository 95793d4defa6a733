//! Accepts connections.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use coinop_core::config::Limits;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::answer::Answer;
use super::connection_limits::{ConnectionLimits, Taken};
use super::frontend::Frontend;
use super::linger::{Lingering, until};
use super::memory;
use super::places::{Places, Seat};
use crate::metrics::Metrics;

/// How long the head of a request may take to arrive, and how long an idle connection is kept.
const HEAD: Duration = Duration::from_secs(10);
/// The most unread input of a connection, in bytes. It is larger than the allowed head, so that a head which
/// is moderately too large is refused with an explanation.
const BUFFER: usize = 24 << 10;
/// How much of an answer the system may hold for a slow reader, in bytes. Linux would take up to 4 MiB, and this server
/// would call an answer sent of which the reader has taken nothing.
const SENT_AHEAD: usize = 128 << 10;
/// How long the last connections may take to close. In practice they take a moment.
const CLOSED: Duration = Duration::from_secs(1);

/// Answers on `listener`, with at most `connections` open at once, until `closing` becomes true, and then lets
/// running requests finish for up to `grace`. Afterwards no connection is open, because locking the devices comes
/// next and needs the descriptors. If this future is dropped, the connections close a moment later.
pub(crate) async fn serve<A: Answer>(
    listener: TcpListener,
    gateway: Arc<Frontend<A>>,
    limits: &Limits,
    connections: usize,
    closing: watch::Receiver<bool>,
    grace: Duration,
) {
    let unread = limits.max_unread_bytes.unwrap_or_else(memory::unread_bytes);
    let bounds = ConnectionLimits::new(connections, limits.connections_per_address, unread);
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
    let places = Places::new(bounds);
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
        let is_proxy = gateway.gate.proxies().has(peer.ip().to_canonical());
        // A client that closes its own connections by opening more may do so as often as it may ask.
        if !is_proxy && places.has_all(peer.ip()) && !gateway.may_ask(peer.ip()) {
            gateway.metrics.refused("client_connections");
            continue;
        }
        let place = match places.take(peer.ip(), is_proxy).await {
            Ok(place) => place,
            Err(taken) => {
                gateway.metrics.refused(match taken {
                    Taken::ByAll => "connections",
                    Taken::ByClient => "client_connections",
                });
                continue;
            }
        };
        set_up(&stream);
        let (seat, metrics) = (place.seat(), gateway.metrics.clone());
        let gateway = gateway.clone();
        let own = seat.clone();
        let service = service_fn(move |request| {
            let (gateway, seat) = (gateway.clone(), own.clone());
            async move { Ok::<_, Infallible>(gateway.answer(request, peer, &seat).await.map(Full::new)) }
        });
        let stream = TokioIo::new(Lingering::new(stream, place, bounds, cut.clone()));
        let connection = graceful.watch(http.serve_connection(stream, service));
        tokio::spawn(carry(connection, seat, metrics, cut.clone()));
    }
    drop(listener);
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            "stopping: requests that did not finish in time were cut off; the next start finishes their payments"
        );
    }
    cut_all.send_replace(true);
    if tokio::time::timeout(CLOSED, places.all_free()).await.is_err() {
        tracing::warn!("some connections did not close in time");
    }
}

fn set_up(stream: &TcpStream) {
    // Sends an answer at once. Otherwise it could wait for the acknowledgement of the answer before.
    let _ = stream.set_nodelay(true);
    let _ = set_socket_send_buffer_size(stream, SENT_AHEAD);
}

/// Runs a connection to its end, or until it has to go, or all connections are cut.
async fn carry(
    connection: impl Future<Output = hyper::Result<()>>,
    seat: Seat,
    metrics: Metrics,
    mut cut: watch::Receiver<bool>,
) {
    tokio::select! {
        () = until(&mut cut) => {}
        () = seat.until_it_must_go() => metrics.refused("idle_connection"),
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        },
    }
}
