//! Checks that no product contains the testkit or its dependencies, and no shipped module the test hooks.

use anyhow::{Context, Result, bail};

use crate::output;
use crate::workspace::Workspace;
use crate::{build, build::worker};

/// The package with the testkit, and the feature that enables it.
const CORE: &str = "coinop-core";
const TESTKIT: &str = "testkit";
/// Dependencies of the testkit that no WebAssembly module may have.
const SQLITE: [&str; 2] = ["rusqlite", "libsqlite3-sys"];
/// The package that no shipped module may have.
const HOOKS: &str = "coinop-test-hooks";
/// Packages that are built in one command with the gateway. Cargo unites the features that they all want, so
/// one of them could put the testkit into the gateway.
const BUILT_WITH_THE_GATEWAY: [&str; 4] =
    ["coinop-differential", "coinop-bench", "coinop-spin-test", build::DEMO];

/// One way in which a product is built.
struct Build {
    /// Cargo's flags for packages, features and target.
    flags: Vec<&'static str>,
    product: Product,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Product {
    /// Native programs, some of which are tests.
    Native,
    /// A WebAssembly module that is only tested.
    TestModule,
    /// A WebAssembly module that is shipped.
    Module,
}

/// Fails if a product is built with the testkit, a module with SQLite, or a shipped module with the test hooks.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let mut wrong = 0;
    for Build { flags, product } in builds() {
        for what in faults(&tree(workspace, &flags)?, product) {
            output::note(&format!("cargo build {}: {what}", flags.join(" ")));
            wrong += 1;
        }
    }
    if wrong > 0 {
        bail!(
            "{wrong} errors: build a crate that enables the feature {TESTKIT} by a separate command, and let no shipped module \
             depend on SQLite or on {HOOKS}"
        );
    }
    Ok(())
}

/// Returns every way in which xtask builds a product, and the one of a plain `cargo build`.
fn builds() -> Vec<Build> {
    let [features, failpoints, ..] = build::FAILPOINTS;
    let more = BUILT_WITH_THE_GATEWAY.map(|package| vec!["-p", package]);
    let native = [vec![], vec![features, failpoints]].into_iter().chain(more);
    let native = native.map(|more| [build::NATIVE.to_vec(), more].concat()).chain([vec![]]);
    let spin = [build::PLAIN, build::HOOKS, build::STUB]
        .map(|variant| [&["-p", "coinop-spin", "--target", build::WASI], variant.flags].concat());
    let worker = [worker::PLAIN, worker::HOOKS]
        .map(|variant| [&["-p", worker::PACKAGE, "--target", worker::TARGET], variant.flags].concat());
    let modules = spin.into_iter().chain(worker).map(|flags| {
        let product = if flags.contains(&"--features") { Product::TestModule } else { Product::Module };
        Build { flags, product }
    });
    native.map(|flags| Build { flags, product: Product::Native }).chain(modules).collect()
}

/// Returns each package of a build with its features, separated by a tab. Dependencies that only tests of the
/// selected packages need are included, because `cargo test` leaves the gateway's program in the same place
/// as `cargo build`.
fn tree(workspace: &Workspace, flags: &[&str]) -> Result<String> {
    workspace
        .cargo()
        .args(["tree", "--locked", "--prefix", "none", "--edges", "normal,build,dev", "--format", "{p}\t{f}"])
        .args(flags)
        .capture()
        .context("cargo cannot list what it would build")
}

/// Returns what is wrong with the packages of a build.
fn faults(tree: &str, product: Product) -> Vec<String> {
    let packages = tree.lines().filter_map(|line| {
        let (package, features) = line.split_once('\t')?;
        Some((package.split(' ').next()?, features.trim_end_matches(" (*)")))
    });
    let mut wrong = Vec::new();
    let mut cores = 0;
    for (package, features) in packages {
        if package == CORE {
            cores += 1;
            if features.split(',').any(|feature| feature == TESTKIT) {
                wrong.push(format!("{CORE} has the feature {TESTKIT}"));
            }
        } else if (product != Product::Native && SQLITE.contains(&package))
            || (product == Product::Module && package == HOOKS)
        {
            wrong.push(format!("{package} is in the module"));
        }
    }
    if cores == 0 {
        wrong.push(format!("{CORE} is not in this build, so the check proves nothing"));
    }
    wrong.dedup();
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_testkit_is_in_no_product() {
        let workspace = Workspace::find().unwrap();
        check(&workspace).unwrap();
        let count = |product| builds().iter().filter(|build| build.product == product).count();
        assert_eq!([Product::Native, Product::TestModule, Product::Module].map(count), [7, 3, 2]);
    }

    #[test]
    fn a_testkit_that_another_package_puts_into_the_gateway_is_told() {
        let workspace = Workspace::find().unwrap();
        let background = ["-p", "coinop", "-p", CORE, "--features", "coinop-core/testkit"];
        let told = [format!("{CORE} has the feature {TESTKIT}")];
        assert_eq!(faults(&tree(&workspace, &background).unwrap(), Product::Native), told);
        // The same if a module gets the testkit, which then has SQLite too.
        let module =
            ["-p", "coinop-spin", "-p", CORE, "--features", "coinop-core/testkit", "--target", build::WASI];
        let found = faults(&tree(&workspace, &module).unwrap(), Product::Module);
        assert!(
            found.contains(&told[0]) && found.iter().any(|fault| fault.starts_with("rusqlite")),
            "{found:?}"
        );
    }

    #[test]
    fn a_build_without_the_core_proves_nothing() {
        use Product::{Module, Native};
        assert_eq!(faults("", Native).len(), 1);
        assert_eq!(faults("xtask v0.1.0\t\ncoinop-core v0.1.0 (x)\tfast (*)", Module), [""; 0]);
        assert_eq!(faults("coinop-core v0.1.0 (x)\tfast,testkit (*)", Module).len(), 1);
        assert_eq!(faults("coinop-core v0.1.0 (x)\t\nrusqlite v0.37.0\thooks", Module).len(), 1);
        assert_eq!(faults("coinop-core v0.1.0 (x)\t\nrusqlite v0.37.0\thooks", Native), [""; 0]);
    }

    #[test]
    fn the_test_hooks_are_in_no_module_that_is_shipped() {
        let tree = "coinop-core v0.1.0 (x)\t\ncoinop-test-hooks v0.1.0 (x)\t";
        assert_eq!(faults(tree, Product::Module), ["coinop-test-hooks is in the module"]);
        assert_eq!(faults(tree, Product::TestModule), [""; 0]);
    }
}
