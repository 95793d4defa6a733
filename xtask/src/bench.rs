//! `cargo xtask bench`: builds what the benchmarks measure, and runs them.

use anyhow::Result;

use crate::build;
use crate::output;
use crate::proc::Cmd;
use crate::tools;
use crate::workspace::Workspace;

const BARE_WASM: &str = "wasm32-unknown-unknown";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What is passed on: `--only verify`, `--rounds 1`, ... (`-- --help` lists all)
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let guest = guest(workspace)?;
    let component = build::stubbed_component(workspace)?;
    // All native packages in one build, for the reason that `build::NATIVE` gives.
    workspace.cargo().args(["build", "--release", "-p", "coinop-bench"]).args(build::NATIVE).run()?;
    let out = workspace.target.join("bench.json");
    Cmd::new(workspace.target.join("release").join("coinop-bench"), &workspace.root)
        .arg("--coinop")
        .arg(workspace.coinop())
        .arg("--component")
        .arg(&component)
        .arg("--guest")
        .arg(&guest)
        .arg("--out")
        .arg(&out)
        .args(&args.rest)
        .run()?;
    output::say(&format!("wrote {}", workspace.shown(&out)));
    Ok(())
}

/// The verification of a payment as a module, compiled as the component is.
fn guest(workspace: &Workspace) -> Result<std::path::PathBuf> {
    tools::rust_target(workspace, BARE_WASM)?;
    workspace
        .cargo()
        .args(["build", "--profile", build::COMPONENT_PROFILE, "-p", "coinop-bench-guest"])
        .args(["--target", BARE_WASM])
        .run()?;
    let folder = workspace.target.join(BARE_WASM).join(build::COMPONENT_PROFILE);
    Ok(folder.join("coinop_bench_guest.wasm"))
}
