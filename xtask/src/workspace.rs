//! The places of things: the clone, cargo's target directory, the cache.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::proc::Cmd;

/// The clone from which this program was compiled, as cargo describes it.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Cargo's target directory: `target/`, unless `CARGO_TARGET_DIR` or a configuration moved it.
    pub(crate) target: PathBuf,
    /// The folder of what outlives clones: tools, and in CI the build directory.
    pub(crate) cache: PathBuf,
    metadata: Value,
}

/// One thing that cargo builds from a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CargoTarget {
    /// `lib`, `bin`, `test`, ...
    pub(crate) kind: String,
    pub(crate) name: String,
}

impl Workspace {
    /// Asks cargo for the workspace, so that its configuration and environment are respected.
    pub(crate) fn find() -> Result<Self> {
        // The variable is read at run time. With a build directory that several clones share, this program
        // may have been built from another clone.
        let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let manifest = Path::new(&own).parent().context("xtask has no parent folder")?;
        let text = Cmd::cargo(manifest)
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .capture()
            .context("cargo cannot describe the workspace")?;
        let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
        let folder = |key: &str| {
            metadata
                .get(key)
                .and_then(Value::as_str)
                .map(PathBuf::from)
                .with_context(|| format!("cargo metadata has no {key}"))
        };
        Ok(Self {
            root: folder("workspace_root")?,
            target: folder("target_directory")?,
            cache: cache()?,
            metadata,
        })
    }

    /// Returns the folder of the real clients.
    pub(crate) fn clients(&self) -> PathBuf {
        self.root.join("tests").join("clients")
    }

    /// Returns the folder of the pages.
    pub(crate) fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// Returns the folder of the pages' built files.
    pub(crate) fn web_files(&self) -> PathBuf {
        self.web().join("dist")
    }

    /// Makes a cargo command at the root.
    pub(crate) fn cargo(&self) -> Cmd {
        Cmd::cargo(&self.root)
    }

    /// Returns the folder of release builds.
    pub(crate) fn release(&self) -> PathBuf {
        self.target.join("release")
    }

    /// Returns the path of the gateway's binary.
    pub(crate) fn coinop(&self) -> PathBuf {
        self.release().join("coinop")
    }

    /// Returns the path of the gateway's binary with failpoints, which is never shipped.
    pub(crate) fn coinop_failpoints(&self) -> PathBuf {
        self.release().join("coinop-failpoints")
    }

    /// Returns the path of the component. It is beside the gateway's binary, which finds it there without a
    /// flag.
    pub(crate) fn component(&self) -> PathBuf {
        self.release().join("coinop.wasm")
    }

    /// Returns the path of the local chain's binary.
    pub(crate) fn coinop_chain(&self) -> PathBuf {
        self.release().join("coinop-chain")
    }

    /// Returns the path of the demo's front.
    pub(crate) fn coinop_demo(&self) -> PathBuf {
        self.release().join("coinop-demo")
    }

    /// Returns the path of the simulator.
    pub(crate) fn coinop_sim(&self) -> PathBuf {
        self.release().join("coinop-sim")
    }

    /// Returns the path of the component whose clock and randomness a test controls. It is never shipped.
    pub(crate) fn component_hooks(&self) -> PathBuf {
        self.release().join("coinop-hooks.wasm")
    }

    /// Returns the path of the component with the settlement stubbed, for tests. It is never shipped.
    pub(crate) fn component_stub(&self) -> PathBuf {
        self.release().join("coinop-stub.wasm")
    }

    /// Returns the path of the component with the settlement stubbed, for benchmarks. It is never shipped.
    pub(crate) fn component_bench(&self) -> PathBuf {
        self.release().join("coinop-bench.wasm")
    }

    /// Returns the path of the core as a native program, with which the others are compared. It is never
    /// shipped.
    pub(crate) fn coinop_native(&self) -> PathBuf {
        self.release().join("coinop-native")
    }

    /// Returns the folder of the worker: `index.js` and the module that it imports, where wrangler.toml
    /// expects them.
    pub(crate) fn worker(&self) -> PathBuf {
        self.root.join("worker").join("build")
    }

    /// Returns the folder of the worker whose clock and randomness a test controls. It is never deployed.
    pub(crate) fn worker_hooks(&self) -> PathBuf {
        self.target.join("worker-hooks")
    }

    /// Returns the folder of fetched tools.
    pub(crate) fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// Returns the folder of one release of a tool.
    pub(crate) fn tool(&self, name: &str, version: &str) -> PathBuf {
        self.tools().join(format!("{name}-{version}"))
    }

    /// Returns a path as a person would type it from the root.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    /// Returns the files of the repository, and new ones that git does not ignore, relative to the root.
    pub(crate) fn sources(&self) -> Result<Vec<String>> {
        let listed = Cmd::new("git", &self.root)
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .capture()
            .context("git cannot list the sources")?;
        Ok(listed.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// Returns the folder of a package of this workspace.
    pub(crate) fn package_folder(&self, package: &str) -> Option<PathBuf> {
        let packages = self.metadata.get("packages").and_then(Value::as_array)?;
        let named = |found: &&Value| found.get("name").and_then(Value::as_str) == Some(package);
        let manifest = packages.iter().find(named)?.get("manifest_path").and_then(Value::as_str)?;
        Path::new(manifest).parent().map(Path::to_owned)
    }

    /// Returns the libraries, programs and test programs of `package` that have tests. Returns nothing if
    /// there is no such package.
    pub(crate) fn tested_targets(&self, package: &str) -> Vec<CargoTarget> {
        let list =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let text =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        list(&self.metadata, "packages")
            .iter()
            .filter(|found| text(found, "name") == package)
            .flat_map(|found| list(found, "targets"))
            .filter(|target| target.get("test").and_then(Value::as_bool).unwrap_or(true))
            .filter_map(|target| {
                let kind = list(&target, "kind").first().and_then(Value::as_str)?.to_owned();
                let known = ["lib", "bin", "test"].contains(&kind.as_str());
                known.then(|| CargoTarget { kind, name: text(&target, "name") })
            })
            .collect()
    }
}

/// Returns `COINOP_CACHE`, or a folder in the user's cache directory.
fn cache() -> Result<PathBuf> {
    let given = |key: &str| env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = given("COINOP_CACHE") {
        return std::path::absolute(&folder)
            .with_context(|| format!("COINOP_CACHE={} is not a path", folder.display()));
    }
    if let Some(folder) = given("XDG_CACHE_HOME") {
        return Ok(folder.join("coinop"));
    }
    match given("HOME") {
        Some(home) => Ok(home.join(".cache").join("coinop")),
        None => {
            bail!("neither COINOP_CACHE nor HOME is set: set COINOP_CACHE to a folder for downloaded tools")
        }
    }
}
