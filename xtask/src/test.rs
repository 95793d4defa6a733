//! `cargo xtask test`: every suite, and one line that sums them up.

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::beside::Beside;
use crate::proc::{self, Cmd};
use crate::tally::{self, NodeReader, Tally};
use crate::workspace::{CargoTarget, Workspace};
use crate::{build, mutants, output, stop, tools, wasm};

/// A module with fewer functions of the core was not linked whole, and would import nothing whatever it needs.
const FEWEST_FUNCTIONS: usize = 100;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The suites to run; all of them when none is named
    #[arg(value_enum)]
    suites: Vec<Suite>,
}

/// What is tested together, in the order from quick to slow.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Suite {
    /// These commands themselves
    Xtask,
    /// The deciding core, and that it runs anywhere
    Core,
    /// Three guards that are removed from the core, one after the other: its tests fail
    Mutants,
    /// The local chain
    Chain,
    /// The gateway's binary
    Host,
    /// The component under Spin's limits
    Spin,
    /// The same commands to the native core, the component and the worker: the same bytes
    Differential,
    /// Real x402 clients from npm against a running gateway: `coinop serve`, and when named alone the worker too
    Clients,
    /// The same clients against the Cloudflare Worker in workerd
    Worker,
}

/// What the clients' tests are run against; they are written once for all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Serve,
    Worker,
}

impl Target {
    /// The name that the tests know it by.
    fn name(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Worker => "worker",
        }
    }
}

impl Suite {
    const ALL: [Self; 9] = [
        Self::Xtask,
        Self::Core,
        Self::Mutants,
        Self::Chain,
        Self::Host,
        Self::Spin,
        Self::Differential,
        Self::Clients,
        Self::Worker,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Xtask => "xtask",
            Self::Core => "core",
            Self::Mutants => "mutants",
            Self::Chain => "chain",
            Self::Host => "host",
            Self::Spin => "spin",
            Self::Differential => "differential",
            Self::Clients => "clients",
            Self::Worker => "worker",
        }
    }

    /// Says whether it needs no module of WebAssembly that is built for it.
    fn builds_natively(self) -> bool {
        matches!(self, Self::Xtask | Self::Core | Self::Mutants | Self::Chain)
    }

    /// Runs it in the company of `all`.
    fn run(self, all: &[Self], workspace: &Workspace, tally: &mut Tally) -> Result<()> {
        match self {
            Self::Xtask => cargo(workspace.cargo().args(["test", "--no-fail-fast", "-p", "xtask"]), tally),
            Self::Core => core(workspace, tally),
            Self::Mutants => mutants::suite(workspace, tally),
            Self::Chain => native(workspace, "coinop-chain", tally),
            Self::Host => {
                programs(workspace)?;
                build::failpoints(workspace)?;
                native(workspace, "coinop", tally)
            }
            Self::Spin => {
                programs(workspace)?;
                build::stubbed_component(workspace)?;
                native(workspace, "coinop-spin-test", tally)
            }
            Self::Differential => differential(workspace, tally),
            Self::Clients => {
                clients(workspace, Target::Serve, tally)?;
                // Its own suite comes yet where that is to be run: nothing is run twice.
                if !all.contains(&Self::Worker) {
                    clients(workspace, Target::Worker, tally)?;
                }
                Ok(())
            }
            Self::Worker => clients(workspace, Target::Worker, tally),
        }
    }
}

/// Runs the suites. The last line says how it went, whatever happened.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let wanted = |suite: &Suite| args.suites.is_empty() || args.suites.contains(suite);
    let suites: Vec<Suite> = Suite::ALL.into_iter().filter(wanted).collect();
    if !suites.contains(&Suite::Host) || suites.len() == 1 {
        return run_all(workspace, &suites, None);
    }
    thread::scope(|scope| {
        let modules = Beside::start(scope, || modules(workspace))?;
        run_all(workspace, &suites, Some(modules))
    })
}

/// Builds all modules that are tested; whoever needs one says later what is wrong with it.
fn modules(workspace: &Workspace) {
    type Build = fn(&Workspace) -> Result<()>;
    let builds: [Build; 5] = [
        build::component,
        build::stubbed_component,
        build::seam_component,
        build::worker::plain,
        build::worker::seam,
    ];
    for build in builds {
        if build(workspace).is_err() {
            return;
        }
    }
}

