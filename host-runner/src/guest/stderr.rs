//! Writes what the component prints to the log, line by line.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use super::refusals::RefusalLog;

/// The longest line, in bytes. A longer one is cut into several.
const LONGEST: usize = 2048;

/// One of the component's standard streams.
#[derive(Clone)]
pub(super) struct Lines {
    stream: &'static str,
    refusals: RefusalLog,
    pending: Vec<u8>,
}

impl Lines {
    pub(super) const fn new(stream: &'static str, refusals: RefusalLog) -> Self {
        Self { stream, refusals, pending: Vec::new() }
    }

    fn say(&mut self) {
        if !self.pending.is_empty() {
            let line = String::from_utf8_lossy(&self.pending);
            if let Some(line) = self.refusals.line(line.trim_end(), Instant::now()) {
                tracing::info!(target: "coinop::component", stream = self.stream, "{line}");
            }
            self.pending.clear();
        }
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Lines {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        for &byte in bytes {
            if byte == b'\n' || self.pending.len() >= LONGEST {
                self.say();
            }
            if byte != b'\n' {
                self.pending.push(byte);
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.say();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.say();
    }
}
