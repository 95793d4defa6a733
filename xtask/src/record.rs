//! `cargo xtask record`: the commands of the differential test, recorded anew.

use anyhow::Result;

use crate::build;
use crate::proc::Cmd;
use crate::tools;
use crate::workspace::Workspace;

/// Buys and asks by the real clients, from the native core on the local chain, and writes down what was said. The
/// same is recorded every time: what changes in the file has changed in the answers.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    build::differential(workspace)?;
    let folder = workspace.root.join("tests").join("clients");
    tools::npm_packages(&folder, "recording")?;
    Cmd::new("npm", &folder)
        .args(["run", "--silent", "record"])
        .env("COINOP_CHAIN_BIN", workspace.coinop_chain())
        .env("COINOP_NATIVE_BIN", workspace.coinop_native())
        .run()
}
