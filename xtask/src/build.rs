//! Builds what is shipped: two native binaries, the component and the worker.

pub(crate) mod script;
pub(crate) mod web;
pub(crate) mod worker;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::output;
use crate::tools;
use crate::workspace::Workspace;

/// The packages of the programs for this machine.
///
/// They are always built together. Cargo enables every feature of a dependency that any selected package asks
/// for, so one of them alone would compile the largest dependencies a second time.
pub(crate) const NATIVE: [&str; 4] = ["-p", NATIVE_PACKAGES[0], "-p", NATIVE_PACKAGES[1]];
/// The names of the native packages.
pub(crate) const NATIVE_PACKAGES: [&str; 2] = [GATEWAY, "coinop-chain"];
pub(crate) const GATEWAY: &str = "coinop";
/// The package of the demo's front.
pub(crate) const DEMO: &str = "coinop-demo";

/// Selects the gateway with failpoints.
pub(crate) const FAILPOINTS: [&str; 4] = ["--features", "coinop/failpoints", "--bin", "coinop-failpoints"];

/// Compiles the gateway quickly where it is not shipped: with failpoints, and for its unit tests. Its
/// dependencies are compiled as always.
pub(crate) const QUICKLY: [&str; 4] = [
    "--config",
    "profile.release.package.coinop.opt-level=1",
    "--config",
    "profile.release.package.coinop.codegen-units=16",
];

pub(crate) const WASI: &str = "wasm32-wasip2";

/// One way to compile the component.
pub(crate) struct Variant {
    /// The cargo profile, which is also the name of the folder where cargo leaves the module. No two variants
    /// share a profile, because the module has the same name in each, and `spin.toml` runs whatever is in the
    /// folder of [`PLAIN`].
    pub(crate) profile: &'static str,
    /// Flags for cargo that select the features.
    pub(crate) flags: &'static [&'static str],
}

/// The variant that is shipped.
pub(crate) const PLAIN: Variant = Variant { profile: "component", flags: &[] };
/// The variant whose clock and randomness a test controls.
pub(crate) const HOOKS: Variant =
    Variant { profile: "component-hooks", flags: &["--features", "test-hooks"] };
/// The variant with the settlement stubbed, for tests.
pub(crate) const STUB: Variant = Variant { profile: "component-stub", flags: STUBBED };
/// The variant with the settlement stubbed, for benchmarks. It is as fast as the shipped one.
const BENCH: Variant = Variant { profile: "component-bench", flags: STUBBED };
const STUBBED: &[&str] = &["--features", "stub-settlement"];

impl Variant {
    /// Returns where cargo leaves the module.
    fn module(&self, target: &Path) -> PathBuf {
        target.join(WASI).join(self.profile).join("coinop_spin.wasm")
    }
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to build; by default everything that is shipped
    #[arg(value_enum)]
    parts: Vec<Part>,
}

/// The things that are built together.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The gateway's binary and the local chain
    Host,
    /// The component, for the gateway and for Spin
    Spin,
    /// The Cloudflare Worker
    Worker,
    /// The scripts and styles of the pages, which are committed
    Web,
    /// The Worker for tests that set its clock; never deploy it
    WorkerHooks,
}

impl Part {
    const SHIPPED: [Self; 3] = [Self::Host, Self::Spin, Self::Worker];

    fn build(self, workspace: &Workspace) -> Result<Vec<PathBuf>> {
        Ok(match self {
            Self::Host => {
                native(workspace)?;
                vec![workspace.coinop(), workspace.coinop_chain()]
            }
            Self::Spin => {
                component(workspace)?;
                vec![workspace.component()]
            }
            Self::Worker => {
                worker::plain(workspace)?;
                vec![workspace.worker()]
            }
            Self::Web => {
                web::files(workspace)?;
                vec![workspace.web_files()]
            }
            Self::WorkerHooks => {
                worker::hooks(workspace)?;
                vec![workspace.worker_hooks()]
            }
        })
    }
}

/// Builds the named parts, and prints where they are.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let parts = if args.parts.is_empty() { &Part::SHIPPED[..] } else { &args.parts };
    let mut built = Vec::new();
    for part in parts {
        built.extend(part.build(workspace)?);
    }
    for path in built {
        output::say(&format!("built {}", workspace.shown(&path)));
    }
    Ok(())
}

