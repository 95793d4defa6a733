//! `cargo xtask bench` builds what the benchmarks measure, and runs them.

use std::path::PathBuf;

use anyhow::Result;

use crate::build::script::Size;
use crate::build::{self, worker};
use crate::output;
use crate::proc::Cmd;
use crate::tools;
use crate::workspace::Workspace;

const BARE_WASM: &str = "wasm32-unknown-unknown";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measure only this group
    #[arg(long, value_enum)]
    only: Option<Group>,
    /// How many times each figure is measured
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How long each load lasts, in milliseconds
    #[arg(long, default_value_t = 3_000)]
    load_ms: u32,
}

/// The things that are measured together.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Group {
    /// Checking a payment
    Verify,
    /// Requests and sales through `coinop serve`
    Serve,
    /// Requests on the stand-in for Spin
    Spin,
    /// Loading assets with a history
    Load,
    /// Requests to the Cloudflare Worker, and its size
    Worker,
}

impl Group {
    /// Returns the name by which the benchmarks know it.
    const fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Serve => "serve",
            Self::Spin => "spin",
            Self::Load => "load",
            Self::Worker => "worker",
        }
    }
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let wanted = |group| args.only.is_none_or(|only| only == group);
    let out = workspace.target.join("bench.json");
    let mut bench = Cmd::new(workspace.release().join("coinop-bench"), &workspace.root)
        .args(["--rounds", &args.rounds.to_string(), "--load-ms", &args.load_ms.to_string()])
        .arg("--out")
        .arg(&out);
    if let Some(only) = args.only {
        bench = bench.args(["--only", only.name()]);
    }
    // First comes what may be missing on this machine.
    if wanted(Group::Worker) {
        match tools::node(&workspace.root, "measuring the worker") {
            Ok(()) => bench = with_worker(workspace, bench)?,
            Err(error) if args.only == Some(Group::Worker) => return Err(error),
            Err(error) => output::note(&format!("the worker is left out: {error:#}")),
        }
    }
    if wanted(Group::Verify) {
        bench = bench.arg("--guest").arg(guest(workspace)?);
    }
    if wanted(Group::Serve) || wanted(Group::Spin) {
        build::benched_component(workspace)?;
        bench =
            bench.arg("--coinop").arg(workspace.coinop()).arg("--component").arg(workspace.component_bench());
    }
    // All native packages are built at once, for the reason given at `build::NATIVE`.
    workspace.cargo().args(["build", "--release", "-p", "coinop-bench"]).args(build::NATIVE).run()?;
    bench.run()?;
    output::say(&format!("wrote {}", workspace.shown(&out)));
    Ok(())
}

/// Builds the worker, and passes its paths to the benchmarks.
fn with_worker(workspace: &Workspace, bench: Cmd) -> Result<Cmd> {
    let tests = workspace.root.join("tests");
    tools::npm_packages(&tests.join("clients"), "measuring the worker")?;
    worker::plain(workspace)?;
    let folder = workspace.worker();
    Ok(bench
        .arg("--worker")
        .arg(&folder)
        .args(["--worker-gzip", &Size::of(&folder)?.compressed.to_string()])
        .arg("--miniflare")
        .arg(tests.join("bench").join("miniflare.mjs"))
        .arg("--chain")
        .arg(workspace.coinop_chain()))
}

/// Builds the check of a payment as a WebAssembly module, compiled like the component. Returns its path.
fn guest(workspace: &Workspace) -> Result<PathBuf> {
    tools::rust_target(workspace, BARE_WASM)?;
    workspace
        .cargo()
        .args(["build", "--profile", build::PLAIN.profile, "-p", "coinop-bench-guest"])
        .args(["--target", BARE_WASM])
        .run()?;
    let folder = workspace.target.join(BARE_WASM).join(build::PLAIN.profile);
    Ok(folder.join("coinop_bench_guest.wasm"))
}
