//! Reads from one source file the modules that it declares and the paths that it names.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{tokens, without_tests};

/// A file's modules and paths without those of its tests. Paths start at the crate's root.
#[derive(Default)]
pub(super) struct Source {
    /// The modules that are declared here and have their own files.
    pub(super) children: Vec<String>,
    /// The paths that the file uses.
    pub(super) paths: BTreeSet<Vec<String>>,
    /// The names that the file only re-exports with `pub use`, and where each comes from.
    pub(super) reexports: BTreeMap<String, Vec<String>>,
}

impl Source {
    /// Reads the file of a module.
    pub(super) fn read(text: &str, module: &[String]) -> Self {
        let tokens = without_tests(&tokens(text));
        let mut reader = Reader {
            tokens: &tokens,
            module: module.to_vec(),
            inline: Vec::new(),
            names: BTreeMap::new(),
            source: Self::default(),
        };
        // Twice, because a name can be used above the line that imports it.
        for _ in 0..2 {
            reader.read();
        }
        reader.source
    }
}

struct Reader<'t> {
    tokens: &'t [String],
    /// The module at the reader's position, including modules that have no file of their own.
    module: Vec<String>,
    /// The depths of braces at which those modules end.
    inline: Vec<usize>,
    /// Names that may begin a path: modules and imported names.
    names: BTreeMap<String, Vec<String>>,
    source: Source,
}

impl Reader<'_> {
    fn token(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", String::as_str)
    }

    fn read(&mut self) {
        self.source.children.clear();
        let (mut at, mut depth) = (0, 0_usize);
        let mut using = None;
        while at < self.tokens.len() {
            match (self.token(at), self.token(at + 2)) {
                ("{", _) => depth += 1,
                ("}", _) => {
                    depth = depth.saturating_sub(1);
                    if self.inline.pop_if(|opened| *opened == depth).is_some() {
                        self.module.pop();
                    }
                }
                (";", _) => using = None,
                ("use", _) => using = Some(at > 0 && [")", "pub"].contains(&self.token(at - 1))),
                ("mod", ";") => {
                    let name = self.token(at + 1).to_owned();
                    self.names
                        .insert(name.clone(), [self.module.as_slice(), std::slice::from_ref(&name)].concat());
                    self.source.children.push(name);
                }
                ("mod", "{") => {
                    self.module.push(self.token(at + 1).to_owned());
                    self.inline.push(depth);
                }
                _ => {}
            }
            at = self.path(at, using).unwrap_or(at + 1);
        }
    }

    /// Reads the path that begins here, and returns where it ends. `using` is `None` outside of a `use`, and
    /// otherwise tells whether the `use` re-exports.
    fn path(&mut self, at: usize, using: Option<bool>) -> Option<usize> {
        let first = self.token(at).to_owned();
        let before = |back: usize| at.checked_sub(back).map_or("", |at| self.token(at));
        // This is the middle of a path, a member, a definition, or a visibility.
        if ["::", ".", "mod", "fn"].contains(&before(1)) || before(1) == "in" && before(2) == "(" {
            return None;
        }
        if using.is_none() {
            // A re-exported name can be used here too.
            let used = self.source.reexports.get(&first).cloned();
            self.source.paths.extend(used);
            // A single name is a path in an import, but may be any word elsewhere.
            if self.token(at + 1) != "::" {
                return None;
            }
        }
        let base = match first.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.module.clone(),
            name => self.names.get(name)?.clone(),
        };
        let start = if first == "super" { at } else { at + 1 };
        Some(self.tree(start, base, using))
    }

    /// Reads the rest of a path, which may branch.
    fn tree(&mut self, mut at: usize, mut path: Vec<String>, using: Option<bool>) -> usize {
        loop {
            match self.token(at) {
                "::" => {
                    at += 1;
                    continue;
                }
                "self" => at += 1,
                "super" => {
                    path.pop();
                    at += 1;
                }
                "{" => {
                    at += 1;
                    while !["}", ""].contains(&self.token(at)) {
                        let end = if self.token(at) == "," { at } else { self.tree(at, path.clone(), using) };
                        at = end.max(at + 1);
                    }
                    return at + 1;
                }
                "*" => {
                    at += 1;
                    break;
                }
                name if is_name(name) && (self.token(at - 1) == "::" || using.is_some()) => {
                    path.push(name.to_owned());
                    at += 1;
                }
                _ => break,
            }
            if self.token(at) != "::" {
                break;
            }
        }
        let renamed = using.is_some() && self.token(at) == "as";
        let name = if renamed { Some(self.token(at + 1).to_owned()) } else { path.last().cloned() };
        match (using, name) {
            (Some(true), Some(name)) => _ = self.source.reexports.insert(name, path),
            (Some(false), Some(name)) => {
                self.names.insert(name, path.clone());
                self.source.paths.insert(path);
            }
            _ => _ = self.source.paths.insert(path),
        }
        if renamed { at + 2 } else { at }
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_') && token != "as"
}