/// Runs the suites one after the other. `modules` are built while the first run that need none.
fn run_all(workspace: &Workspace, suites: &[Suite], mut modules: Option<Beside<'_, ()>>) -> Result<ExitCode> {
    let mut sum = Tally::default();
    let mut complaints = Vec::new();
    for suite in suites {
        if !suite.builds_natively()
            && let Some(modules) = modules.take()
        {
            modules.end()?;
        }
        let name = suite.name();
        output::note(&format!("== {name}"));
        let start = Instant::now();
        let mut tally = Tally::default();
        let outcome = suite.run(suites, workspace, &mut tally);
        stop::check()?;
        let complaint = match outcome {
            Err(error) => Some(format!("{error:#}")),
            Ok(()) if tally.ran() == 0 => Some("it ran no test".to_owned()),
            Ok(()) => None,
        };
        if let Some(complaint) = complaint {
            // A suite that could not be built, or whose program crashed, has failed even where no single
            // test says so.
            if tally.failed == 0 {
                tally += Tally::FAIL;
            }
            complaints.push(format!("suite {name} failed: {complaint}"));
        } else if tally.failed > 0 {
            complaints.push(format!("suite {name} failed: {} of its tests", tally.failed));
        }
        let verdict = if tally.failed == 0 { "ok" } else { "FAILED" };
        output::note(&format!(
            "== {name}: {verdict}, {} tests in {} s",
            tally.ran(),
            start.elapsed().as_secs()
        ));
        sum += tally;
    }
    for complaint in complaints {
        output::note(&complaint);
    }
    output::say(&sum.to_string());
    Ok(if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a `cargo test` and counts.
fn cargo(cmd: Cmd, tally: &mut Tally) -> Result<()> {
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

/// Everything that a test may start.
fn programs(workspace: &Workspace) -> Result<()> {
    build::native(workspace)?;
    build::component(workspace)
}

/// The tests of one native package.
///
/// The packages that are shipped are selected besides, for the reason that [`build::NATIVE`] gives; which tests
/// are run is said by their targets' names. So those names must differ from theirs.
fn native(workspace: &Workspace, package: &str, tally: &mut Tally) -> Result<()> {
    let others = build::NATIVE_PACKAGES.iter().filter(|other| **other != package);
    let others: Vec<CargoTarget> = others.flat_map(|other| workspace.tested_targets(other)).collect();
    let mut flags = Vec::new();
    for target in workspace.tested_targets(package) {
        let same = |other: &&CargoTarget| {
            other.kind == target.kind && (target.kind == "lib" || other.name == target.name)
        };
        if let Some(other) = others.iter().find(same) {
            bail!(
                "two packages have a {} called {}: rename one, or its tests are counted twice",
                other.kind,
                other.name
            );
        }
        flags.push(match target.kind.as_str() {
            "lib" => "--lib".to_owned(),
            kind => format!("--{kind}={}", target.name),
        });
    }
    ensure!(!flags.is_empty(), "package {package} has no tests");
    let cmd = || {
        let cmd = workspace.cargo().args(["test", "--release", "--no-fail-fast"]).args(build::NATIVE);
        if build::NATIVE_PACKAGES.contains(&package) { cmd } else { cmd.args(["-p", package]) }
    };
    // The gateway's unit tests are half of it once more. Tests in files of their own would have the program itself
    // compiled quickly too, in place of what is shipped.
    let (units, others): (Vec<String>, Vec<String>) =
        flags.into_iter().partition(|flag| package == build::GATEWAY && flag.starts_with("--bin="));
    if !units.is_empty() {
        cargo(with_programs(cmd().args(build::QUICKLY).args(units), workspace), tally)?;
    }
    if others.is_empty() {
        return Ok(());
    }
    cargo(with_programs(cmd().args(others), workspace), tally)
}

/// Tells tests where the built programs are.
fn with_programs(cmd: Cmd, workspace: &Workspace) -> Cmd {
    cmd.env("COINOP_BIN", workspace.coinop())
        .env("COINOP_FAILPOINTS_BIN", workspace.coinop_failpoints())
        .env("COINOP_CHAIN_BIN", workspace.coinop_chain())
        .env("COINOP_COMPONENT", workspace.component())
        .env("COINOP_WORKER", workspace.worker())
        .env("COINOP_NATIVE_BIN", workspace.coinop_native())
        .env("COINOP_COMPONENT_SEAM", workspace.component_seam())
        .env("COINOP_COMPONENT_STUB", workspace.component_stub())
        .env("COINOP_WORKER_SEAM", workspace.worker_seam())
}

fn core(workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    cargo(workspace.cargo().args(["test", "--no-fail-fast", "-p", "coinop-core"]), tally)?;
    one("core imports nothing on wasm32-unknown-unknown", core_imports_nothing(workspace), tally);
    one("core compiles for wasm32-wasip2", core_on_wasi(workspace), tally);
    Ok(())
}

/// A check that is a test, reported as cargo reports one.
fn one(name: &str, outcome: Result<()>, tally: &mut Tally) {
    match outcome {
        Ok(()) => {
            output::say(&format!("test {name} ... ok"));
            *tally += Tally::PASS;
        }
        Err(error) => {
            output::say(&format!("test {name} ... FAILED: {error:#}"));
            *tally += Tally::FAIL;
        }
    }
}

/// The core has no clock, no randomness and no I/O of its own: as a module it wants nothing from its host.
///
/// A library that exports no C function is linked to nothing at all, together with what it needs. So dead code
/// is kept, and one codegen unit keeps the optimiser from dropping it before the linker sees it.
fn core_imports_nothing(workspace: &Workspace) -> Result<()> {
    const TARGET: &str = "wasm32-unknown-unknown";
    tools::rust_target(workspace, TARGET)?;
    workspace
        .cargo()
        .args([
            "rustc",
            "-p",
            "coinop-core",
            "--lib",
            "--target",
            TARGET,
            "--release",
            "--crate-type",
            "cdylib",
        ])
        .args(["--", "-C", "link-dead-code", "-C", "link-arg=--no-gc-sections", "-C", "codegen-units=1"])
        .run()?;
    let path = workspace.target.join(TARGET).join("release").join("coinop_core.wasm");
    let bytes = std::fs::read(&path).with_context(|| format!("{} was not built", path.display()))?;
    let imports = wasm::imports(&bytes)?;
    ensure!(imports.is_empty(), "it imports {}", imports.join(", "));
    let functions = wasm::occurrences(&bytes, "11coinop_core");
    ensure!(
        functions >= FEWEST_FUNCTIONS,
        "only {functions} functions of the core are in the module, so this proves nothing: was it linked whole?"
    );
    Ok(())
}

fn core_on_wasi(workspace: &Workspace) -> Result<()> {
    tools::rust_target(workspace, build::WASI)?;
    workspace
        .cargo()
        .args(["check", "-p", "coinop-core", "--target", build::WASI, "--profile", build::PLAIN.profile])
        .run()
}

/// Every platform with the seam, and those that are shipped, which must have neither it nor the stub.
fn differential(workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    cargo(workspace.cargo().args(["test", "--no-fail-fast", "-p", "coinop-seam"]), tally)?;
    programs(workspace)?;
    build::differential(workspace)?;
    build::seam_component(workspace)?;
    build::stubbed_component(workspace)?;
    build::worker::plain(workspace)?;
    build::worker::seam(workspace)?;
    npm(workspace, &["run", "differential"], "with the platforms side by side", tally, |cmd| cmd)
}

fn clients(workspace: &Workspace, target: Target, tally: &mut Tally) -> Result<()> {
    programs(workspace)?;
    match target {
        Target::Serve => build::failpoints(workspace)?,
        Target::Worker => build::worker::plain(workspace)?,
    }
    let what = format!("against {}", target.name());
    npm(workspace, &["test"], &what, tally, |cmd| cmd.env("COINOP_TARGET", target.name()))
}

/// Runs tests of the clients' folder, and counts.
fn npm(
    workspace: &Workspace,
    args: &[&str],
    what: &str,
    tally: &mut Tally,
    with: impl FnOnce(Cmd) -> Cmd,
) -> Result<()> {
    let folder = workspace.root.join("tests").join("clients");
    tools::npm_packages(&folder, "this suite")?;
    let mut reader = NodeReader::default();
    let cmd = with(with_programs(Cmd::new("npm", &folder).args(args), workspace).env("NO_COLOR", "1"));
    let before = *tally;
    let status = cmd.run_looking(|line| {
        if let Some(part) = reader.line(line) {
            *tally += part;
        }
        // The sum over all suites is the one closing line.
        !tally::is_closing_line(line)
    })?;
    if !status.success() && tally.failed == before.failed {
        bail!("npm {} {what} failed ({})", args.join(" "), proc::ending(status));
    }
    ensure!(tally.ran() > before.ran(), "no test was run {what}");
    Ok(())
}
