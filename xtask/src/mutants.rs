//! `cargo xtask mutants`: removes one guard after another from a copy of the sources, and expects its tests to fail.
//!
//! A test that passes whatever the code does proves nothing. `tests/mutants/` names each guard, the edit that removes
//! it and the tests that must fail then.

mod data;
mod sim_trial;
mod table;
mod tree;
mod trial;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use crate::output;
use crate::tally::Tally;
use crate::workspace::Workspace;

pub(crate) use data::Guard;
#[cfg(test)]
pub(crate) use data::read;
pub(crate) use table::{TABLE, table};
use trial::{Runner, Verdict};

/// How many guards are tried each day.
const PER_DAY: usize = 3;
/// The variable that sets the day.
const DAY: &str = "COINOP_MUTANTS_DAY";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The guards to try, by name; today's three when none is named
    #[arg(conflicts_with_all = ["all", "day"])]
    names: Vec<String>,
    /// Try all guards, which takes about an hour
    #[arg(long, conflicts_with = "day")]
    all: bool,
    /// Try the guards of this day, in days since 1970
    #[arg(long)]
    day: Option<u64>,
    /// Expect the simulator to find that a guard is gone, in place of its tests
    #[arg(long, conflicts_with = "day")]
    sim: bool,
    /// How many worlds the simulator plays without a guard
    #[arg(long, default_value_t = 2_000, requires = "sim")]
    worlds: u64,
    /// How many sieges the simulator plays after the worlds
    #[arg(long, default_value_t = 0, requires = "sim")]
    sieges: u64,
    /// List the guards, and try none
    #[arg(long)]
    list: bool,
    /// Write the table in `docs/guards.md`, and try none
    #[arg(long, conflicts_with = "list")]
    write_table: bool,
}

/// Runs the command. The last line of a trial says for how many guards the tests failed as they must.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let guards = guards(workspace)?;
    if args.list {
        for guard in &guards {
            output::say(&format!("{}: {}", guard.id, guard.sentence()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if args.write_table {
        let path = workspace.root.join(TABLE);
        std::fs::write(&path, table(&workspace.root, &guards)?).with_context(|| TABLE)?;
        output::note(&format!("{TABLE} is written: {} guards", guards.len()));
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = if args.all {
        guards.iter().collect()
    } else if args.names.is_empty() {
        of_day(&guards, args.day)?
    } else {
        named(&guards, &args.names)?
    };
    let mut tally = Tally::default();
    let tried = if args.sim {
        sim_trial::try_all(workspace, &chosen, [args.worlds, args.sieges], &mut tally)
    } else {
        try_all(workspace, &chosen, &mut tally)
    };
    output::say(&tally.to_string());
    tried?;
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tries the guards of the day, each of them a test: the suite `mutants` of `cargo xtask test`.
pub(crate) fn suite(workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    let guards = guards(workspace)?;
    try_all(workspace, &of_day(&guards, None)?, tally)
}

/// Reads all guards.
pub(crate) fn guards(workspace: &Workspace) -> Result<Vec<Guard>> {
    data::read_all(&workspace.root.join(data::FOLDER))
}

/// Tries guards in a copy of the sources in the cache, and counts one test for each.
fn try_all(workspace: &Workspace, guards: &[&Guard], tally: &mut Tally) -> Result<()> {
    let folder = workspace.cache.join("mutants");
    let (tree, _lock) = tree::prepare(workspace, &folder)?;
    let runner = Runner::new(tree, folder.join("target"));
    runner.try_all(guards, |guard, verdict, took| {
        let name = format!("test guard {}", guard.id);
        match verdict {
            Verdict::Killed => {
                output::say(&format!("{name} ... ok ({} s)", took.as_secs()));
                *tally += Tally::PASS;
            }
            other => {
                output::say(&format!("{name} ... FAILED ({} s): {other}", took.as_secs()));
                output::say(&format!("    {}", guard.sentence()));
                *tally += Tally::FAIL;
            }
        }
    })
}

/// Returns the guards of these names.
fn named<'g>(guards: &'g [Guard], names: &[String]) -> Result<Vec<&'g Guard>> {
    let find = |name: &String| {
        let found = guards.iter().find(|guard| guard.id == *name);
        found.with_context(|| format!("no guard is called {name}: `cargo xtask mutants --list` names all"))
    };
    names.iter().map(find).collect()
}

/// Returns the guards of a day, and prints the day: the one given, that of the environment, or today.
fn of_day(guards: &[Guard], given: Option<u64>) -> Result<Vec<&Guard>> {
    let set = std::env::var(DAY).ok().filter(|day| !day.is_empty());
    let day = match (given, set) {
        (Some(day), _) => day,
        (None, Some(day)) => day.parse().with_context(|| format!("{DAY}={day} is not a number of days"))?,
        (None, None) => {
            SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_secs()
                / 86_400
        }
    };
    output::note(&format!("the guards of day {day} since 1970 (--day or {DAY} sets another)"));
    ensure!(!guards.is_empty(), "there is no guard");
    let indexes = indexes_of_day(guards.len(), day);
    Ok(indexes.into_iter().filter_map(|index| guards.get(index)).collect())
}

/// Returns which of `count` guards a day tries. They lie far apart, so that they belong to different areas. Each is tried at
/// least once in `count` days.
fn indexes_of_day(count: usize, day: u64) -> Vec<usize> {
    let per_day = PER_DAY.min(count);
    let Some(apart) = count.checked_div(per_day) else { return Vec::new() };
    let day = usize::try_from(day).unwrap_or_default();
    (0..per_day).map(|nth| (day % count + nth * apart) % count).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_day_tries_three_guards_and_all_have_their_turn() {
        assert_eq!(indexes_of_day(230, 0), [0, 76, 152]);
        assert_eq!(indexes_of_day(230, 230), [0, 76, 152]);
        assert_eq!(indexes_of_day(230, 229), [229, 75, 151]);
        for count in [3_usize, 4, 5, 229, 230] {
            let days = u64::try_from(count.div_ceil(PER_DAY) + 1).unwrap();
            let tried: HashSet<usize> =
                (100..100 + days).flat_map(|day| indexes_of_day(count, day)).collect();
            assert_eq!(tried.len(), count, "{count} guards in {days} days");
        }
        assert_eq!(indexes_of_day(2, 1), [1, 0]);
        assert_eq!(indexes_of_day(0, 1), [0; 0]);
    }
}
