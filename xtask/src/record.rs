//! `cargo xtask record` records the commands of the differential test again.

use anyhow::Result;

use crate::build;
use crate::proc::Cmd;
use crate::tools;
use crate::workspace::Workspace;

/// Lets the real clients buy from and ask the native core on the local chain, and records the exchange. Every
/// recording is the same, so a change in the file is a change in the answers.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    build::differential(workspace)?;
    let folder = workspace.clients();
    tools::npm_packages(&folder, "recording")?;
    Cmd::new("npm", &folder)
        .args(["run", "--silent", "record"])
        .env("COINOP_CHAIN_BIN", workspace.coinop_chain())
        .env("COINOP_NATIVE_BIN", workspace.coinop_native())
        .run()
}
