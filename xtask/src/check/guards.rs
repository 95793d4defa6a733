//! Checks that the files and tests exist that the table of guards in `docs/testing.md` names.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::output;
use crate::workspace::Workspace;

const TABLE: &str = "docs/testing.md";
/// The line above the table, and the folder to which its paths are relative.
const HEADING: &str = "## Remove this guard, and this test fails";
const SOURCES: &str = "core/src";

/// Fails if a row names a file or a test that does not exist, and prints those rows.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let text = std::fs::read_to_string(workspace.root.join(TABLE)).context(TABLE)?;
    let sources = workspace.root.join(SOURCES);
    let mut functions = HashSet::new();
    collect_functions(&sources, &mut functions)?;
    let wrong = stale(&text, |path| sources.join(path).is_file(), |name| functions.contains(name));
    for what in &wrong {
        output::note(&format!("{TABLE}: {what}"));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!(
        "{} errors in the table of guards in {TABLE}: correct those rows, and try their edits again",
        wrong.len()
    )
}

/// Returns what is wrong with the rows of the table.
fn stale(text: &str, is_file: impl Fn(&str) -> bool, is_test: impl Fn(&str) -> bool) -> Vec<String> {
    let Some((_, table)) = text.split_once(HEADING) else { return vec![format!("`{HEADING}` is missing")] };
    let table = table.split("\n## ").next().unwrap_or_default();
    let mut wrong = Vec::new();
    let mut rows = 0;
    for row in table.lines().filter(|line| line.starts_with('|') && line.contains('`')) {
        rows += 1;
        let row = row.replace("\\|", "\u{1}");
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, _, edit, tests, _] = cells.as_slice() else {
            wrong.push(format!("not three cells: {row}"));
            continue;
        };
        let paths = quoted(edit).filter(|text| is_path(text));
        wrong.extend(paths.filter(|path| !is_file(path)).map(|path| format!("no file {path}")));
        let names = quoted(tests).filter(|text| is_name(text));
        wrong.extend(names.filter(|name| !is_test(name)).map(|name| format!("no test {name}")));
    }
    if rows == 0 {
        wrong.push("the table of guards is empty".to_owned());
    }
    wrong
}

/// Returns the texts between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn is_path(text: &str) -> bool {
    text.ends_with(".rs") && !text.contains(char::is_whitespace)
}

fn is_name(text: &str) -> bool {
    text.contains('_') && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn collect_functions(folder: &Path, names: &mut HashSet<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect_functions(&path, names)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = std::fs::read_to_string(&path)?;
            let named = text.split("fn ").skip(1);
            let end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
            names.extend(named.filter_map(|rest| rest.split(end).next()).map(str::to_owned));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_whose_file_or_test_is_gone_is_told() {
        let table = |row: &str| {
            format!("# x\n{HEADING}\n\n| guard | edit | then fails |\n|---|---|---|\n{row}\n\n## y\n")
        };
        let found = |row| stale(&table(row), |path| path == "a/b.rs", |name| name == "one_two");
        assert_eq!(found("| g (1) | `a/b.rs` in `f`: `x \\| y` → `z` | `one_two` and more |"), [""; 0]);
        assert_eq!(found("| g | `a/c.rs` in `f`: delete `x` | `one_two` |"), ["no file a/c.rs"]);
        assert_eq!(found("| g | there: delete `x` | `one_two`, `three_four` |"), ["no test three_four"]);
        assert_eq!(found("| g | there: delete `x` |").len(), 1);
        assert_eq!(found("").len(), 1, "an empty table");
        assert_eq!(stale("", |_| true, |_| true).len(), 1);
    }
}
