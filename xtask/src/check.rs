//! `cargo xtask check` checks the sources without running them.

mod cycles;
mod guards;
mod machine_paths;
mod products;
mod worker;

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::background::Background;
use crate::proc::Cmd;
use crate::tools::{self, Advisories};
use crate::workspace::Workspace;
use crate::{build, output, stop};

const BARE_WASM: &str = build::worker::TARGET;

/// The result of a step that did not fail.
enum Outcome {
    Fine,
    /// The step could not run here, and the reason.
    NotChecked(String),
}

type Step = (&'static str, fn(&Workspace) -> Result<Outcome>);

/// The steps that run one after the other.
const STEPS: [Step; 10] = [
    ("formatting", formatting),
    ("no path of one machine in the sources", paths),
    ("the table of guards", guards_table),
    ("no import cycles", import_cycles),
    ("the pages' files are built from their sources", pages),
    ("the testkit is in no product", testkit),
    ("licenses, bans and sources of dependencies", dependencies),
    ("advisories", advisories),
    ("clippy, native", clippy),
    ("clippy, WebAssembly", clippy_wasm),
];

/// The steps that run beside them. Linking the worker keeps one core busy for as long as all other steps
/// take.
const BACKGROUND: [Step; 1] = [("wrangler deploy --dry-run", dry_run)];

/// The results of some steps: the number of successful ones, and the names of the others.
#[derive(Default)]
struct Sum {
    fine: usize,
    unchecked: Vec<&'static str>,
    failed: Vec<&'static str>,
}

impl Sum {
    fn and(self, other: Self) -> Self {
        Self {
            fine: self.fine + other.fine,
            unchecked: [self.unchecked, other.unchecked].concat(),
            failed: [self.failed, other.failed].concat(),
        }
    }
}

/// Runs every step, even after one has failed, so that one run shows everything to correct.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let (steps, background) = thread::scope(|scope| {
        let background = Background::start(scope, || take(&BACKGROUND, workspace))?;
        let steps = take(&STEPS, workspace);
        anyhow::Ok((steps, background.end()?))
    })?;
    let Sum { fine, unchecked, failed } = steps?.and(background?);
    let steps = STEPS.len() + BACKGROUND.len();
    let mut line = format!("check: {fine} of {steps} steps passed");
    for (word, names) in [("not checked", &unchecked), ("FAILED", &failed)] {
        if !names.is_empty() {
            line.push_str(&format!("; {word}: {}", names.join(", ")));
        }
    }
    output::say(&line);
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs these steps, one after the other.
fn take(steps: &[Step], workspace: &Workspace) -> Result<Sum> {
    let mut sum = Sum::default();
    for (name, step) in steps {
        output::note(&format!("== {name}"));
        let start = Instant::now();
        let outcome = step(workspace);
        stop::check()?;
        match outcome {
            Ok(Outcome::Fine) => {
                output::note(&format!("== {name}: ok in {} s", start.elapsed().as_secs()));
                sum.fine += 1;
            }
            Ok(Outcome::NotChecked(why)) => {
                output::note(&format!("== {name}: NOT CHECKED: {why}"));
                sum.unchecked.push(name);
            }
            Err(error) => {
                output::note(&format!("== {name}: FAILED: {error:#}"));
                sum.failed.push(name);
            }
        }
    }
    Ok(sum)
}

fn formatting(workspace: &Workspace) -> Result<Outcome> {
    workspace.cargo().args(["fmt", "--all", "--check"]).run().context("run `cargo fmt --all` to fix it")?;
    Ok(Outcome::Fine)
}

fn paths(workspace: &Workspace) -> Result<Outcome> {
    machine_paths::check(workspace)?;
    Ok(Outcome::Fine)
}

fn guards_table(workspace: &Workspace) -> Result<Outcome> {
    guards::check(workspace)?;
    Ok(Outcome::Fine)
}

fn import_cycles(workspace: &Workspace) -> Result<Outcome> {
    cycles::check(workspace)?;
    Ok(Outcome::Fine)
}

fn pages(workspace: &Workspace) -> Result<Outcome> {
    build::web::check(workspace)?;
    Ok(Outcome::Fine)
}

fn testkit(workspace: &Workspace) -> Result<Outcome> {
    products::check(workspace)?;
    Ok(Outcome::Fine)
}

/// Runs clippy in the release profile. So procedural macros and build scripts are built only once for this,
/// the binaries and their tests.
fn clippy(workspace: &Workspace) -> Result<Outcome> {
    workspace
        .cargo()
        .args(["clippy", "--workspace", "--all-targets", "--release", "--", "-D", "warnings"])
        .run()?;
    workspace
        .cargo()
        .args(["clippy", "--workspace", "--release"])
        .args(build::FAILPOINTS)
        .args(["--", "-D", "warnings"])
        .run()?;
    // Tests may panic, but the testkit is also compiled for the tests of other crates.
    workspace
        .cargo()
        .args(["clippy", "-p", "coinop-core", "--features", "oracle", "--release", "--", "-D", "warnings"])
        .run()?;
    Ok(Outcome::Fine)
}

fn clippy_wasm(workspace: &Workspace) -> Result<Outcome> {
    tools::rust_target(workspace, BARE_WASM)?;
    tools::rust_target(workspace, build::WASI)?;
    let clippy = |packages: &[&str], target, profile, flags: &[&str]| {
        let cmd = workspace.cargo().arg("clippy").args(packages).args(["--target", target]);
        cmd.args(["--profile", profile]).args(flags).args(["--", "-D", "warnings"]).run()
    };
    // All variants use one profile, so their dependencies are checked only once.
    let component = build::PLAIN.profile;
    clippy(&["-p", "coinop-core", "-p", "coinop-spin"], build::WASI, component, &[])?;
    for variant in [build::HOOKS, build::STUB] {
        clippy(&["-p", "coinop-spin"], build::WASI, component, variant.flags)?;
    }
    // The folder of the worker's profile blocks no native build. The worker itself may still be compiled into
    // it.
    let worker = build::worker::PLAIN.profile;
    clippy(&["-p", "coinop-core"], BARE_WASM, worker, &[])?;
    for variant in [build::worker::PLAIN, build::worker::HOOKS] {
        clippy(&["-p", build::worker::PACKAGE], BARE_WASM, worker, variant.flags)?;
    }
    Ok(Outcome::Fine)
}

fn dry_run(workspace: &Workspace) -> Result<Outcome> {
    worker::dry_run(workspace)?;
    Ok(Outcome::Fine)
}

fn dependencies(workspace: &Workspace) -> Result<Outcome> {
    let deny = tools::cargo_deny(workspace)?;
    Cmd::new(deny, &workspace.root)
        .args(["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"])
        .run()?;
    Ok(Outcome::Fine)
}

fn advisories(workspace: &Workspace) -> Result<Outcome> {
    let deny = tools::cargo_deny(workspace)?;
    match tools::advisories(workspace, &deny) {
        Advisories::Fresh => {}
        Advisories::Earlier(why) => {
            output::note(&format!(
                "the list of security advisories cannot be fetched ({why}): that of an earlier run is used instead"
            ));
        }
        Advisories::None(why) => {
            return Ok(Outcome::NotChecked(format!(
                "the list of security advisories cannot be fetched ({why})"
            )));
        }
    }
    // Offline, because the database is already here and nothing else is needed.
    Cmd::new(deny, &workspace.root).args(["--offline", "check", "advisories"]).run()?;
    Ok(Outcome::Fine)
}
