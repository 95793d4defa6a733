//! Reads the guards of `tests/mutants/`.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use toml_edit::{Document, Item, TableLike};

/// The folder of the guards, with one file for each area.
pub(crate) const FOLDER: &str = "tests/mutants";
/// The package of a guard that names no other.
const PACKAGE: &str = "coinop-core";

/// Code that keeps a promise, the edits that remove it, and the tests that must fail then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Guard {
    /// The name, which stays when the code changes.
    pub(crate) id: String,
    /// The part of the product that it belongs to.
    pub(crate) area: String,
    /// The promise, as one sentence.
    pub(crate) holds: String,
    /// The invariants of `docs/architecture.md` that it serves.
    pub(crate) invariants: Vec<i64>,
    /// The package whose tests are run.
    pub(crate) package: String,
    /// The tests that must fail, by the names of their functions.
    pub(crate) tests: Vec<String>,
    /// Whether the tests do not end without the guard.
    pub(crate) hangs: bool,
    /// What removes the guard.
    pub(crate) edits: Vec<Edit>,
}

/// A replacement of text in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    /// The file, relative to the root.
    pub(crate) file: String,
    /// The text to replace, which occurs in the file once.
    pub(crate) find: String,
    pub(crate) replace: String,
}

impl Guard {
    /// Returns the sentence and its invariants.
    pub(crate) fn sentence(&self) -> String {
        let numbers: Vec<String> = self.invariants.iter().map(ToString::to_string).collect();
        let holds = self.holds.trim_end_matches('.');
        if numbers.is_empty() { format!("{holds}.") } else { format!("{holds} ({}).", numbers.join(", ")) }
    }

    /// Returns the edited files with their new text.
    ///
    /// # Errors
    /// When a text to replace does not occur in its file exactly once.
    pub(crate) fn edited(&self, root: &Path) -> Result<BTreeMap<String, String>> {
        let mut files = BTreeMap::new();
        for edit in &self.edits {
            let text = match files.remove(&edit.file) {
                Some(text) => text,
                None => std::fs::read_to_string(root.join(&edit.file)).with_context(|| edit.file.clone())?,
            };
            let times = text.matches(&edit.find).count();
            ensure!(
                times == 1,
                "the text to replace occurs in {} {times} times instead of once: {:?}",
                edit.file,
                edit.find
            );
            files.insert(edit.file.clone(), text.replacen(&edit.find, &edit.replace, 1));
        }
        Ok(files)
    }
}

/// Reads the guards of all files in a folder, in the order of the files' names.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<Guard>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "toml"));
    paths.sort();
    let mut guards = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path)?;
        guards.extend(read(&text).with_context(|| path.display().to_string())?);
    }
    let mut ids = HashSet::new();
    for guard in &guards {
        ensure!(ids.insert(guard.id.as_str()), "two guards are called {}", guard.id);
    }
    Ok(guards)
}

/// Reads the guards of one file.
pub(crate) fn read(text: &str) -> Result<Vec<Guard>> {
    let document = Document::parse(text)?;
    let mut top = Keys::new(document.as_table());
    let area = top.text("area")?;
    let guards = top.tables("guard")?;
    top.end()?;
    guards.into_iter().enumerate().map(|(nth, keys)| guard(keys, &area, nth)).collect()
}

fn guard(mut keys: Keys<'_>, area: &str, nth: usize) -> Result<Guard> {
    let id = keys.text("id").with_context(|| format!("guard {}", nth + 1))?;
    let name = format!("guard {id}");
    named_guard(keys, id, area).context(name)
}

fn named_guard(mut keys: Keys<'_>, id: String, area: &str) -> Result<Guard> {
    let edits = keys.tables("edit")?.into_iter().map(edit).collect::<Result<Vec<_>>>()?;
    let guard = Guard {
        id,
        area: area.to_owned(),
        holds: keys.text("holds")?,
        invariants: keys.list("invariants", toml_edit::Value::as_integer)?,
        package: keys.optional("package", Item::as_str)?.unwrap_or(PACKAGE).to_owned(),
        tests: keys.list("tests", |value| value.as_str().map(str::to_owned))?,
        hangs: keys.optional("hangs", Item::as_bool)?.unwrap_or(false),
        edits,
    };
    keys.end()?;
    ensure!(!guard.tests.is_empty(), "`tests` names no test");
    ensure!(!guard.edits.is_empty(), "it has no `edit`");
    Ok(guard)
}

