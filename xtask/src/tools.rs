//! Fetches what a fresh clone may lack, when it is first needed.

mod worker;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::output;
use crate::proc::Cmd;
use crate::workspace::Workspace;
pub(crate) use worker::worker_tools;

/// The release of cargo-deny for the checks. The oldest compiler that this project promises can build it.
const CARGO_DENY: &str = "0.20.2";
/// The release of cargo-fuzz, which builds the fuzz targets.
const CARGO_FUZZ: &str = "0.13.2";
/// How long fetching the advisories may take before the check continues without them.
const ADVISORIES_LIMIT: Duration = Duration::from_secs(45);

/// Makes sure that `target` can be compiled for.
pub(crate) fn rust_target(workspace: &Workspace, target: &str) -> Result<()> {
    let rustc = || Cmd::new("rustc", &workspace.root).args(["--print", "target-libdir", "--target", target]);
    let there = |text: String| Path::new(&text).is_dir();
    if rustc().capture().is_ok_and(there) {
        return Ok(());
    }
    Cmd::new("rustup", &workspace.root).args(["target", "add", target]).run().with_context(|| {
        format!("Rust's standard library for {target} is missing: install it with the package manager that Rust came from, or use rustup")
    })
}

/// Returns the path of cargo-deny, which is built into the cache the first time.
pub(crate) fn cargo_deny(workspace: &Workspace) -> Result<PathBuf> {
    let flags = ["--no-default-features"];
    cargo_program(workspace, "cargo-deny", CARGO_DENY, "cargo-deny", &flags)
}

/// Returns the path of cargo-fuzz, which is built into the cache the first time.
pub(crate) fn cargo_fuzz(workspace: &Workspace) -> Result<PathBuf> {
    cargo_program(workspace, "cargo-fuzz", CARGO_FUZZ, "cargo-fuzz", &[])
}

/// Makes sure that there is a C++ compiler for `what`, with its headers: the one that `CXX` names, or `c++`.
pub(crate) fn cpp_compiler(workspace: &Workspace, what: &str) -> Result<()> {
    let named = std::env::var("CXX").unwrap_or_default();
    let mut words = named.split_whitespace();
    let program = words.next().unwrap_or("c++");
    Cmd::new(program, &workspace.root)
        .args(words)
        .args(["-x", "c++", "-fsyntax-only", "-include", "vector", "/dev/null"])
        .capture()
        .map(|_| ())
        .with_context(|| {
            format!("{what} needs a C++ compiler, and `{program}` does not work: install g++ (Debian, Ubuntu), gcc-c++ (Fedora) or Xcode's command line tools, or name another one in CXX")
        })
}

/// Returns the path of the program `name` of a package from the registry, which is built into the cache the
/// first time.
///
/// These programs examine a few hundred crates or a megabyte for a second or two, so a fast build counts more
/// than their speed.
fn cargo_program(
    workspace: &Workspace,
    package: &str,
    version: &str,
    name: &str,
    flags: &[&str],
) -> Result<PathBuf> {
    let folder = workspace.tool(package, version);
    let program = folder.join("bin").join(name);
    if program.is_file() {
        return Ok(program);
    }
    output::note(&format!("{package} {version} is missing: it is built once, in about two minutes"));
    let build = workspace.tool("build", package);
    workspace
        .cargo()
        .args(["install", package, "--version", version, "--bin", name, "--locked", "--quiet"])
        .args(flags)
        .arg("--root")
        .arg(&folder)
        .env("CARGO_TARGET_DIR", &build)
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .run()
        .with_context(|| {
            format!("{package} cannot be built; if the lines above name no other cause, check that the package registry is reachable")
        })?;
    // Only the program is needed, and its objects are large.
    let _ = fs::remove_dir_all(&build);
    Ok(program)
}

/// How fresh the advisories are.
pub(crate) enum Advisories {
    Fresh,
    /// They cannot be fetched now, but a complete copy of an earlier run exists. The text is the reason in
    /// one line.
    Earlier(String),
    /// There are none. The text is the reason in one line.
    None(String),
}

/// Fetches the database of advisories. This needs a git host, which some machines cannot reach.
pub(crate) fn advisories(workspace: &Workspace, deny: &Path) -> Advisories {
    // An interrupted fetch leaves a folder that looks like a database, so a separate file marks a complete
    // one.
    let mark = workspace.tools().join("advisories-complete");
    let fetched = Cmd::new(deny, &workspace.root)
        .args(["fetch", "db"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .capture_within(Some(ADVISORIES_LIMIT));
    match fetched {
        Ok(_) => {
            let _ = fs::write(&mark, "");
            Advisories::Fresh
        }
        Err(error) => {
            let why = reason(&format!("{error:#}"));
            if mark.is_file() { Advisories::Earlier(why) } else { Advisories::None(why) }
        }
    }
}

/// Returns the last line of a long error message, which is where tools put the cause.
fn reason(text: &str) -> String {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it gave no reason").to_owned()
}

/// Installs the packages of `folder` as its lock file lists them, unless they were installed from the same
/// files last time. `what` is the purpose, for error messages.
pub(crate) fn npm_packages(folder: &Path, what: &str) -> Result<()> {
    let modules = folder.join("node_modules");
    let stamp = modules.join(".installed-from");
    let wanted = npm_inputs(folder)?;
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    node(folder, what)?;
    Cmd::new("npm", folder).args(["ci", "--no-audit", "--no-fund", "--prefer-offline"]).run().with_context(
        || format!("{what} needs npm packages: check that npm is installed and its registry is reachable"),
    )?;
    fs::create_dir_all(&modules)
        .and_then(|()| fs::write(&stamp, wanted))
        .with_context(|| format!("{} cannot be written", stamp.display()))
}

/// Returns everything that decides what `npm ci` installs.
fn npm_inputs(folder: &Path) -> Result<String> {
    let mut all = String::new();
    for name in ["package.json", "package-lock.json"] {
        let path = folder.join(name);
        all.push_str(
            &fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?,
        );
    }
    // Optional, but it changes how dependencies are resolved.
    all.push_str(&fs::read_to_string(folder.join(".npmrc")).unwrap_or_default());
    Ok(all)
}

/// Makes sure that Node exists and is new enough for `what`.
pub(crate) fn node(folder: &Path, what: &str) -> Result<()> {
    const OLDEST: u32 = 20;
    let need = format!("{what} needs Node >= {OLDEST} with npm");
    let version = Cmd::new("node", folder)
        .arg("--version")
        .capture()
        .with_context(|| format!("{need}: install it from https://nodejs.org"))?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|text| text.parse::<u32>().ok());
    match major {
        Some(major) if major >= OLDEST => Ok(()),
        _ => bail!("{need}, and this is {version}: install a newer release from https://nodejs.org"),
    }
}
