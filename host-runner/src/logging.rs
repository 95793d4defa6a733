//! The log: lines for people on a terminal, JSON for machines otherwise.
//!
//! It goes to standard error, because standard output is for a command's result.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts the log. `COINOP_LOG` sets what is logged, as in `COINOP_LOG=debug` or
/// `COINOP_LOG=info,coinop::access=debug`.
pub(crate) fn start() -> Result<(), String> {
    let filter = match std::env::var("COINOP_LOG") {
        Ok(text) if !text.trim().is_empty() => EnvFilter::try_new(&text)
            .map_err(|error| format!("COINOP_LOG={text}: {error}; try COINOP_LOG=debug"))?,
        _ => EnvFilter::new("info"),
    };
    let terminal = std::io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    let started = if terminal {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    started.map_err(|error| error.to_string())
}
