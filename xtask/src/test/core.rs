//! The suite of the core: its tests, and that it needs nothing from its host.

use anyhow::{Context, Result, ensure};

use super::counted::cargo;
use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{build, output, tools, wasm};

/// The fewest functions of the core in a complete module. A module with fewer was not linked whole, and would
/// import nothing whatever it needs.
const FEWEST_FUNCTIONS: usize = 100;

/// Tests the core, and checks what it needs from its host.
pub(super) fn run(workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    cargo(workspace.cargo().args(["test", "--no-fail-fast", "-p", "coinop-core"]), tally)?;
    one("core imports nothing on wasm32-unknown-unknown", core_imports_nothing(workspace), tally);
    one("core compiles for wasm32-wasip2", core_on_wasi(workspace), tally);
    Ok(())
}

/// Reports a check as cargo reports a test.
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

/// Checks that the core has no clock, no randomness and no I/O: as a module it imports nothing from its host.
///
/// A library that exports no C function is linked to nothing at all, together with what it needs. So dead
/// code is kept, and a single codegen unit keeps the optimiser from removing it before the linker sees it.
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
        "only {functions} functions of the core are in the module, \
         fewer than {FEWEST_FUNCTIONS}, so this proves nothing: it was not linked whole"
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
