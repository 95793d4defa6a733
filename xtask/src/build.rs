//! Building what is shipped: two native binaries, the component and the worker.

pub(crate) mod script;
pub(crate) mod worker;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::output;
use crate::tools;
use crate::workspace::Workspace;

/// The native packages, always named together: cargo joins the features that its selected packages want
/// from a dependency, so building one alone would compile the largest dependencies a second time.
pub(crate) const NATIVE: [&str; 4] = ["-p", NATIVE_PACKAGES[0], "-p", NATIVE_PACKAGES[1]];
/// Their names.
pub(crate) const NATIVE_PACKAGES: [&str; 2] = ["coinop", "coinop-chain"];

/// Selects the gateway with failpoints.
pub(crate) const FAILPOINTS: [&str; 4] = ["--features", "coinop/failpoints", "--bin", "coinop-failpoints"];

/// The component's target.
pub(crate) const WASI: &str = "wasm32-wasip2";
/// The component's profile.
pub(crate) const COMPONENT_PROFILE: &str = "component";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to build; everything that is shipped when nothing is named
    #[arg(value_enum)]
    parts: Vec<Part>,
}

/// What is built together.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The gateway's binary and the local chain
    Host,
    /// The component, for the gateway and for Spin
    Spin,
    /// The Cloudflare Worker
    Worker,
    /// The worker for tests that tell it the time; never to be deployed
    WorkerSeam,
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
            Self::WorkerSeam => {
                worker::seam(workspace)?;
                vec![workspace.worker_seam()]
            }
        })
    }
}

/// Builds what is named, and says where it is.
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

/// The gateway and the local chain.
pub(crate) fn native(workspace: &Workspace) -> Result<()> {
    workspace.cargo().args(["build", "--release"]).args(NATIVE).run()
}

/// The gateway with failpoints, which tests end at chosen places.
///
/// It has a name of its own, so this leaves `coinop` alone, also when it is interrupted; and the selected packages
/// are the same, so it costs compiling one crate.
pub(crate) fn failpoints(workspace: &Workspace) -> Result<()> {
    workspace.cargo().args(["build", "--release"]).args(NATIVE).args(FAILPOINTS).run()
}

/// The component, put beside the gateway's binary.
pub(crate) fn component(workspace: &Workspace) -> Result<()> {
    component_as(workspace, COMPONENT_PROFILE, &[], &workspace.component())
}

/// The component with the settlement stubbed, for benchmarks. The next [`component`] is built again.
pub(crate) fn stubbed_component(workspace: &Workspace) -> Result<PathBuf> {
    let stubbed = workspace.component().with_file_name("coinop-stubbed.wasm");
    component_as(workspace, COMPONENT_PROFILE, &["--features", "stub-settlement"], &stubbed)?;
    Ok(stubbed)
}

/// The component for tests that tell it the time, in a place of its own.
pub(crate) fn seam_component(workspace: &Workspace) -> Result<()> {
    component_as(workspace, "component-seam", &["--features", "seam"], &workspace.component_seam())
}

fn component_as(workspace: &Workspace, profile: &str, flags: &[&str], to: &Path) -> Result<()> {
    tools::rust_target(workspace, WASI)?;
    workspace
        .cargo()
        .args(["build", "--profile", profile, "-p", "coinop-spin", "--target", WASI])
        .args(flags)
        .run()?;
    place(&workspace.target.join(WASI).join(profile).join("coinop_spin.wasm"), to)
}

/// The core as a native program, and the chain that a recording is made with.
pub(crate) fn differential(workspace: &Workspace) -> Result<()> {
    workspace.cargo().args(["build", "--release", "-p", "coinop-differential"]).args(NATIVE).run()
}

/// Copies `from` to `to` unless the same is there already: its age and its place on disk stay, and so do
/// caches that go by them. The copy is renamed into place, so that nobody reads half of it.
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
