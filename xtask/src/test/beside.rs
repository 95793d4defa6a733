//! The clients' tests in a process of their own, beside the suites that compile.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::output;
use crate::proc::{self, Cmd, Group};
use crate::tally::{self, Tally};
use crate::workspace::Workspace;

/// How much lower the priority of all that is started afterwards is, by the scale of `nice`.
const COMPILERS: i32 = 10;

/// Suites that run in another process. Its output is kept until they have ended.
pub(super) struct Beside {
    group: Group,
    log: PathBuf,
    start: Instant,
}

/// Starts the suites of these names. What they need is built.
pub(super) fn start(workspace: &Workspace, names: &[&str]) -> Result<Beside> {
    let log = workspace.target.join("clients.log");
    let program = std::env::current_exe().context("this program has no path")?;
    output::note("the clients' tests run beside the others: what they say comes at the end");
    let group = Cmd::new(program, &workspace.root).args(["test", "--built"]).args(names).serve(&log)?;
    // Much of what they test is a promise of time; a compiler has made none.
    rustix::process::nice(COMPILERS).context("the priority cannot be lowered")?;
    Ok(Beside { group, log, start: Instant::now() })
}

impl Beside {
    /// Waits for their end, shows what they have said and adds up. Answers what is to be complained of.
    pub(super) fn end(mut self, name: &str, sum: &mut Tally) -> Result<Option<String>> {
        let status = self.group.wait(None)?;
        let log = fs::read(&self.log).with_context(|| format!("{} cannot be read", self.log.display()))?;
        let log = String::from_utf8_lossy(&log);
        let closing = log.lines().last().and_then(tally::closing_line);
        for line in log.lines() {
            // The sum over all suites is the one closing line.
            if !tally::is_closing_line(line) {
                output::say(line);
            }
        }
        output::note(&format!("== {name}, beside the others: {} s", self.start.elapsed().as_secs()));
        let complaint = match closing {
            // They have said themselves what failed.
            Some(tally) if status.success() == (tally.failed == 0) => {
                *sum += tally;
                return Ok(
                    (tally.failed > 0).then(|| format!("{name} failed: {} of their tests", tally.failed))
                );
            }
            Some(_) | None => format!("{name} failed: {}", proc::ending(status)),
        };
        *sum += Tally::FAIL;
        Ok(Some(complaint))
    }
}
