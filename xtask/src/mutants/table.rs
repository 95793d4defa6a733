//! The table of guards for people, made from the data.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::data::{Edit, FOLDER, Guard};

/// Where the table stands.
pub(crate) const TABLE: &str = "docs/guards.md";
/// What the table leaves out of paths.
const SOURCES: &str = "core/src/";

/// Returns the text of the table.
///
/// # Errors
/// When a file that an edit names can't be read.
pub(crate) fn table(root: &Path, guards: &[Guard]) -> Result<String> {
    let mut text = format!(
        "# Guards and the tests that hold them

Each row is a guard: code that holds up the sentence beside it. If the guard is removed, each of the tests in its row fails.
`cargo xtask mutants NAME` removes one in a copy of the sources and runs its tests; `cargo xtask mutants --all` tries all {} of
them, and `cargo xtask test mutants` tries three each day.

This file is written by `cargo xtask mutants --write-table` from `{FOLDER}/`, which has the edits. A new guard gets an entry
there and a test that misses it. Paths are below `{SOURCES}`. The numbers are the invariants of
[architecture.md](architecture.md).
",
        guards.len()
    );
    let mut area = "";
    for guard in guards {
        if guard.area != area {
            area = &guard.area;
            let (name, about) = area.split_once(": ").unwrap_or((area, ""));
            write!(text, "\n## {name}\n")?;
            if !about.is_empty() {
                write!(text, "\n{}.\n", capital(about))?;
            }
            text.push_str("\n| guard | name | where | tests that fail without it |\n|---|---|---|---|\n");
        }
        let tests: Vec<String> = guard.tests.iter().map(|test| format!("`{test}`")).collect();
        let places = places(root, guard)?;
        let (id, tests) = (&guard.id, tests.join(", "));
        writeln!(text, "| {} | `{id}` | {places} | {tests} |", cell(&guard.sentence()))?;
    }
    Ok(text)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Returns the files and functions that a guard stands in.
fn places(root: &Path, guard: &Guard) -> Result<String> {
    let mut places: Vec<String> = Vec::new();
    for Edit { file, find, .. } in &guard.edits {
        let text = std::fs::read_to_string(root.join(file)).with_context(|| file.clone())?;
        let shown = file.strip_prefix(SOURCES).unwrap_or(file);
        let place = match item_of(&text, find) {
            Some(name) => format!("`{shown}` in `{name}`"),
            None => format!("`{shown}`"),
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Ok(places.join(", "))
}

/// Returns the name of the function, macro or constant that a piece of text stands in.
fn item_of<'t>(text: &'t str, piece: &str) -> Option<&'t str> {
    // Where the piece begins with the end of a line, what is meant begins behind it.
    let at = text.find(piece)? + (piece.len() - piece.trim_start().len());
    let end = text.get(at..)?.find('\n').map_or(text.len(), |length| at + length);
    let mut lines = text.get(..end)?.lines().rev();
    let own = lines.next()?;
    item(own, true).or_else(|| lines.find_map(|line| item(line, !line.starts_with(' '))))
}

/// Returns the name of the item that a line begins. Constants count only where `constants` says so: one within a function
/// is over before the next line.
fn item(line: &str, constants: bool) -> Option<&str> {
    let line = line.trim_start();
    // `pub(in a::b)` has a space of its own.
    let restricted = line.strip_prefix("pub(").and_then(|rest| rest.split_once(") ")).map(|(_, rest)| rest);
    let line = restricted.or_else(|| line.strip_prefix("pub ")).unwrap_or(line);
    if let Some(name) = line.strip_prefix("macro_rules! ") {
        return Some(word(name));
    }
    let before_fn =
        |words: &str| words.split(' ').all(|word| ["", "async", "const", "unsafe"].contains(&word));
    if let Some((words, name)) = line.split_once("fn ").filter(|(words, _)| before_fn(words)) {
        return Some(word(name)).filter(|_| words.is_empty() || words.ends_with(' '));
    }
    let constant = line.strip_prefix("const ").or_else(|| line.strip_prefix("static "));
    constant.filter(|_| constants).map(word)
}

fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
const A: &str = \"one
    two\";

macro_rules! b {
    () => { three }
}

impl X {
    const C: u8 = four;

    pub(in a::b) const fn g() -> bool { eight }

    pub(crate) async fn d() {
        const E: u8 = 5;
        six;
        let f = \"fn seven\";
    }
}
";

    #[test]
    fn a_piece_of_text_is_found_in_what_is_around_it() {
        for (piece, name) in [
            ("one", "A"),
            ("two", "A"),
            ("three", "b"),
            ("four", "C"),
            ("= 5", "E"),
            ("six", "d"),
            ("\n        six", "d"),
            ("seven", "d"),
            ("eight", "g"),
        ] {
            assert_eq!(item_of(TEXT, piece), Some(name), "{piece}");
        }
        assert_eq!(item_of(TEXT, "nine"), None);
        assert_eq!(item_of("use x;\ny", "y"), None);
    }
}
