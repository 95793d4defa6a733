//! Tries a guard: makes its edit, runs the tests that it names, and expects each of them to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::data::Guard;
use crate::output;
use crate::proc::Cmd;
use crate::stop;

/// How long the tests of one guard may take.
const LIMIT: Duration = Duration::from_secs(300);
/// How long all tests that are named may take together, with all guards in place.
const ALL_LIMIT: Duration = Duration::from_secs(1800);
/// How many lines of the compiler's errors are shown.
const COMPLAINT_LINES: usize = 6;

/// The result of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Each test failed without the guard.
    Killed,
    /// These tests passed without the guard.
    Survived(Vec<String>),
    /// These tests fail with the guard too, which proves nothing.
    FailAnyway(Vec<String>),
    /// There are no tests of these names, or several.
    NoTest(Vec<String>),
    /// The edit can't be made.
    NoEdit(String),
    /// The edited code does not compile.
    NotCompiled(String),
    /// The tests did not end in time.
    Hung,
    /// The tests' program ended before these had a result.
    Crashed(Vec<String>),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed => f.write_str("all its tests fail without it"),
            Self::Survived(tests) => write!(f, "without the guard, these still pass: {}", tests.join(", ")),
            Self::FailAnyway(tests) => {
                write!(f, "with the guard in place, these fail too: {}", tests.join(", "))
            }
            Self::NoTest(tests) => {
                write!(f, "there is no test, or more than one, of the name: {}", tests.join(", "))
            }
            Self::NoEdit(why) => write!(f, "the edit cannot be made: {why}"),
            Self::NotCompiled(why) => write!(f, "the edited code does not compile: {why}"),
            Self::Hung => {
                write!(
                    f,
                    "the tests did not end within {} s; if they hang without the guard, set `hangs = true`",
                    LIMIT.as_secs()
                )
            }
            Self::Crashed(tests) => write!(f, "the tests ended without a result for: {}", tests.join(", ")),
        }
    }
}

/// Tries guards in a folder of sources that may be edited.
pub(super) struct Runner {
    tree: PathBuf,
    target: PathBuf,
    limit: Duration,
}

/// The tests of a package, with all guards in place.
struct Tests {
    /// The whole names of the tests that have one of the names asked for.
    paths: BTreeMap<String, Vec<String>>,
    /// Those that fail.
    failing: BTreeSet<String>,
}

/// The result of each test that has one: whether it passed.
type Results = BTreeMap<String, bool>;

impl Runner {
    /// Returns a runner for the sources in `tree`, which are built in `target`.
    pub(super) const fn new(tree: PathBuf, target: PathBuf) -> Self {
        Self { tree, target, limit: LIMIT }
    }

    /// Tries the guards one after another, and reports the result of each.
    ///
    /// # Errors
    /// When the tests cannot be built or run with all guards in place. Then no guard was tried.
    pub(super) fn try_all(
        &self,
        guards: &[&Guard],
        mut tell: impl FnMut(&Guard, &Verdict, Duration),
    ) -> Result<()> {
        let mut packages: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for guard in guards {
            packages.entry(&guard.package).or_default().extend(guard.tests.iter().map(String::as_str));
        }
        let mut tests = BTreeMap::new();
        for (package, names) in packages {
            output::note(&format!("the tests of {package}, with all guards in place"));
            tests.insert(package, self.tests(package, &names)?);
        }
        for guard in guards {
            let start = Instant::now();
            let tests = tests.get(guard.package.as_str()).context("a package was left out")?;
            let verdict = self.try_one(guard, tests)?;
            stop::check()?;
            tell(guard, &verdict, start.elapsed());
        }
        Ok(())
    }

    /// Finds these tests and runs them, with all guards in place.
    fn tests(&self, package: &str, names: &BTreeSet<&str>) -> Result<Tests> {
        if let Some(complaint) = self.build(package)? {
            bail!("the tests of {package} do not compile with all guards in place: {complaint}");
        }
        let listed = self.cargo(package).args(["--", "--list"]).capture()?;
        let all: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
        let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in names {
            let same = |path: &&&str| path.rsplit("::").next() == Some(*name);
            paths
                .insert((*name).to_owned(), all.iter().filter(same).map(|path| (*path).to_owned()).collect());
        }
        let found: Vec<&String> = paths.values().flatten().collect();
        let results = match self.results(package, &found, ALL_LIMIT)? {
            Some(results) => results,
            None => bail!("the tests of {package} do not end with all guards in place"),
        };
        let fails = |path: &&&String| results.get(**path) != Some(&true);
        let failing = found.iter().filter(fails).map(|path| (*path).clone()).collect();
        Ok(Tests { paths, failing })
    }

