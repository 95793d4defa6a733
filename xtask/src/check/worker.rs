//! Checks whether Cloudflare's own tool would deploy the worker, and how large it would be.

use std::fs;

use anyhow::{Result, ensure};

use crate::build::script::Size;
use crate::output;
use crate::proc::Cmd;
use crate::tools;
use crate::workspace::Workspace;

/// The largest compressed size of the script, in bytes. It has to be fetched and compiled before the first
/// answer.
const LARGEST: u64 = 560 * 1024;

/// Lets wrangler do everything of a deployment except the upload: it builds the worker by the command of
/// wrangler.toml, reads the configuration and bundles. This needs no network.
pub(super) fn dry_run(workspace: &Workspace) -> Result<()> {
    let packages = workspace.clients();
    tools::npm_packages(&packages, "wrangler")?;
    let folder = workspace.target.join("worker-dry-run");
    let _ = fs::remove_dir_all(&folder);
    Cmd::new(packages.join("node_modules").join(".bin").join("wrangler"), &workspace.root)
        .without_package_env()
        .args(["deploy", "--dry-run", "--outdir"])
        .arg(&folder)
        .env("CI", "1")
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_HIDE_BANNER", "true")
        .env("WRANGLER_LOG_PATH", workspace.target.join("worker-dry-run-logs"))
        .run()?;
    let Size { raw, compressed } = Size::of(&folder)?;
    output::note(&format!(
        "the worker's script: {} KB, compressed {} KB of at most {} KB",
        raw.div_ceil(1024),
        compressed.div_ceil(1024),
        LARGEST / 1024
    ));
    gate(compressed)
}

fn gate(compressed: u64) -> Result<()> {
    ensure!(
        compressed <= LARGEST,
        "the worker's compressed script has {compressed} bytes, and the limit is {LARGEST}: find what made it larger"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_is_too_large_fails() {
        assert!(gate(LARGEST).is_ok());
        assert!(gate(LARGEST + 1).is_err());
    }
}
