//! Runs `cargo test` and counts.

use anyhow::{Result, bail};

use crate::proc::{self, Cmd};
use crate::tally::{self, Tally};

/// Runs a `cargo test` and counts its tests.
pub(super) fn cargo(cmd: Cmd, tally: &mut Tally) -> Result<()> {
    let status = cmd.run_looking(|line| {
        if let Some(part) = tally::cargo_line(line) {
            *tally += part;
        }
        !tally::is_closing_line(line)
    })?;
    if !status.success() && tally.failed == 0 {
        bail!("cargo test failed ({})", proc::ending(status));
    }
    Ok(())
}
