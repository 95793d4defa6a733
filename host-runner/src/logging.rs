//! The log: lines for people on a terminal, JSON for machines otherwise.
//!
//! It goes to standard error, because standard output is for a command's result.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts the log. `COINOP_LOG` sets what is logged, as in `COINOP_LOG=debug` or
/// `COINOP_LOG=info,coinop::access=debug`.
pub(crate) fn start() -> Result<(), String> {
    let filter = match std::env::var("COINOP_LOG") {
        Ok(text) if !text.trim().is_empty() => filter(&text)?,
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
