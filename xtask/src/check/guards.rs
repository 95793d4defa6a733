//! Checks that every guard of `tests/mutants/` can be removed and names tests that exist, and that `docs/guards.md` is up
//! to date.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::mutants::{self, Guard, TABLE};
use crate::output;
use crate::workspace::Workspace;

/// Fails if a guard names a text or a test that no longer exists, or if the table is out of date.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let guards = mutants::guards(workspace)?;
    let mut tests: BTreeMap<&str, HashSet<String>> = BTreeMap::new();
    for guard in &guards {
        if !tests.contains_key(guard.package.as_str()) {
            let folder = workspace.package_folder(&guard.package);
            let folder =
                folder.with_context(|| format!("guard {}: no package {}", guard.id, guard.package))?;
            let mut names = HashSet::new();
            collect_tests(&folder, &mut names)?;
            tests.insert(&guard.package, names);
        }
    }
    let is_test = |package: &str, name: &str| tests.get(package).is_some_and(|names| names.contains(name));
    let wrong = stale(&workspace.root, &guards, is_test);
    for what in &wrong {
        output::note(what);
    }
    if !wrong.is_empty() {
        bail!(
            "{} errors in tests/mutants: correct those guards, then run `cargo xtask mutants NAME` for each",
            wrong.len()
        );
    }
    let shown = std::fs::read_to_string(workspace.root.join(TABLE)).context(TABLE)?;
    if shown != mutants::table(&workspace.root, &guards)? {
        bail!("{TABLE} is out of date: run `cargo xtask mutants --write-table`");
    }
    Ok(())
}

/// Returns what is wrong with the guards.
fn stale(root: &Path, guards: &[Guard], is_test: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for guard in guards {
        let missing = guard.tests.iter().filter(|test| !is_test(&guard.package, test));
        wrong.extend(missing.map(|test| format!("guard {}: no test {test}", guard.id)));
        if let Err(error) = guard.edited(root) {
            wrong.push(format!("guard {}: {error:#}", guard.id));
        }
    }
    wrong
}

/// Collects the names of the test functions in a folder's sources.
fn collect_tests(folder: &Path, names: &mut HashSet<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect_tests(&path, names)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            names.extend(tests_in(&std::fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// Returns the names of the functions that are marked as tests.
fn tests_in(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_marked = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_marked = true;
        } else if is_marked && let Some((_, name)) = line.split_once("fn ") {
            let end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
            names.extend(name.split(end).next().map(str::to_owned));
            is_marked = false;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_whose_text_or_test_is_gone_is_told() {
        let folder = std::env::temp_dir().join(format!("xtask-guards-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.rs"), "one two two").unwrap();
        let guard = |test: &str, file: &str, find: &str| {
            let text = format!(
                "area = 'a'\n[[guard]]\nid = 'g'\nholds = 'h'\ninvariants = []\ntests = ['{test}']\n[[guard.edit]]\nfile = '{file}'\nfind = '{find}'\nreplace = 'x'\n"
            );
            mutants::read(&text).unwrap()
        };
        let found = |guards: &[Guard]| stale(&folder, guards, |_, name| name == "there");
        assert_eq!(found(&guard("there", "a.rs", "one")), [""; 0]);
        assert_eq!(found(&guard("gone", "a.rs", "one")), ["guard g: no test gone"]);
        assert!(found(&guard("there", "a.rs", "two"))[0].contains("2 times"));
        assert!(found(&guard("there", "a.rs", "three"))[0].contains("0 times"));
        assert!(found(&guard("there", "b.rs", "one"))[0].contains("b.rs"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn only_marked_functions_are_tests() {
        let text = "fn a() {}\n#[test]\nfn b() {}\n    #[test]\n    #[ignore]\n    fn c(x: u8) {}\n#[tokio::test]\nasync fn d() {}\nfn e() {}";
        assert_eq!(tests_in(text), ["b", "c", "d"]);
    }
}
