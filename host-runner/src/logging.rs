//! The log: lines for people on a terminal, JSON for machines otherwise.
//!
//! It goes to standard error, because standard output is for a command's result.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// How many lines wait for a reader of the log before further ones are dropped.
const WAITING: usize = 256;
/// How long the end of the process waits for a reader of the log.
const PATIENCE: Duration = Duration::from_millis(500);

/// Starts the log. `COINOP_LOG` sets what is logged, as in `COINOP_LOG=debug` or
/// `COINOP_LOG=info,coinop::access=debug`.
pub(crate) fn start() -> Result<(), String> {
    start_with(BoxMakeWriter::new(io::stderr))
}

/// Starts the log so that nothing waits for whoever reads it: a terminal that is held, or a full pipe. Returns `None` if
/// there is no log.
pub(crate) fn start_detached() -> Option<Detached> {
    let (lines, come) = sync_channel::<Vec<u8>>(WAITING);
    let waiting = Arc::new(AtomicUsize::new(0));
    let written = waiting.clone();
    let write = move || {
        for line in come {
            let _ = io::stderr().write_all(&line);
            written.fetch_sub(1, Ordering::SeqCst);
        }
    };
    std::thread::Builder::new().name("log".to_owned()).spawn(write).ok()?;
    let detached = Detached { lines, waiting };
    let writer = detached.clone();
    start_with(BoxMakeWriter::new(move || writer.clone())).ok()?;
    Some(detached)
}

/// A log that is written by a thread of its own.
#[derive(Clone)]
pub(crate) struct Detached {
    lines: SyncSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

impl Detached {
    /// Waits until everything is written, but not for long.
    pub(crate) fn flush(&self) {
        let begun = Instant::now();
        while self.waiting.load(Ordering::SeqCst) > 0 && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Write for Detached {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        if self.lines.try_send(bytes.to_vec()).is_err() {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn start_with(writer: BoxMakeWriter) -> Result<(), String> {
    let filter = match std::env::var("COINOP_LOG") {
        Ok(text) if !text.trim().is_empty() => filter(&text)?,
        _ => EnvFilter::new("info"),
    };
    let terminal = io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(terminal);
    let started = if terminal {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    started.map_err(|error| error.to_string())
}

/// Reads the value of `COINOP_LOG`.
///
/// A single word has to be a level. The filter would take any other word for the name of a module, and then log nothing
/// else, not even errors.
fn filter(text: &str) -> Result<EnvFilter, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let words = text.split(',').map(str::trim).filter(|word| !word.contains(['=', '[', ':']));
    if let Some(word) = words.filter(|word| !word.is_empty()).find(|word| !is_level(word)) {
        return Err(format!("COINOP_LOG={text}: `{word}` is not a level; use one of {}", LEVELS.join(", ")));
    }
    EnvFilter::try_new(text).map_err(|error| format!("COINOP_LOG={text}: {error}; try COINOP_LOG=debug"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_refused_and_silences_nothing() {
        for text in ["info", "WARN", "info,coinop::access=debug", "coinop::access=debug", " error ,", "off"] {
            assert!(filter(text).is_ok(), "{text}");
        }
        for text in ["debgu", "warning", "info,coinop", "coinop::access=loud"] {
            let error = filter(text).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }
}
