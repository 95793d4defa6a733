//! `cargo xtask fuzz` runs the fuzz targets of `tests/fuzz/`.

mod finding;

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::proc::{Cmd, Collected};
use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{output, stop, tools};

/// The package of the targets.
const PACKAGE: &str = "coinop-fuzz";
/// For how many seconds the suite runs each target.
const SUITE_SECONDS: u64 = 10;
/// How many targets run at once. Each is a program with one thread.
const AT_ONCE: usize = 2;
/// The most bytes of an input.
const LONGEST_INPUT: usize = 4_096;
/// The longest that one input may take, in seconds.
const SLOWEST_INPUT: u64 = 20;
/// Beyond this many inputs of earlier runs, reading them takes longer than finding them again.
const MOST_INPUTS: usize = 3_000;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The target to run; by default all of them, two at once
    target: Option<String>,
    /// For how many seconds each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Try only this input of the target, in hexadecimal
    #[arg(long, requires = "target")]
    hex: Option<String>,
}

/// Builds the targets, and runs those that are named. The last line says how many found nothing.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let all = targets(workspace)?;
    let chosen = match &args.target {
        None => all,
        Some(target) if all.contains(target) => vec![target.clone()],
        Some(target) => bail!("no target is called {target}; there are {}", all.join(", ")),
    };
    let fuzzer = Fuzzer::build(workspace)?;
    if let (Some(target), Some(hex)) = (&args.target, &args.hex) {
        let input = finding::from_hex(hex).context("--hex takes pairs of hexadecimal digits")?;
        return fuzzer.repeat(target, &input);
    }
    let mut tally = Tally::default();
    let ran = fuzzer.run_all(&chosen, args.seconds, &mut tally);
    output::say(&tally.to_string());
    ran?;
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs every target for some seconds, each of them a test: the suite `fuzz` of `cargo xtask test`.
pub(crate) fn suite(workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    workspace.cargo().args(["test", "--no-fail-fast", "-p", PACKAGE]).run()?;
    Fuzzer::build(workspace)?.run_all(&targets(workspace)?, SUITE_SECONDS, tally)
}

/// Returns the names of the targets. Each has a folder of committed inputs.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = committed(workspace);
    let entries = fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<_>>>()?;
    names.sort();
    ensure!(!names.is_empty(), "{} is empty", folder.display());
    Ok(names)
}

/// Returns the folder of the package.
fn package(workspace: &Workspace) -> PathBuf {
    workspace.root.join("tests").join("fuzz")
}

/// Returns the folder of the committed inputs.
fn committed(workspace: &Workspace) -> PathBuf {
    package(workspace).join("corpus")
}

/// The targets' programs.
struct Fuzzer<'w> {
    workspace: &'w Workspace,
    programs: PathBuf,
}

impl<'w> Fuzzer<'w> {
    /// Builds all targets.
    ///
    /// The compiler's passes that count what is covered are not stable, so a stable compiler has to be told to take
    /// them. Sanitizers are left out: they need a nightly compiler, and all code here is safe but for SQLite.
    fn build(workspace: &'w Workspace) -> Result<Self> {
        // libFuzzer is compiled from its sources.
        tools::cpp_compiler(workspace, "fuzzing")?;
        let host = Cmd::new("rustc", &workspace.root).args(["--print", "host-tuple"]).capture()?;
        let target = workspace.target.join("fuzz");
        Cmd::new(tools::cargo_fuzz(workspace)?, &workspace.root)
            .without_package_env()
            .args(["build", "--fuzz-dir", "tests/fuzz", "--sanitizer", "none", "--no-cfg-fuzzing"])
            .args(["--features", "libfuzzer", "--target", &host, "--target-dir"])
            .arg(&target)
            .env("RUSTC_BOOTSTRAP", "1")
            .run()
            .context("the fuzz targets cannot be built; if the lines above name no other cause, install the C++ standard library of this system's C++ compiler")?;
        Ok(Self { workspace, programs: target.join(host).join("release") })
    }

