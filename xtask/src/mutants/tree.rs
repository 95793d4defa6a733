//! The copy of the sources that is edited, so that the clone itself never is.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::output;
use crate::workspace::Workspace;

/// Makes the copy of the sources in a folder of the cache. Returns it with its lock, which is held for as long as that lives.
pub(super) fn prepare(workspace: &Workspace, folder: &Path) -> Result<(PathBuf, File)> {
    let lock = lock(folder)?;
    let tree = folder.join("tree");
    copy(&workspace.root, &workspace.sources()?, &tree)?;
    Ok((tree, lock))
}

/// Locks the copy for this run, for as long as the returned file lives. Waits while another run has it.
fn lock(folder: &Path) -> Result<File> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let path = folder.join("lock");
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    if file.try_lock().is_err() {
        output::note("waiting for another run of `cargo xtask mutants`");
        file.lock().with_context(|| path.display().to_string())?;
    }
    Ok(file)
}

/// Makes `to` a copy of these files. Only what differs is written, so that cargo builds no more than it must.
fn copy(from: &Path, names: &[String], to: &Path) -> Result<()> {
    let mut copied = BTreeSet::new();
    for name in names {
        // A file that was deleted but not yet committed is listed and cannot be read.
        let Ok(bytes) = fs::read(from.join(name)) else { continue };
        let path = to.join(name);
        if fs::read(&path).ok().as_ref() != Some(&bytes) {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            }
            fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        }
        copied.insert(path);
    }
    remove_others(to, &copied)
}

/// Removes every other file, because a module that was deleted must not be found in the copy.
fn remove_others(folder: &Path, copied: &BTreeSet<std::path::PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, copied)?;
        } else if !copied.contains(&path) {
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_files_that_are_named_and_no_others() {
        let folder = std::env::temp_dir().join(format!("xtask-tree-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        fs::create_dir_all(from.join("a")).unwrap();
        fs::create_dir_all(to.join("a")).unwrap();
        fs::write(from.join("a/one"), "1").unwrap();
        fs::write(from.join("two"), "2").unwrap();
        fs::write(to.join("a/old"), "gone").unwrap();
        fs::write(to.join("two"), "edited").unwrap();
        let names = ["a/one", "two", "deleted"].map(str::to_owned);
        copy(&from, &names, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("a/one")).unwrap(), "1");
        assert_eq!(fs::read_to_string(to.join("two")).unwrap(), "2");
        assert!(!to.join("a/old").exists());
        let before = fs::metadata(to.join("two")).unwrap().modified().unwrap();
        copy(&from, &names, &to).unwrap();
        assert_eq!(fs::metadata(to.join("two")).unwrap().modified().unwrap(), before, "written once");
        fs::remove_dir_all(&folder).unwrap();
    }
}
