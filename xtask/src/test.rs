//! `cargo xtask test` runs every suite, and sums them up in one line.

mod core;
mod counted;

use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use self::counted::cargo;
use crate::background::Background;
use crate::proc::{self, Cmd};
use crate::tally::{self, NodeReader, Tally};
use crate::workspace::{CargoTarget, Workspace};
use crate::{build, fuzz, mutants, output, sim, stop, tools};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The suites to run; by default all
    #[arg(value_enum)]
    suites: Vec<Suite>,
}

/// The things that are tested together, in the order from quick to slow.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Suite {
    /// These commands
    Xtask,
    /// The core, and that it needs nothing from its host
    Core,
    /// The pages and their scripts
    Web,
    /// Three guards that are removed from the core, one after the other: its tests fail
    Mutants,
    /// Worlds made from seeds, with faults, thieves and crashes
    Sim,
    /// The fuzz targets, ten seconds each
    Fuzz,
    /// The local chain
    Chain,
    /// The demo's front, with its wallet
    Demo,
    /// The gateway's binary
    Host,
    /// The component under Spin's limits
    Spin,
    /// The native core, the component and the Worker give the same bytes for the same requests
    Differential,
    /// Real x402 clients from npm against `coinop serve`; also against the Worker, unless its suite runs too
    Clients,
    /// The same clients against the Cloudflare Worker in workerd
    Worker,
}

/// The servers against which the clients' tests run. The tests are written once for both.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Serve,
    Worker,
}

impl Target {
    /// Returns the name by which the tests know it.
    fn name(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Worker => "worker",
        }
    }
}

impl Suite {
    const ALL: [Self; 13] = [
        Self::Xtask,
        Self::Core,
        Self::Web,
        Self::Mutants,
        Self::Sim,
        Self::Fuzz,
        Self::Chain,
        Self::Demo,
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
            Self::Web => "web",
            Self::Mutants => "mutants",
            Self::Sim => "sim",
            Self::Fuzz => "fuzz",
            Self::Chain => "chain",
            Self::Demo => "demo",
            Self::Host => "host",
            Self::Spin => "spin",
            Self::Differential => "differential",
            Self::Clients => "clients",
            Self::Worker => "worker",
        }
    }

    /// Tells whether it needs no WebAssembly module that is built for it.
    fn builds_natively(self) -> bool {
        matches!(
            self,
            Self::Xtask
                | Self::Core
                | Self::Web
                | Self::Mutants
                | Self::Sim
                | Self::Fuzz
                | Self::Chain
                | Self::Demo
        )
    }

    /// Runs this suite. `all` are the suites of the same run.
    fn run(self, all: &[Self], workspace: &Workspace, tally: &mut Tally) -> Result<()> {
        match self {
            Self::Xtask => cargo(workspace.cargo().args(["test", "--no-fail-fast", "-p", "xtask"]), tally),
            Self::Core => core::run(workspace, tally),
            Self::Web => web(workspace, tally),
            Self::Mutants => mutants::suite(workspace, tally),
            Self::Sim => {
                let worlds =
                    workspace.cargo().args(["test", "--release", "--no-fail-fast", "-p", sim::PACKAGE]);
                cargo(
                    worlds
                        .env(sim::SECONDS, sim::SUITE_SECONDS.to_string())
                        .env(sim::SIEGES, sim::SUITE_SIEGES.to_string()),
                    tally,
                )
            }
            Self::Fuzz => fuzz::suite(workspace, tally),
            Self::Chain => {
                // Its model of a chain is compared with the real programs.
                sim::build(workspace)?;
                native(workspace, "coinop-chain", tally)
            }
            Self::Demo => native(workspace, build::DEMO, tally),
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
                // If the worker's own suite follows in this run, the worker is not tested here, so that
                // nothing runs twice.
                if !all.contains(&Self::Worker) {
                    clients(workspace, Target::Worker, tally)?;
                }
                Ok(())
            }
            Self::Worker => clients(workspace, Target::Worker, tally),
        }
    }
}

/// Runs the suites. The last line tells the result, whatever happened.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let wanted = |suite: &Suite| args.suites.is_empty() || args.suites.contains(suite);
    let suites: Vec<Suite> = Suite::ALL.into_iter().filter(wanted).collect();
    if !suites.contains(&Suite::Host) || suites.len() == 1 {
        return run_all(workspace, &suites, None);
    }
    thread::scope(|scope| {
        let modules = Background::start(scope, || modules(workspace))?;
        run_all(workspace, &suites, Some(modules))
    })
}

