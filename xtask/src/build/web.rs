//! Builds the scripts and styles of the pages from their sources, and checks that the committed ones are those.

use anyhow::{Context, Result};

use crate::proc::Cmd;
use crate::tools;
use crate::workspace::Workspace;

/// Builds the files into `web/dist/static`, where they are committed.
pub(crate) fn files(workspace: &Workspace) -> Result<()> {
    tools::npm_packages(&workspace.web(), "building the pages")?;
    npm(workspace, "build").run()
}

/// Checks types, sizes, and that the committed files are built from the present sources.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    tools::npm_packages(&workspace.web(), "checking the pages")?;
    npm(workspace, "check").run().context("`cargo xtask build web` builds the pages' files again")
}

/// Makes a command that runs a script of the pages' package.
pub(crate) fn npm(workspace: &Workspace, script: &str) -> Cmd {
    Cmd::new("npm", &workspace.web()).args(["run", script])
}