/// Builds the gateway and the local chain.
pub(crate) fn native(workspace: &Workspace) -> Result<()> {
    workspace.cargo().args(["build", "--release"]).args(NATIVE).run()
}

/// Builds the gateway, the local chain, and the demo's front.
pub(crate) fn demo(workspace: &Workspace) -> Result<()> {
    workspace.cargo().args(["build", "--release", "-p", DEMO]).args(NATIVE).run()
}

/// Builds the gateway with failpoints, which tests end at chosen places.
///
/// It has its own name, so this does not touch `coinop`, even when it is interrupted. The selected packages
/// are the same, so only one crate is compiled again.
pub(crate) fn failpoints(workspace: &Workspace) -> Result<()> {
    workspace.cargo().args(["build", "--release"]).args(NATIVE).args(FAILPOINTS).args(QUICKLY).run()
}

/// Builds the component, and puts it beside the gateway's binary.
pub(crate) fn component(workspace: &Workspace) -> Result<()> {
    component_as(workspace, &PLAIN, &workspace.component())
}

/// Builds the component with the settlement stubbed, for tests.
pub(crate) fn stubbed_component(workspace: &Workspace) -> Result<()> {
    component_as(workspace, &STUB, &workspace.component_stub())
}

/// Builds the component with the settlement stubbed, for benchmarks.
pub(crate) fn benched_component(workspace: &Workspace) -> Result<()> {
    component_as(workspace, &BENCH, &workspace.component_bench())
}

/// Builds the component for tests that tell it the time, in a separate place.
pub(crate) fn hooks_component(workspace: &Workspace) -> Result<()> {
    component_as(workspace, &HOOKS, &workspace.component_hooks())
}

fn component_as(workspace: &Workspace, variant: &Variant, to: &Path) -> Result<()> {
    tools::rust_target(workspace, WASI)?;
    workspace
        .cargo()
        .args(["build", "--profile", variant.profile, "-p", "coinop-spin", "--target", WASI])
        .args(variant.flags)
        .run()?;
    place(&variant.module(&workspace.target), to)
}

/// Builds the core as a native program, and the chain with which a recording is made.
pub(crate) fn differential(workspace: &Workspace) -> Result<()> {
    workspace.cargo().args(["build", "--release", "-p", "coinop-differential"]).args(NATIVE).run()
}

/// Copies `from` to `to`, unless the same content is already there. An unchanged file keeps its age and its
/// place on the disk, so caches that depend on those stay valid. The copy is renamed into place, so that
/// nothing reads a part of it.
fn place(from: &Path, to: &Path) -> Result<()> {
    let bytes = std::fs::read(from).with_context(|| format!("{} was not built", from.display()))?;
    if std::fs::read(to).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let part = PathBuf::from(format!("{}.{}.part", to.display(), std::process::id()));
    std::fs::write(&part, bytes)
        .and_then(|()| std::fs::rename(&part, to))
        .with_context(|| format!("{} cannot be written", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_component_is_left_where_spin_looks() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let manifest = std::fs::read_to_string(root.join("spin.toml")).unwrap();
        let source = PLAIN.module(Path::new("target"));
        assert!(manifest.contains(&format!("source = \"{}\"", source.display())), "{}", source.display());
        let modules = [PLAIN, HOOKS, STUB, BENCH].map(|variant| variant.module(Path::new("target")));
        for (n, module) in modules.iter().enumerate() {
            assert!(!modules[..n].contains(module), "{}", module.display());
        }
        assert!(PLAIN.flags.is_empty());
    }

    #[test]
    fn an_unchanged_component_is_left_alone() {
        let folder = std::env::temp_dir().join(format!("xtask-place-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (from, to) = (folder.join("from"), folder.join("to"));
        std::fs::write(&from, "1").unwrap();
        place(&from, &to).unwrap();
        let first = std::fs::metadata(&to).unwrap().modified().unwrap();
        place(&from, &to).unwrap();
        assert_eq!(std::fs::metadata(&to).unwrap().modified().unwrap(), first);
        std::fs::write(&from, "2").unwrap();
        place(&from, &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"2");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
