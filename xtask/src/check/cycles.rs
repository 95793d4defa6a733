//! Checks that no two source files need each other, directly or through others. So a reader can first read
//! what a file is based on.

mod source;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use self::source::Source;
use crate::output;
use crate::workspace::Workspace;

/// The first files of the product crates and of this one, from which their modules are declared.
const ROOTS: [&str; 5] = [
    "core/src/lib.rs",
    "host-runner/src/main.rs",
    "spin-app/src/lib.rs",
    "worker/src/lib.rs",
    "xtask/src/main.rs",
];

/// A module's path within its crate.
type Module = Vec<String>;
/// The files that each file needs.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Fails if files need each other.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let read = |path: &Path| std::fs::read_to_string(workspace.root.join(path)).ok();
    let cycles = cycles(&whole(&read)?);
    for files in &cycles {
        output::note(&format!("import cycle: {}", files.join(", ")));
    }
    if cycles.is_empty() {
        return Ok(());
    }
    bail!("{} import cycles: move what the files share into a separate file", cycles.len())
}

/// Returns the graph of all files.
fn whole(read: &dyn Fn(&Path) -> Option<String>) -> Result<Graph> {
    let mut graph = Graph::new();
    for root in ROOTS {
        graph.extend(Crate::read(root, read)?.graph());
    }
    Ok(graph)
}

/// Returns the groups of files that all need each other, sorted by name.
fn cycles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|file| (file, reach(graph, file))).collect();
    let both = |a: &String, b: &String| {
        reached.get(a).is_some_and(|files| files.contains(b))
            && reached.get(b).is_some_and(|files| files.contains(a))
    };
    let own = |file| graph.keys().filter(move |other| both(file, other)).cloned().collect::<Vec<_>>();
    graph.keys().map(own).filter(|files| files.len() > 1).collect()
}

/// Returns everything that a file needs, directly or through others.
fn reach<'g>(graph: &'g Graph, file: &'g String) -> BTreeSet<&'g String> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![file]);
    while let Some(next) = open.pop() {
        open.extend(graph.get(next).into_iter().flatten().filter(|needed| reached.insert(*needed)));
    }
    reached
}

/// A crate's modules without its tests.
struct Crate(BTreeMap<Module, (String, Source)>);

impl Crate {
    /// Follows the `mod` declarations from a crate's first file. `read` returns a file's text.
    fn read(root: &str, read: &dyn Fn(&Path) -> Option<String>) -> Result<Self> {
        let folder = Path::new(root).parent().unwrap_or(Path::new(""));
        let mut modules = BTreeMap::new();
        let mut open = vec![(Module::new(), folder.to_owned(), vec![PathBuf::from(root)])];
        while let Some((module, children, files)) = open.pop() {
            let text = files.iter().find_map(|path| Some((path, read(path)?)));
            let (path, text) = text.with_context(|| format!("no file for module {}", module.join("::")))?;
            let source = Source::read(&text, &module);
            for name in &source.children {
                let child = [module.as_slice(), std::slice::from_ref(name)].concat();
                let folder = children.join(name);
                let files = vec![folder.with_extension("rs"), folder.join("mod.rs")];
                open.push((child, folder, files));
            }
            modules.insert(module, (path.display().to_string(), source));
        }
        Ok(Self(modules))
    }

    fn graph(&self) -> Graph {
        let needed = |source: &Source, own: &String| {
            let files = source.paths.iter().filter_map(|path| self.file(path, 0));
            files.filter(|file| file != own).collect()
        };
        self.0.values().map(|(file, source)| (file.clone(), needed(source, file))).collect()
    }

    /// Returns the file that defines the item at a path. A name that its module only re-exports is looked up
    /// where it comes from.
    fn file(&self, path: &[String], hops: u8) -> Option<String> {
        let depth = (0..=path.len())
            .rev()
            .find(|depth| path.get(..*depth).is_some_and(|head| self.0.contains_key(head)))?;
        let (file, source) = self.0.get(path.get(..depth)?)?;
        let from = path.get(depth).and_then(|name| source.reexports.get(name));
        match from.filter(|_| hops < 8) {
            Some(from) => self.file(from, hops + 1),
            None => Some(file.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
