//! `cargo xtask check`: what holds of the source without running it.

mod circles;
mod guards;
mod machine_paths;
mod products;
mod worker;

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::beside::Beside;
use crate::proc::Cmd;
use crate::tools::{self, Advisories};
use crate::workspace::Workspace;
use crate::{build, output, stop};

const BARE_WASM: &str = build::worker::TARGET;

/// What came of a step that did not fail.
enum Outcome {
    Fine,
    /// It could not be taken here, and why.
    NotChecked(String),
}

type Step = (&'static str, fn(&Workspace) -> Result<Outcome>);

/// The steps that build nothing, or for this machine.
const NATIVE: [Step; 8] = [
    ("formatting", formatting),
    ("no machine's paths in the sources", paths),
    ("the table of guards", guards_table),
    ("no import circles", import_circles),
    ("the testkit is in no product", testkit),
    ("licences, bans and sources of dependencies", dependencies),
    ("advisories", advisories),
    ("clippy, native", clippy),
];

/// Those that build WebAssembly, in folders of their own.
const WASM: [Step; 2] = [("wrangler deploy --dry-run", dry_run), ("clippy, WebAssembly", clippy_wasm)];

/// What came of some steps: how many are fine, and the names of the others.
#[derive(Default)]
struct Sum {
    fine: usize,
    unchecked: Vec<&'static str>,
    failed: Vec<&'static str>,
}

/// Takes every step, also after one has failed: one run shows all there is to mend.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let (native, wasm) = thread::scope(|scope| {
        let wasm = Beside::start(scope, || take(&WASM, workspace))?;
        let native = take(&NATIVE, workspace);
        anyhow::Ok((native, wasm.end()?))
    })?;
    let (Sum { fine, unchecked, failed }, wasm) = (native?, wasm?);
    let steps = NATIVE.len() + WASM.len();
    let mut line = format!("check: {} of {steps} steps are fine", fine + wasm.fine);
    let unchecked = [unchecked, wasm.unchecked].concat();
    let failed = [failed, wasm.failed].concat();
    for (word, names) in [("not checked", &unchecked), ("FAILED", &failed)] {
        if !names.is_empty() {
            line.push_str(&format!("; {word}: {}", names.join(", ")));
        }
    }
    output::say(&line);
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Takes these steps, one after the other.
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
    workspace.cargo().args(["fmt", "--all", "--check"]).run().context("`cargo fmt --all` mends it")?;
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

fn import_circles(workspace: &Workspace) -> Result<Outcome> {
    circles::check(workspace)?;
    Ok(Outcome::Fine)
}

fn testkit(workspace: &Workspace) -> Result<Outcome> {
    products::check(workspace)?;
    Ok(Outcome::Fine)
}

/// In the release profile: what procedural macros and build scripts need is then built once for this, the
/// binaries and their tests.
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
    // Tests may panic, and the testkit is compiled for those of other crates too.
    workspace
        .cargo()
        .args(["clippy", "-p", "coinop-core", "--features", "testkit", "--release", "--", "-D", "warnings"])
        .run()?;
    Ok(Outcome::Fine)
}

fn clippy_wasm(workspace: &Workspace) -> Result<Outcome> {
    tools::rust_target(workspace, BARE_WASM)?;
    tools::rust_target(workspace, build::WASI)?;
    workspace
        .cargo()
        .args(["clippy", "-p", "coinop-core", "--target", BARE_WASM])
        // A folder that no native build waits for.
        .args(["--profile", build::worker::PLAIN.profile, "--", "-D", "warnings"])
        .run()?;
    workspace
        .cargo()
        .args(["clippy", "-p", "coinop-core", "-p", "coinop-spin", "--target", build::WASI])
        .args(["--profile", build::PLAIN.profile, "--", "-D", "warnings"])
        .run()?;
    for variant in [build::SEAM, build::STUB] {
        workspace
            .cargo()
            .args(["clippy", "-p", "coinop-spin", "--target", build::WASI])
            // The same for all: what they depend on is looked at once.
            .args(["--profile", build::PLAIN.profile])
            .args(variant.flags)
            .args(["--", "-D", "warnings"])
            .run()?;
    }
    for variant in [build::worker::PLAIN, build::worker::SEAM] {
        workspace
            .cargo()
            .args(["clippy", "-p", build::worker::PACKAGE, "--target", BARE_WASM])
            // The same for both: what they depend on is looked at once.
            .args(["--profile", build::worker::PLAIN.profile])
            .args(variant.flags)
            .args(["--", "-D", "warnings"])
            .run()?;
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
                "the advisories cannot be fetched ({why}): those of an earlier run are used instead"
            ));
        }
        Advisories::None(why) => {
            return Ok(Outcome::NotChecked(format!("the database cannot be fetched ({why})")));
        }
    }
    // Offline, because the database is here and nothing else is asked for.
    Cmd::new(deny, &workspace.root).args(["--offline", "check", "advisories"]).run()?;
    Ok(Outcome::Fine)
}