/// Builds all modules that are tested. A failure is reported later by the suite that needs the module.
fn modules(workspace: &Workspace) {
    type Build = fn(&Workspace) -> Result<()>;
    let builds: [Build; 5] = [
        build::component,
        build::stubbed_component,
        build::hooks_component,
        build::worker::plain,
        build::worker::hooks,
    ];
    for build in builds {
        if build(workspace).is_err() {
            return;
        }
    }
}

/// Runs the suites one after the other. `modules` are built beside the first suites, which need none of them.
fn run_all(
    workspace: &Workspace,
    suites: &[Suite],
    mut modules: Option<Background<'_, ()>>,
) -> Result<ExitCode> {
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
            // A suite that could not be built, or whose program crashed, has failed even if no single test
            // says so.
            if tally.failed == 0 {
                tally += Tally::FAIL;
            }
            complaints.push(format!("suite {name} failed: {complaint}"));
        } else if tally.failed > 0 {
            complaints.push(format!("suite {name} failed: {} failed tests", tally.failed));
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

/// Builds every program that a test may start.
fn programs(workspace: &Workspace) -> Result<()> {
    build::native(workspace)?;
    build::component(workspace)
}

/// Runs the tests of one native package.
///
/// The shipped packages are selected too, for the reason given at [`build::NATIVE`]. The names of the test
/// targets select which tests run, so the names in different packages must differ.
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
    // Compiling the gateway again for its unit tests takes half as long as its build, so that is done quickly.
    // Tests in their own files are not, because cargo would then compile the program quickly too, in place of
    // the shipped one.
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
        .env("COINOP_DEMO_BIN", workspace.coinop_demo())
        .env("COINOP_SIM_BIN", workspace.coinop_sim())
        .env("COINOP_COMPONENT", workspace.component())
        .env("COINOP_WORKER", workspace.worker())
        .env("COINOP_NATIVE_BIN", workspace.coinop_native())
        .env("COINOP_COMPONENT_HOOKS", workspace.component_hooks())
        .env("COINOP_COMPONENT_STUB", workspace.component_stub())
        .env("COINOP_WORKER_HOOKS", workspace.worker_hooks())
}

/// Tests the pages that are rendered here, and the scripts that run in a browser.
fn web(workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    let pages = ["test", "--no-fail-fast", "-p", "coinop-web", "--features", "coinop-web/files"];
    cargo(workspace.cargo().args(pages), tally)?;
    npm(workspace, &workspace.web(), &["test"], "of the pages", tally, |cmd| cmd)
}

/// Tests every platform with the test hooks, and checks that the shipped builds contain neither the test hooks nor the
/// stub.
fn differential(workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    cargo(workspace.cargo().args(["test", "--no-fail-fast", "-p", "coinop-test-hooks"]), tally)?;
    programs(workspace)?;
    build::differential(workspace)?;
    build::hooks_component(workspace)?;
    build::stubbed_component(workspace)?;
    build::worker::plain(workspace)?;
    build::worker::hooks(workspace)?;
    let folder = workspace.clients();
    npm(workspace, &folder, &["run", "differential"], "with the platforms side by side", tally, |cmd| cmd)
}

fn clients(workspace: &Workspace, target: Target, tally: &mut Tally) -> Result<()> {
    programs(workspace)?;
    match target {
        Target::Serve => {
            build::demo(workspace)?;
            build::failpoints(workspace)?;
        }
        Target::Worker => build::worker::plain(workspace)?,
    }
    let what = format!("against {}", target.name());
    let folder = workspace.clients();
    npm(workspace, &folder, &["test"], &what, tally, |cmd| cmd.env("COINOP_TARGET", target.name()))
}

/// Runs tests of a folder with Node, and counts them.
fn npm(
    workspace: &Workspace,
    folder: &Path,
    args: &[&str],
    what: &str,
    tally: &mut Tally,
    with: impl FnOnce(Cmd) -> Cmd,
) -> Result<()> {
    tools::npm_packages(folder, "this suite")?;
    let mut reader = NodeReader::default();
    let cmd = with(with_programs(Cmd::new("npm", folder).args(args), workspace).env("NO_COLOR", "1"));
    let before = *tally;
    let status = cmd.run_looking(|line| {
        if let Some(part) = reader.line(line) {
            *tally += part;
        }
        // Only the sum over all suites is printed as a closing line.
        !tally::is_closing_line(line)
    })?;
    if !status.success() && tally.failed == before.failed {
        bail!("npm {} {what} failed ({})", args.join(" "), proc::ending(status));
    }
    ensure!(tally.ran() > before.ran(), "no test was run {what}");
    Ok(())
}
