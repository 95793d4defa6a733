//! `cargo xtask check`: what holds of the source without running it.

mod machine_paths;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::proc::Cmd;
use crate::tools::{self, Advisories};
use crate::workspace::Workspace;
use crate::{build, output, stop};

const BARE_WASM: &str = "wasm32-unknown-unknown";

type Step = (&'static str, fn(&Workspace) -> Result<()>);

const STEPS: [Step; 6] = [
    ("formatting", formatting),
    ("no machine's paths in the sources", machine_paths::check),
    ("clippy, native", clippy),
    ("clippy, WebAssembly", clippy_wasm),
    ("licences, bans and sources of dependencies", dependencies),
    ("advisories", advisories),
];

/// Takes every step, also after one has failed: one run shows all there is to mend.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let mut failed = Vec::new();
    for (name, step) in STEPS {
        output::note(&format!("== {name}"));
        let start = Instant::now();
        let outcome = step(workspace);
        stop::check()?;
        match outcome {
            Ok(()) => output::note(&format!("== {name}: ok in {} s", start.elapsed().as_secs())),
            Err(error) => {
                output::note(&format!("== {name}: FAILED: {error:#}"));
                failed.push(name);
            }
        }
    }
    if failed.is_empty() {
        output::say(&format!("check: all {} steps are fine", STEPS.len()));
        return Ok(ExitCode::SUCCESS);
    }
    output::say(&format!("check: {} of {} steps failed: {}", failed.len(), STEPS.len(), failed.join("; ")));
    Ok(ExitCode::FAILURE)
}

fn formatting(workspace: &Workspace) -> Result<()> {
    workspace.cargo().args(["fmt", "--all", "--check"]).run().context("`cargo fmt --all` mends it")
}

/// In the release profile: what procedural macros and build scripts need is then built once for this, the
/// binaries and their tests.
fn clippy(workspace: &Workspace) -> Result<()> {
    workspace
        .cargo()
        .args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--release",
            "--",
            "-D",
            "warnings",
        ])
        .run()
}

fn clippy_wasm(workspace: &Workspace) -> Result<()> {
    tools::rust_target(workspace, BARE_WASM)?;
    tools::rust_target(workspace, build::WASI)?;
    workspace
        .cargo()
        .args(["clippy", "-p", "coinop-core", "--target", BARE_WASM, "--release", "--", "-D", "warnings"])
        .run()?;
    workspace
        .cargo()
        .args(["clippy", "-p", "coinop-core", "-p", "coinop-spin", "--target", build::WASI])
        .args(["--profile", build::COMPONENT_PROFILE, "--", "-D", "warnings"])
        .run()
}

fn dependencies(workspace: &Workspace) -> Result<()> {
    let deny = tools::cargo_deny(workspace)?;
    Cmd::new(deny, &workspace.root)
        .args(["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"])
        .run()
}

fn advisories(workspace: &Workspace) -> Result<()> {
    let deny = tools::cargo_deny(workspace)?;
    match tools::advisories(workspace, &deny) {
        Advisories::Fresh => {}
        Advisories::Earlier(why) => {
            output::note(&format!(
                "the advisories cannot be fetched ({why}): those of an earlier run are used"
            ));
        }
        Advisories::None(why) => {
            output::note(&format!("NOT CHECKED: the advisories cannot be fetched ({why})"));
            return Ok(());
        }
    }
    // Offline, because the database is here and nothing else is asked for.
    Cmd::new(deny, &workspace.root).args(["--offline", "check", "advisories"]).run()
}
