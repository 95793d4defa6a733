//! `cargo xtask screenshots` takes the pictures of `docs/pages/` again.

use anyhow::Result;

use crate::build;
use crate::proc::Cmd;
use crate::tools;
use crate::workspace::Workspace;

/// Lets a person in a real browser buy from the program on the local chain, and takes pictures of the pages.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    build::native(workspace)?;
    build::component(workspace)?;
    let folder = workspace.clients();
    tools::npm_packages(&folder, "the screenshots")?;
    Cmd::new("npm", &folder)
        .args(["run", "--silent", "screenshots"])
        .env("COINOP_BIN", workspace.coinop())
        .env("COINOP_CHAIN_BIN", workspace.coinop_chain())
        .run()
}
