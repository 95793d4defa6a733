//! Tries guards on the simulator: without one of them, a world must fail.
//!
//! The simulator knows no guard, only what must hold. A guard that it does not miss holds up something that no world of it
//! has.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::data::Guard;
use super::tree;
use super::trial::{complaint, replace};
use crate::output;
use crate::proc::Cmd;
use crate::sim::PACKAGE;
use crate::stop;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// How long the worlds of one guard may take.
const LIMIT: Duration = Duration::from_secs(300);

/// What the simulator says without a guard.
enum Verdict {
    /// What did not hold, and in which world.
    Found(String),
    /// All worlds held.
    Unseen,
    /// The worlds did not come to an end.
    Hung,
    /// The edit can't be made, or what it makes does not compile.
    NotTried(String),
}

/// Removes one guard after another from a copy of the sources, and counts for which of them a world fails. `plays` is how
/// many worlds are played, and how many sieges after them.
///
/// # Errors
/// When a world fails with all guards in place, or the simulator can't be built.
pub(super) fn try_all(
    workspace: &Workspace,
    guards: &[&Guard],
    plays: [u64; 2],
    tally: &mut Tally,
) -> Result<()> {
    let folder = workspace.cache.join("mutants");
    let (tree, _lock) = tree::prepare(workspace, &folder)?;
    let [worlds, sieges] = plays;
    let trial = Trial { tree, target: folder.join("target-sim"), worlds, sieges };
    if let Some(complaint) = trial.build()? {
        bail!("the simulator does not compile with all guards in place: {complaint}");
    }
    match trial.play()? {
        Verdict::Unseen => {}
        Verdict::Found(why) => bail!("a world fails with all guards in place: {why}"),
        Verdict::Hung => bail!("the worlds do not come to an end with all guards in place"),
        Verdict::NotTried(why) => bail!("no world was played: {why}"),
    }
    for guard in guards {
        let start = Instant::now();
        let verdict = trial.without(guard)?;
        stop::check()?;
        let (is_found, words) = match verdict {
            Verdict::Found(why) => (true, why),
            Verdict::Unseen => (false, format!("{worlds} worlds and {sieges} sieges hold without it")),
            Verdict::Hung => (false, "the worlds do not come to an end without it".to_owned()),
            Verdict::NotTried(why) => (false, why),
        };
        let result = if is_found { "ok" } else { "FAILED" };
        output::say(&format!(
            "test guard {} ... {result} ({} s): {words}",
            guard.id,
            start.elapsed().as_secs()
        ));
        *tally += if is_found { Tally::PASS } else { Tally::FAIL };
    }
    Ok(())
}

struct Trial {
    tree: PathBuf,
    target: PathBuf,
    worlds: u64,
    sieges: u64,
}

impl Trial {
    /// Removes a guard, plays the worlds, and puts the guard back.
    fn without(&self, guard: &Guard) -> Result<Verdict> {
        let files = match guard.edited(&self.tree) {
            Ok(files) => files,
            Err(error) => return Ok(Verdict::NotTried(format!("the edit cannot be made: {error:#}"))),
        };
        let originals = replace(&self.tree, &files)?;
        let verdict = match self.build() {
            Ok(None) => self.play(),
            Ok(Some(why)) => Ok(Verdict::NotTried(format!("the edited code does not compile: {why}"))),
            Err(error) => Err(error),
        };
        replace(&self.tree, &originals)?;
        verdict
    }

    /// Builds the simulator; returns what the compiler says if it does not compile.
    fn build(&self) -> Result<Option<String>> {
        let cargo = Cmd::cargo(&self.tree)
            .without_own_env()
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_INCREMENTAL", "1")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_TERM_COLOR", "never");
        let done = cargo.args(["build", "--release", "-p", PACKAGE]).collect(None)?;
        let is_built = done.status.is_some_and(|status| status.success());
        Ok((!is_built).then(|| complaint(&done.err)))
    }

    /// Plays the worlds and then the sieges, until one fails.
    fn play(&self) -> Result<Verdict> {
        match self.play_some(self.worlds, &[])? {
            Verdict::Unseen if self.sieges > 0 => self.play_some(self.sieges, &["--sieges"]),
            verdict => Ok(verdict),
        }
    }

    /// Plays so many worlds until one fails.
    fn play_some(&self, count: u64, options: &[&str]) -> Result<Verdict> {
        let program = Path::new("release").join(PACKAGE);
        let count = count.to_string();
        let cmd = Cmd::new(self.target.join(program), &self.tree).args(["--quick", "--seeds", &count]);
        let cmd = cmd.args(options);
        let done = cmd.collect(Some(LIMIT))?;
        Ok(match done.status {
            None => Verdict::Hung,
            Some(status) if status.success() => Verdict::Unseen,
            Some(_) => Verdict::Found(
                done.out
                    .lines()
                    .find_map(|line| line.strip_prefix("BROKEN "))
                    .unwrap_or("it crashed")
                    .to_owned(),
            ),
        })
    }
}