    /// Runs targets, two at once, and counts a test for each.
    fn run_all(&self, targets: &[String], seconds: u64, tally: &mut Tally) -> Result<()> {
        let waiting = Mutex::new(targets.iter().collect::<VecDeque<_>>());
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let sum = Mutex::new(Tally::default());
        let work = || -> Result<()> {
            while let Some(target) = next() {
                let part = self.run(target, seconds)?;
                *sum.lock().unwrap_or_else(PoisonError::into_inner) += part;
            }
            Ok(())
        };
        let ran = thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            let ends = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|_| bail!("a thread panicked")));
            ends.collect::<Vec<_>>().into_iter().collect::<Result<()>>()
        });
        *tally += sum.into_inner().unwrap_or_else(PoisonError::into_inner);
        ran
    }

    /// Runs a target, and reports what came of it as cargo reports a test.
    fn run(&self, target: &str, seconds: u64) -> Result<Tally> {
        let folder = self.workspace.cache.join("fuzz").join(target);
        let (found, findings) = (folder.join("found"), folder.join("findings"));
        if fs::read_dir(&found).is_ok_and(|inputs| inputs.count() > MOST_INPUTS) {
            let _ = fs::remove_dir_all(&found);
        }
        // Only what this run finds is reported.
        let _ = fs::remove_dir_all(&findings);
        for folder in [&found, &findings] {
            fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        let limit = Duration::from_secs(seconds + 2 * SLOWEST_INPUT + 60);
        let ended = self
            .program(target)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={LONGEST_INPUT}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .args(["-print_final_stats=1", "-rss_limit_mb=2048"])
            .args([&found, &committed(self.workspace).join(target)])
            .collect(Some(limit))?;
        stop::check()?;
        if ended.status.is_some_and(|status| status.success()) {
            let tried = finding::tried(&ended.err).unwrap_or_default();
            // A program that tried nothing has shown nothing.
            ensure!(tried > 0, "{target} does not say that it tried any input:\n{}", ended.err);
            output::say(&format!("test fuzz {target} ... ok ({tried} inputs)"));
            return Ok(Tally::PASS);
        }
        output::say(&format!("test fuzz {target} ... FAILED"));
        output::note(&finding::told(&ended.err));
        for entry in fs::read_dir(&findings)?.flatten() {
            let input = fs::read(entry.path())?;
            let (name, hex) = (entry.file_name(), finding::hex(&input));
            output::note(&format!("{} has {} bytes; repeat it with:", name.display(), input.len()));
            output::note(&format!("    cargo xtask fuzz {target} --hex {hex}"));
        }
        Ok(Tally::FAIL)
    }

    /// Tries one input.
    fn repeat(&self, target: &str, input: &[u8]) -> Result<ExitCode> {
        let folder = self.workspace.cache.join("fuzz").join(target);
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let file = folder.join("input");
        fs::write(&file, input).with_context(|| format!("{} cannot be written", file.display()))?;
        let limit = Some(Duration::from_secs(2 * SLOWEST_INPUT));
        let Collected { status, err, .. } = self.program(target).arg(&file).collect(limit)?;
        if status.is_some_and(|status| status.success()) {
            output::say(&format!("test fuzz {target} ... ok"));
            return Ok(ExitCode::SUCCESS);
        }
        output::note(&finding::told(&err));
        output::say(&format!("test fuzz {target} ... FAILED"));
        Ok(ExitCode::FAILURE)
    }

    /// Returns the command of a target's program, with what is the same for each.
    fn program(&self, target: &str) -> Cmd {
        let words = package(self.workspace).join("dictionaries").join(format!("{target}.dict"));
        let cmd = Cmd::new(self.programs.join(target), &self.workspace.root)
            .arg(format!("-timeout={SLOWEST_INPUT}"))
            .env("RUST_BACKTRACE", "0");
        if words.is_file() { cmd.arg(format!("-dict={}", words.display())) } else { cmd }
    }
}