fn edit(mut keys: Keys<'_>) -> Result<Edit> {
    let edit = Edit { file: keys.text("file")?, find: keys.text("find")?, replace: keys.text("replace")? };
    keys.end()?;
    ensure!(!edit.find.is_empty(), "`find` is empty in the edit of {}", edit.file);
    ensure!(edit.find != edit.replace, "the edit of {} changes nothing", edit.file);
    Ok(edit)
}

/// The keys of a table that have not been read yet.
struct Keys<'t>(BTreeMap<&'t str, &'t Item>);

impl<'t> Keys<'t> {
    fn new(table: &'t dyn TableLike) -> Self {
        Self(table.iter().collect())
    }

    fn optional<T>(&mut self, key: &str, read: impl FnOnce(&'t Item) -> Option<T>) -> Result<Option<T>> {
        let Some(item) = self.0.remove(key) else { return Ok(None) };
        read(item).map(Some).with_context(|| format!("`{key}` has the wrong type"))
    }

    fn text(&mut self, key: &str) -> Result<String> {
        let text = self.optional(key, Item::as_str)?;
        Ok(text.with_context(|| format!("`{key}` is missing"))?.to_owned())
    }

    fn list<T>(&mut self, key: &str, read: impl Fn(&'t toml_edit::Value) -> Option<T>) -> Result<Vec<T>> {
        let array = self.optional(key, Item::as_array)?.with_context(|| format!("`{key}` is missing"))?;
        array.iter().map(|value| read(value).with_context(|| format!("`{key}` has the wrong type"))).collect()
    }

    fn tables(&mut self, key: &str) -> Result<Vec<Keys<'t>>> {
        let tables = self.optional(key, Item::as_array_of_tables)?;
        Ok(tables.into_iter().flatten().map(|table| Keys::new(table)).collect())
    }

    fn end(&self) -> Result<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(key) => bail!("unknown key `{key}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDIT: &str = "[[guard.edit]]\nfile = 'a.rs'\nfind = 'x'\nreplace = ''\n";

    #[test]
    fn a_guard_is_read_whole() {
        let text = format!(
            "area = 'Sales'\n[[guard]]\nid = 'one'\nholds = 'It holds.'\ninvariants = [1, 2]\ntests = ['a', 'b']\n{EDIT}{EDIT}"
        );
        let guards = read(&text).unwrap();
        let [guard] = guards.as_slice() else { panic!("{guards:?}") };
        assert_eq!(
            (guard.id.as_str(), guard.area.as_str(), guard.package.as_str()),
            ("one", "Sales", PACKAGE)
        );
        assert_eq!(guard.sentence(), "It holds (1, 2).");
        assert_eq!((guard.tests.len(), guard.edits.len(), guard.hangs), (2, 2, false));
    }

    #[test]
    fn a_mistake_is_told_with_the_guard_that_has_it() {
        let with = |lines: &str| format!("area = 'a'\n[[guard]]\nid = 'one'\nholds = 'h'\n{lines}");
        for (text, told) in [
            (with(EDIT), "`invariants` is missing"),
            (with("invariants = []\ntests = []\n") + EDIT, "names no test"),
            (with("invariants = []\ntests = ['a']\n"), "no `edit`"),
            (with("invariants = ['1']\ntests = ['a']\n") + EDIT, "wrong type"),
            (with("invariants = []\ntests = ['a']\ntest = 1\n") + EDIT, "unknown key `test`"),
            (
                with("invariants = []\ntests = ['a']\n[[guard.edit]]\nfile = 'a'\nfind = ''\nreplace = ''"),
                "`find` is empty",
            ),
        ] {
            let error = format!("{:#}", read(&text).unwrap_err());
            assert!(error.starts_with("guard one: ") && error.contains(told), "{error}");
        }
        assert!(read("area = ").is_err());
        assert!(read("[[guard]]\nid = 'one'").is_err());
    }
}
