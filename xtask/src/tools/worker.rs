//! The programs that turn the worker's crate into what Cloudflare runs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::{cargo_program, npm_packages};
use crate::output;
use crate::proc::Cmd;
use crate::workspace::Workspace;

/// The release of worker-build, which is that of the crate `worker`.
const WORKER_BUILD: &str = "0.8.7";
/// The release of wasm-bindgen's program, which must be exactly that of the crate.
const WASM_BINDGEN: &str = "0.2.129";

/// The changes to worker-build's manifest before it is built.
///
/// The published manifest links the system's OpenSSL, to download the programs that are found for it here. It
/// also has a second program with a hundred crates of its own. Without both it needs no headers of the
/// system, and its build takes half a minute instead of several.
const LEANER: [(&str, &str); 5] = [
    ("    \"native-tls\",\n]\n", "    \"rustls-no-provider\",\n]\ndefault-features = false\n"),
    ("[[bin]]\nname = \"worker-codegen\"\npath = \"src/bin/worker-codegen.rs\"\n", ""),
    ("[dependencies.worker-codegen]\nversion = \"0.2.0\"\n", ""),
    ("[dependencies.binary-install]\nversion = \"0.4.1\"\n", ""),
    ("[dev-dependencies.wasm-bindgen-cli-support]\nversion = \"0.2.129\"\n", ""),
];

/// The paths of the programs that make the worker.
pub(crate) struct WorkerTools {
    worker_build: PathBuf,
    wasm_bindgen: PathBuf,
    wasm_opt: PathBuf,
    esbuild: PathBuf,
    npm_lock: String,
}

impl WorkerTools {
    /// Returns what decides how these programs change a module. Other releases of them make other files of
    /// it.
    pub(crate) fn releases(&self) -> String {
        format!("{WORKER_BUILD} {WASM_BINDGEN}\n{}", self.npm_lock)
    }

    /// Returns worker-build's command at the root. It uses these programs and searches for no others.
    pub(crate) fn worker_build(&self, workspace: &Workspace) -> Cmd {
        Cmd::new(&self.worker_build, &workspace.root)
            .without_package_env()
            .env("WASM_BINDGEN_BIN", &self.wasm_bindgen)
            .env("WASM_OPT_BIN", &self.wasm_opt)
            .env("ESBUILD_BIN", &self.esbuild)
    }
}

/// Fetches and builds what is missing.
pub(crate) fn worker_tools(workspace: &Workspace) -> Result<WorkerTools> {
    // What fails soonest comes first.
    let packages = workspace.root.join("worker");
    npm_packages(&packages, "building the worker")?;
    let modules = packages.join("node_modules");
    Ok(WorkerTools {
        wasm_opt: existing(modules.join(".bin").join("wasm-opt"))?,
        esbuild: esbuild(&modules)?,
        npm_lock: super::npm_inputs(&packages)?,
        wasm_bindgen: cargo_program(workspace, "wasm-bindgen-cli", WASM_BINDGEN, "wasm-bindgen", &[])?,
        worker_build: worker_build(workspace)?,
    })
}

/// Checks that a program exists, because worker-build would download one that is missing.
fn existing(program: PathBuf) -> Result<PathBuf> {
    ensure!(
        program.is_file(),
        "{} is missing: remove that `node_modules` folder and try again",
        program.display()
    );
    Ok(program)
}

/// Returns esbuild's program for this machine. The one in `.bin` is a script. An install script would replace
/// it with the program, but packages may not run scripts here.
fn esbuild(modules: &Path) -> Result<PathBuf> {
    let folder = modules.join("@esbuild");
    let found = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut programs =
        found.map(|entry| entry.path().join("bin").join("esbuild")).filter(|path| path.is_file());
    programs.next().with_context(|| {
        format!(
            "there is no esbuild for this machine in {}: npm must install optional packages",
            folder.display()
        )
    })
}