    /// Removes one guard, runs its tests, and puts the guard back.
    fn try_one(&self, guard: &Guard, tests: &Tests) -> Result<Verdict> {
        let (mut paths, mut unknown, mut failing) = (Vec::new(), Vec::new(), Vec::new());
        for name in &guard.tests {
            match tests.paths.get(name).map(Vec::as_slice) {
                Some([path]) if tests.failing.contains(path) => failing.push(name.clone()),
                Some([path]) => paths.push(path),
                _ => unknown.push(name.clone()),
            }
        }
        if !unknown.is_empty() {
            return Ok(Verdict::NoTest(unknown));
        }
        if !failing.is_empty() {
            return Ok(Verdict::FailAnyway(failing));
        }
        let files = match guard.edited(&self.tree) {
            Ok(files) => files,
            Err(error) => return Ok(Verdict::NoEdit(format!("{error:#}"))),
        };
        let originals = replace(&self.tree, &files)?;
        let verdict = self.judge(guard, &paths);
        replace(&self.tree, &originals)?;
        verdict
    }

    /// Runs a guard's tests on the edited sources.
    fn judge(&self, guard: &Guard, paths: &[&String]) -> Result<Verdict> {
        if let Some(complaint) = self.build(&guard.package)? {
            return Ok(Verdict::NotCompiled(complaint));
        }
        let Some(results) = self.results(&guard.package, paths, self.limit)? else {
            return Ok(if guard.hangs { Verdict::Killed } else { Verdict::Hung });
        };
        let with = |result: Option<bool>| {
            let same = |path: &&&String| results.get(**path).copied() == result;
            paths.iter().filter(same).map(|path| (*path).clone()).collect::<Vec<_>>()
        };
        let (passed, missing) = (with(Some(true)), with(None));
        Ok(match (passed.is_empty(), missing.is_empty()) {
            (true, true) => Verdict::Killed,
            (false, _) => Verdict::Survived(passed),
            (true, false) => Verdict::Crashed(missing),
        })
    }

    /// Builds a package's tests; returns what the compiler says if they do not compile.
    fn build(&self, package: &str) -> Result<Option<String>> {
        let done = self.cargo(package).arg("--no-run").collect(None)?;
        match done.status {
            Some(status) if status.success() => Ok(None),
            _ => Ok(Some(complaint(&done.err))),
        }
    }

    /// Runs these tests; `None` if they do not end in time.
    fn results(&self, package: &str, paths: &[&String], limit: Duration) -> Result<Option<Results>> {
        if paths.is_empty() {
            return Ok(Some(Results::new()));
        }
        let cmd = self.cargo(package).args(["--no-fail-fast", "--", "--exact"]).args(paths);
        let done = cmd.collect(Some(limit))?;
        Ok(done.status.map(|_| done.out.lines().filter_map(result).collect()))
    }

    /// Returns the command that tests a package: without debug information, which takes long to write, and compiling
    /// only what an edit touches.
    fn cargo(&self, package: &str) -> Cmd {
        Cmd::cargo(&self.tree)
            .without_own_env()
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_INCREMENTAL", "1")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_TERM_COLOR", "never")
            .env("RUST_BACKTRACE", "0")
            // A test that searches at random finds the same each time, so that a verdict does not depend on luck.
            .env("PROPTEST_RNG_SEED", "8402")
            // What made a test fail without one guard has nothing to do with the next one.
            .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true")
            .args(["test", "--tests", "-p", package])
    }
}

/// Writes files below `root`; returns what they were before.
pub(super) fn replace(root: &Path, files: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let mut before = BTreeMap::new();
    for (name, text) in files {
        let path = root.join(name);
        before.insert(name.clone(), std::fs::read_to_string(&path).with_context(|| name.clone())?);
        std::fs::write(&path, text).with_context(|| name.clone())?;
    }
    Ok(before)
}

/// Reads a result from a line of the test harness: `test path::name ... ok`.
fn result(line: &str) -> Option<(String, bool)> {
    let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    match result.split_whitespace().next() {
        Some("ok") => Some((name.to_owned(), true)),
        Some("FAILED") => Some((name.to_owned(), false)),
        _ => None,
    }
}

/// Returns the first errors among what cargo says.
pub(super) fn complaint(text: &str) -> String {
    let errors = text.lines().skip_while(|line| !line.starts_with("error"));
    let lines: Vec<&str> = errors.take(COMPLAINT_LINES).map(str::trim_end).collect();
    if lines.is_empty() { text.trim().to_owned() } else { lines.join("\n") }
}

#[cfg(test)]
mod tests;
