//! A connection that is closed so that the client can still read the answer.
//!
//! A request that is too large is refused before all of it has arrived. If the connection were closed with
//! input still unread, the system would reset it, and the client would see a broken connection instead of the
//! answer. So after the answer the rest of the input is read for a moment and thrown away.
//!
//! A client that does not read the answer is cut off, because otherwise it could keep the connection for
//! ever. So is one that reads it so slowly that the whole answer takes too long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection_limits::ConnectionLimits;
use super::places::Place;

/// The limits on reading input after the answer: the time, and the bytes.
const MOMENT: Duration = Duration::from_secs(2);
const MOST: u64 = 8 << 20;

/// A client's connection, and its place among the connections that may be open.
pub(super) struct Lingering {
    open: Option<Open>,
    /// How long a client may take nothing of an answer.
    patience: Duration,
    /// How long a client may take for a whole answer.
    whole: Duration,
    /// When the answer must have been taken that is being written.
    due: Option<Instant>,
    /// Runs while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    cut: watch::Receiver<bool>,
}

/// An open connection. The place is freed after the descriptor, by the order of the fields.
struct Open {
    stream: TcpStream,
    place: Place,
}

impl Lingering {
    /// Wraps a connection. Once `cut` becomes true, or its sender is dropped, no input is read after the
    /// answer any more.
    pub(super) fn new(
        stream: TcpStream,
        place: Place,
        bounds: ConnectionLimits,
        cut: watch::Receiver<bool>,
    ) -> Self {
        let ConnectionLimits { patience, whole, .. } = bounds;
        Self { open: Some(Open { stream, place }), patience, whole, due: None, stalled: None, cut }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        match &mut self.open {
            Some(open) => Ok(Pin::new(&mut open.stream)),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Returns the result of a write. If the client has taken nothing for `patience`, or has not taken the answer within
    /// `whole`, it drops the connection and returns an error.
    fn progress<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let now = Instant::now();
        let due = *self.due.get_or_insert(now + self.whole);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let end = due.min(now + self.patience);
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep_until(end))).as_mut().poll(context));
        if let Some(Open { stream, .. }) = self.open.take() {
            // Discards at once what the client did not take, here and in the system.
            let _ = stream.set_zero_linger();
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Waits until all open connections must be closed at once.
pub(super) async fn until(cut: &mut watch::Receiver<bool>) {
    let _ = cut.wait_for(|cut| *cut).await;
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        let mut cut = self.cut.clone();
        // `has_changed` fails if the sender is dropped, and then nobody could cut this connection.
        if *cut.borrow() || cut.has_changed().is_err() || open.place.has_to_go() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let mut open = open;
            let drain = async {
                let _ = open.stream.shutdown().await;
                let rest = &mut (&mut open.stream).take(MOST);
                let _ = tokio::io::copy(rest, &mut tokio::io::sink()).await;
            };
            let seat = open.place.seat();
            // A client that is still sending afterwards gets the reset.
            tokio::select! {
                () = until(&mut cut) => {}
                () = seat.until_it_must_go() => {}
                _ = tokio::time::timeout(MOMENT, drain) => {}
            }
            drop(open);
        });
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.stream()?.poll_read(context, buffer);
        let received = buffer.filled().len().saturating_sub(before);
        if received > 0
            && let Some(open) = &self.open
        {
            open.place.received(received);
        }
        read
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream()?.poll_write(context, bytes);
        self.progress(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream()?.poll_write_vectored(context, bytes);
        self.progress(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // It is called when all of an answer has been written. Nothing is buffered here that would have to be flushed.
        if self.due.take().is_some()
            && let Some(open) = &self.open
        {
            open.place.sent();
        }
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}