/// Returns worker-build, which is built into the cache the first time.
fn worker_build(workspace: &Workspace) -> Result<PathBuf> {
    const NAME: &str = "worker-build";
    let program = workspace.tool(NAME, WORKER_BUILD).join("bin").join(NAME);
    if program.is_file() {
        return Ok(program);
    }
    output::note(&format!("{NAME} {WORKER_BUILD} is missing: it is built once, in about a minute"));
    // This is the only command of cargo that fetches and unpacks a package that is not a library.
    Cmd::cargo(&workspace.root)
        .args(["info", "--quiet", "--registry", "crates-io", &format!("{NAME}@{WORKER_BUILD}")])
        .capture()
        .with_context(|| format!("{NAME} cannot be fetched: check that the package registry is reachable"))?;
    let build = workspace.tool("build", NAME);
    let source = build.join("source");
    let _ = fs::remove_dir_all(&source);
    copy(&unpacked(&format!("{NAME}-{WORKER_BUILD}"))?, &source)?;
    let manifest = source.join("Cargo.toml");
    let text =
        fs::read_to_string(&manifest).with_context(|| format!("{} cannot be read", manifest.display()))?;
    fs::write(&manifest, leaner(&text)?)
        .with_context(|| format!("{} cannot be written", manifest.display()))?;
    // Not `--locked`, because the lock file still lists what was removed. All versions in it are kept.
    Cmd::cargo(&source)
        .args(["build", "--quiet"])
        .env("CARGO_TARGET_DIR", build.join("target"))
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .run()
        .with_context(|| format!("{NAME} cannot be built"))?;
    let folder = program.parent().context("the program's path has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    // Renamed into place, so that half a copy is never taken for the program.
    let part = program.with_extension(format!("{}.part", std::process::id()));
    fs::copy(build.join("target").join("debug").join(NAME), &part)
        .and_then(|_| fs::rename(&part, &program))
        .with_context(|| format!("{} cannot be written", program.display()))?;
    let _ = fs::remove_dir_all(&build);
    Ok(program)
}

/// Returns where cargo has unpacked a package of the registry.
fn unpacked(package: &str) -> Result<PathBuf> {
    let given = |key: &str| env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = given("CARGO_HOME").or_else(|| Some(given("HOME")?.join(".cargo")));
    let sources = home.context("neither CARGO_HOME nor HOME is set")?.join("registry").join("src");
    // It has a folder for each registry that was ever used.
    let registries = fs::read_dir(&sources).into_iter().flatten().flatten();
    let mut found =
        registries.map(|entry| entry.path().join(package)).filter(|path| path.join("Cargo.toml").is_file());
    found.next().with_context(|| format!("{package} is not in {}", sources.display()))
}

/// Removes unused parts from worker-build's manifest.
fn leaner(manifest: &str) -> Result<String> {
    let mut text = manifest.to_owned();
    for (from, to) in LEANER {
        ensure!(
            text.matches(from).count() == 1,
            "worker-build's manifest has changed: it must contain {from:?} exactly once"
        );
        text = text.replace(from, to);
    }
    // If the cache is inside another workspace, this package must not belong to it.
    text.push_str("\n[workspace]\n");
    Ok(text)
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("{} cannot be copied to {}", from.display(), to.display());
    fs::create_dir_all(to).with_context(failed)?;
    for entry in fs::read_dir(from).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        let target = to.join(entry.file_name());
        if entry.file_type().with_context(failed)?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the version that the lock file has for `package`.
    fn locked(package: &str) -> Option<&'static str> {
        let lock = include_str!("../../../Cargo.lock");
        let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
        Some(rest.split_once('"')?.0)
    }

    #[test]
    fn the_tools_are_of_the_releases_of_their_crates() {
        assert_eq!(locked("worker"), Some(WORKER_BUILD));
        assert_eq!(locked("wasm-bindgen"), Some(WASM_BINDGEN));
    }

    #[test]
    fn another_manifest_of_worker_build_is_not_taken() {
        let all: String = LEANER.iter().map(|(from, _)| *from).collect();
        let lean = leaner(&all).unwrap();
        assert!(!lean.contains("native-tls") && !lean.contains("codegen"), "{lean}");
        assert!(leaner("[package]\n").unwrap_err().to_string().contains("native-tls"));
    }
}
