//! Builds the Cloudflare Worker: compiles its crate, binds it to JavaScript, optimises and bundles it.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::output;
use crate::tools;
use crate::wasm;
use crate::workspace::Workspace;

pub(crate) const PACKAGE: &str = "coinop-worker";
/// The target for which the worker is compiled.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// One way to compile the worker.
pub(crate) struct Variant {
    /// The cargo profile, which is also the name of the folder where cargo leaves the module.
    pub(crate) profile: &'static str,
    /// Flags for cargo that select the features.
    pub(crate) flags: &'static [&'static str],
    /// More flags for worker-build.
    after: &'static [&'static str],
}

/// The variant that is deployed.
pub(crate) const PLAIN: Variant = Variant { profile: "worker", flags: &[], after: &[] };
/// The variant whose clock and randomness a test controls. Its size does not matter.
pub(crate) const HOOKS: Variant =
    Variant { profile: "worker-hooks", flags: &["--features", "test-hooks"], after: &["--no-opt"] };

/// Builds the worker where wrangler.toml expects it.
pub(crate) fn plain(workspace: &Workspace) -> Result<()> {
    build(workspace, &PLAIN, &workspace.worker())
}

/// Builds the worker for tests that tell it the time, in a separate place.
pub(crate) fn hooks(workspace: &Workspace) -> Result<()> {
    build(workspace, &HOOKS, &workspace.worker_hooks())
}

/// Builds into `folder`, unless its content was made from the same input. The steps after the compiler take
/// longer than finding out that nothing has changed.
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

/// Removes the functions' names from a module. They are a sixth of it, and worker-build always keeps them.
fn without_names(module: &Path) -> Result<()> {
    let bytes = fs::read(module).with_context(|| format!("{} was not built", module.display()))?;
    fs::write(module, wasm::without_custom(&bytes, "name")?)
        .with_context(|| format!("{} cannot be written", module.display()))
}

/// Returns a digest of `files` and `text`. It detects changes, but does not protect against forgery.
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
        // The same bytes, divided differently.
        fs::write(&files[0], "a").unwrap();
        fs::write(&files[1], "bc").unwrap();
        assert_ne!(digest(&files, "1").unwrap(), first);
        fs::remove_dir_all(&folder).unwrap();
    }
}
