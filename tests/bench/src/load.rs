//! The load generator: a number of connections, each of which sends the next request as soon as the last one
//! is answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper::{Request, Response, http::request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A kept connection to a server.
pub(crate) struct Connection {
    send: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("nobody is at {address}"))?;
        stream.set_nodelay(true)?;
        let (send, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { send, host: address.to_owned() })
    }

    /// Opens the connection again, because a server ends a connection that was idle during the turns of
    /// others.
    pub(crate) async fn renew(&mut self) -> Result<()> {
        *self = Self::open(&self.host).await?;
        Ok(())
    }

    /// Sends a GET, and reads the whole answer.
    pub(crate) async fn get(
        &mut self,
        target: &str,
        header: Option<(&str, &str)>,
    ) -> Result<Response<Bytes>> {
        let mut request = Request::get(target);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        self.send(request, Bytes::new()).await
    }

    /// Sends a request with this body, and reads the whole answer.
    pub(crate) async fn send(
        &mut self,
        request: request::Builder,
        body: impl Into<Bytes>,
    ) -> Result<Response<Bytes>> {
        self.send.ready().await?;
        let request = request.header(HOST, &self.host).body(Full::new(body.into()))?;
        let answer = self.send.send_request(request).await?;
        let (head, body) = answer.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}

/// A client that uses one connection.
pub(crate) trait Client: Send + 'static {
    /// Returns its connection.
    fn connection(&mut self) -> &mut Connection;

    /// Does its work once, and returns how long that took.
    fn once(&mut self) -> impl Future<Output = Result<Duration>> + Send;
}

/// The result of a load.
pub(crate) struct Outcome {
    /// How many times per second all clients together did their work.
    pub(crate) per_second: f64,
    /// How long each time took, the shortest first.
    pub(crate) took: Vec<Duration>,
}

impl Outcome {
    /// Returns the longest time among this share of the shortest.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let last = self.took.len().saturating_sub(1);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let at = (last as f64 * share) as usize;
        self.took.get(at).copied().unwrap_or_default()
    }
}

/// Runs the clients for this long, and returns them for the next time.
pub(crate) async fn load<C: Client>(clients: Vec<C>, lasting: Duration) -> Result<(Vec<C>, Outcome)> {
    let start = Arc::new(tokio::sync::Barrier::new(clients.len()));
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let start = start.clone();
            tokio::spawn(async move {
                // A client that cannot connect must not block the others.
                let there = client.connection().renew().await;
                start.wait().await;
                there?;
                let begun = Instant::now();
                let mut took = Vec::new();
                while begun.elapsed() < lasting {
                    took.push(client.once().await?);
                }
                anyhow::Ok((client, took, begun.elapsed()))
            })
        })
        .collect();
    let (mut clients, mut took, mut longest) = (Vec::new(), Vec::new(), Duration::ZERO);
    for task in tasks {
        let (client, its, elapsed) = task.await??;
        clients.push(client);
        took.extend(its);
        longest = longest.max(elapsed);
    }
    took.sort_unstable();
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let per_second = took.len() as f64 / longest.as_secs_f64();
    Ok((clients, Outcome { per_second, took }))
}
