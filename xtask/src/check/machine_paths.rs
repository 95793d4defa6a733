//! Finds paths of one machine in the sources. Such a path works nowhere else, and shows a private
//! folder.

use std::path::Path;

use anyhow::{Result, bail};

use crate::output;
use crate::workspace::Workspace;

/// The kinds of files that are read: sources, configuration and texts.
const KINDS: [&str; 13] =
    ["rs", "js", "mjs", "cjs", "ts", "toml", "md", "yml", "yaml", "json", "wit", "sh", "html"];

/// Where people's and machines' own folders begin. They are written in pieces, so that this file passes.
const FOLDERS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// Searches every file that is in the repository or about to be added.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut found = 0;
    for name in workspace.sources()?.iter().filter(|name| is_source(name)) {
        // A file that was deleted but not yet committed is listed and cannot be read.
        let Ok(text) = std::fs::read_to_string(workspace.root.join(name)) else { continue };
        for (number, line) in text.lines().enumerate() {
            if let Some(folder) = machine_path(line) {
                output::note(&format!(
                    "{name}:{}: a path of one machine ({folder})",
                    number.saturating_add(1)
                ));
                found += 1;
            }
        }
    }
    if found > 0 {
        bail!(
            "{found} lines contain a path of one machine: write a path relative to the repository, or an example path"
        );
    }
    Ok(())
}

fn is_source(name: &str) -> bool {
    let path = Path::new(name);
    let kind = path.extension().and_then(|kind| kind.to_str());
    kind.is_some_and(|kind| KINDS.contains(&kind)) || path.starts_with(".ci")
}

/// Returns the folder that `line` names at the beginning of a path.
fn machine_path(line: &str) -> Option<&'static str> {
    let begins = |folder: &&str| {
        line.match_indices(folder).any(|(at, _)| {
            let before = line.get(..at).and_then(|head| head.chars().next_back());
            // After these characters it is the middle of a longer path, or of an address.
            !before.is_some_and(|char| {
                char.is_alphanumeric() || matches!(char, '.' | '_' | '-' | '/' | '}' | ')')
            })
        })
    };
    FOLDERS.into_iter().find(|folder| begins(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_of_a_path_counts() {
        let [work, root, users] = FOLDERS;
        for line in
            [format!("cd {work}x"), format!("\"{root}.cache\""), format!("({users}me/x)"), work.to_owned()]
        {
            assert!(machine_path(&line).is_some(), "{line}");
        }
        for line in [format!("https://example.com{work}x"), format!("..{root}x"), "a network/x".to_owned()] {
            assert!(machine_path(&line).is_none(), "{line}");
        }
    }

    #[test]
    fn sources_are_told_by_their_names() {
        assert!(is_source("core/src/lib.rs") && is_source(".ci/run") && is_source("README.md"));
        assert!(!is_source("Cargo.lock") && !is_source("logo.png"));
    }
}
