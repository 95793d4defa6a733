//! The Cloudflare Worker: its crate, compiled, bound to JavaScript, optimised and bundled.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::output;
use crate::tools;
use crate::wasm;
use crate::workspace::Workspace;

/// The worker's package.
pub(crate) const PACKAGE: &str = "coinop-worker";
/// The worker's target.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// One way to compile the worker.
pub(crate) struct Variant {
    /// Its profile, which is also the folder where cargo leaves it.
    pub(crate) profile: &'static str,
    /// Its features.
    pub(crate) flags: &'static [&'static str],
    /// What worker-build is told besides.
    after: &'static [&'static str],
}

/// What is deployed.
pub(crate) const PLAIN: Variant = Variant { profile: "worker", flags: &[], after: &[] };
/// With its clock and randomness in a test's hands. Its size is nobody's concern.
pub(crate) const SEAM: Variant =
    Variant { profile: "worker-seam", flags: &["--features", "seam"], after: &["--no-opt"] };

/// The worker, where wrangler.toml looks for it.
pub(crate) fn plain(workspace: &Workspace) -> Result<()> {
    build(workspace, &PLAIN, &workspace.worker())
}

/// The worker for tests that tell it the time, in a place of its own.
pub(crate) fn seam(workspace: &Workspace) -> Result<()> {
    build(workspace, &SEAM, &workspace.worker_seam())
}

/// Builds into `folder`, unless what is there was made of the same: what comes after the compiler takes longer than
/// to find that nothing has changed.
fn build(workspace: &Workspace, variant: &Variant, folder: &Path) -> Result<()> {
    let Variant { profile, flags, after } = variant;
    let tools = tools::worker_tools(workspace)?;
    tools::rust_target(workspace, TARGET)?;
    workspace
        .cargo()
        .args(["build", "--lib", "-p", PACKAGE, "--profile", profile, "--target", TARGET])
        .args(*flags)
        .run()?;
    let stamp = folder.join(".made-of");
    let made_of = || {
        let module = workspace.target.join(TARGET).join(profile).join("coinop_worker.wasm");
        let manifest = workspace.root.join("worker").join("Cargo.toml");
        let files = [module, manifest, folder.join("index.js"), folder.join("index_bg.wasm")];
        digest(&files, &format!("{} {after:?}", tools.releases()))
    };
    if let (Ok(now), Ok(then)) = (made_of(), fs::read_to_string(&stamp))
        && now == then
    {
        output::note(&format!("{} is up to date", workspace.shown(folder)));
        return Ok(());
    }
    let _ = fs::remove_file(&stamp);
    tools
        .worker_build(workspace)
        .args(["worker", "--profile", profile, "--out-dir"])
        .arg(folder)
        .args(*after)
        .args(*flags)
        .run()?;
    without_names(&folder.join("index_bg.wasm"))?;
    fs::write(&stamp, made_of()?).with_context(|| format!("{} cannot be written", stamp.display()))
}

/// Takes the functions' names out of a module: a sixth of it, which worker-build always leaves in.
fn without_names(module: &Path) -> Result<()> {
    let bytes = fs::read(module).with_context(|| format!("{} was not built", module.display()))?;
    fs::write(module, wasm::without_custom(&bytes, "name")?)
        .with_context(|| format!("{} cannot be written", module.display()))
}

/// A digest of `files` and `text`, which tells a change and is no proof against a forger.
fn digest(files: &[PathBuf], text: &str) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    for path in files {
        let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        bytes.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_any_file_or_tool_is_seen_and_a_missing_file_is_no_match() {
        let folder = std::env::temp_dir().join(format!("xtask-digest-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let files = [folder.join("module"), folder.join("index.js")];
        fs::write(&files[0], "ab").unwrap();
        assert!(digest(&files, "1").is_err());
        fs::write(&files[1], "c").unwrap();
        let first = digest(&files, "1").unwrap();
        assert_eq!(digest(&files, "1").unwrap(), first);
        assert_ne!(digest(&files, "2").unwrap(), first);
        // The same bytes, otherwise divided.
        fs::write(&files[0], "a").unwrap();
        fs::write(&files[1], "bc").unwrap();
        assert_ne!(digest(&files, "1").unwrap(), first);
        fs::remove_dir_all(&folder).unwrap();
    }
}
