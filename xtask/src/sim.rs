//! `cargo xtask sim` plays the gateway in worlds that are made from seeds.

use anyhow::Result;

use crate::proc::Cmd;
use crate::workspace::Workspace;

/// The package of the simulator.
pub(crate) const PACKAGE: &str = "coinop-sim";
/// The variable that says for how many seconds its test plays worlds.
pub(crate) const SECONDS: &str = "COINOP_SIM_SECONDS";
/// For how many seconds the suite plays worlds.
pub(crate) const SUITE_SECONDS: u64 = 200;
/// The variable that says how many sieges its test plays.
pub(crate) const SIEGES: &str = "COINOP_SIM_SIEGES";
/// How many sieges the suite plays. They are always the same, however fast the machine is.
pub(crate) const SUITE_SIEGES: u64 = 40;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many worlds to play
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The seed of the first world
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Play only sieges, and print what each has cost
    #[arg(long)]
    sieges: bool,
    /// Print everything that happens in the world of `--from`
    #[arg(long)]
    trace: bool,
    /// Go on after a world has failed, and print one seed of each kind of failure
    #[arg(long)]
    keep_going: bool,
}

/// Builds the simulator and runs it. Its exit code says whether all worlds held.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    build(workspace)?;
    let mut cmd = Cmd::new(workspace.coinop_sim(), &workspace.root)
        .arg("--seeds")
        .arg(args.seeds.to_string())
        .arg("--from")
        .arg(args.from.to_string());
    let flags = [("--trace", args.trace), ("--keep-going", args.keep_going), ("--sieges", args.sieges)];
    for (flag, is_set) in flags {
        if is_set {
            cmd = cmd.arg(flag);
        }
    }
    cmd.run()
}

/// Builds the simulator.
///
/// It has the core's `testkit`, so it is built apart from everything that is shipped.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    workspace.cargo().args(["build", "--release", "-p", PACKAGE]).run()
}
