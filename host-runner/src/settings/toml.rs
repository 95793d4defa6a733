//! Reads TOML with line numbers.
//!
//! The core reads the configuration as JSON, the same on every platform, and names a mistake by the path of
//! its key. This module turns the file into that JSON, and keeps the line of each path.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value as Json};
use toml_edit::{Document, Item, TableLike, Value};

/// A file's content, and the line of each key in it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) json: Json,
    lines: BTreeMap<String, usize>,
}

impl Source {
    /// Reads a file. The error is a line number and what is wrong there.
    pub(super) fn parse(text: &str) -> Result<Self, (usize, String)> {
        let document = Document::parse(text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            let message = error.message().trim().replace('\n', "; ");
            (line(text, span.start), if message == TWICE { twice(text, span) } else { message })
        })?;
        let mut reader = Reader { text, lines: BTreeMap::new(), refused: None };
        let json = reader.table(document.as_table(), "");
        match reader.refused {
            Some(refused) => Err(refused),
            None => Ok(Self { json, lines: reader.lines }),
        }
    }

    /// Reads a file, and takes values as they are, whatever they are. The error is the number of lines before the one that is
    /// wrong.
    pub(super) fn parse_lenient(text: &str) -> Result<Json, usize> {
        let document = Document::parse(text).map_err(|error| {
            let at = error.span().unwrap_or_default().start;
            line(text, at.min(text.len())).saturating_sub(1)
        })?;
        Ok(Reader { text, lines: BTreeMap::new(), refused: None }.table(document.as_table(), ""))
    }

    /// Returns the line of the key at `path`. If the key is missing, it returns the line of the nearest
    /// section around it.
    pub(super) fn line(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Some(*line);
            }
            let end = path.rfind(['.', '['])?;
            path = path.get(..end)?;
        }
    }
}

/// How the reader of TOML names a key that stands there twice.
const TWICE: &str = "duplicate key";

/// Returns the error of a key that stands there twice, at `key`. For assets, the usual cause is a missing `[[asset]]`.
fn twice(text: &str, key: Range<usize>) -> String {
    let begin = text.get(..key.start).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let header = text.get(begin..).unwrap_or_default().trim_start_matches([' ', '\t']);
    let is_of_asset =
        header.starts_with('[') && header.trim_start_matches('[').trim_start().starts_with("asset");
    let remedy = if is_of_asset { "each asset begins with a line [[asset]]" } else { "keep one of the two" };
    format!("{TWICE}: `{}` stands here for the second time; {remedy}", text.get(key).unwrap_or_default())
}

fn line(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|b| **b == b'\n').count() + 1
}

struct Reader<'a> {
    text: &'a str,
    lines: BTreeMap<String, usize>,
    refused: Option<(usize, String)>,
}

impl Reader<'_> {
    fn note(&mut self, path: &str, span: Option<Range<usize>>) {
        if let Some(span) = span {
            self.lines.entry(path.to_owned()).or_insert(line(self.text, span.start));
        }
    }

    fn table(&mut self, table: &dyn TableLike, path: &str) -> Json {
        let mut map = Map::new();
        for (key, item) in table.iter() {
            let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            self.note(&path, table.key(key).and_then(toml_edit::Key::span));
            let value = self.item(item, &path);
            map.insert(key.to_owned(), value);
        }
        Json::Object(map)
    }

    fn item(&mut self, item: &Item, path: &str) -> Json {
        match item {
            Item::None => Json::Null,
            Item::Value(value) => self.value(value, path),
            Item::Table(table) => {
                self.note(path, table.span());
                self.table(table, path)
            }
            Item::ArrayOfTables(tables) => {
                let tables = tables.iter().enumerate().map(|(index, table)| {
                    let path = format!("{path}[{index}]");
                    self.note(&path, table.span());
                    self.table(table, &path)
                });
                Json::Array(tables.collect())
            }
        }
    }

    fn value(&mut self, value: &Value, path: &str) -> Json {
        self.note(path, value.span());
        match value {
            Value::String(text) => Json::from(text.value().as_str()),
            Value::Integer(number) => Json::from(*number.value()),
            Value::Boolean(truth) => Json::from(*truth.value()),
            Value::Float(number) => {
                let json = Json::from(*number.value());
                if json.is_null() {
                    self.refuse(value, path, "must be a finite number");
                }
                json
            }
            Value::Datetime(moment) => Json::from(moment.value().to_string()),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                Json::Array(
                    items.map(|(index, item)| self.value(item, &format!("{path}[{index}]"))).collect(),
                )
            }
            Value::InlineTable(table) => self.table(table, path),
        }
    }

    fn refuse(&mut self, value: &Value, path: &str, why: &str) {
        let at = value.span().map_or(0, |span| span.start);
        let at = line(self.text, at);
        self.refused.get_or_insert((at, format!("{path}: {why}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FILE: &str = r#"listen = "127.0.0.1:1"   # 1

[merchant]                # 3
pay_to = "x"
tokens = ["USDC",
  { mint = "m", decimals = 6 }]

[[asset]]                 # 8
id = "a"

[[asset]]                 # 11
id = "b"
price = "0.01"
[asset.device]            # 14
driver = "exec"
unlock = ["touch", "f"]
"#;

    #[test]
    fn it_becomes_the_same_json() {
        let source = Source::parse(FILE).unwrap();
        assert_eq!(
            source.json,
            json!({
                "listen": "127.0.0.1:1",
                "merchant": {"pay_to": "x", "tokens": ["USDC", {"mint": "m", "decimals": 6}]},
                "asset": [
                    {"id": "a"},
                    {"id": "b", "price": "0.01", "device": {"driver": "exec", "unlock": ["touch", "f"]}},
                ],
            })
        );
    }

    #[test]
    fn every_path_has_its_line() {
        let source = Source::parse(FILE).unwrap();
        for (path, line) in [
            ("listen", 1),
            ("merchant", 3),
            ("merchant.tokens", 5),
            ("merchant.tokens[0]", 5),
            ("merchant.tokens[1].decimals", 6),
            ("asset[0]", 8),
            ("asset[0].id", 9),
            ("asset[1].price", 13),
            ("asset[1].device", 14),
            ("asset[1].device.unlock[1]", 16),
            // Missing keys get the line of the section where they belong.
            ("asset[0].price", 8),
            ("asset[1].device.lock", 14),
            ("merchant.id", 3),
        ] {
            assert_eq!(source.line(path), Some(line), "{path}");
        }
        assert_eq!(source.line("solana.network"), None);
    }

    #[test]
    fn mistakes_in_the_toml_have_a_line() {
        let (at, message) = Source::parse("a = 1\nb = = 2\n").unwrap_err();
        assert_eq!(at, 2, "{message}");
        assert!(!message.contains('\n'), "{message}");
        let (at, message) = Source::parse("a = 1\na = 2\n").unwrap_err();
        assert_eq!(at, 2);
        assert_eq!(message, "duplicate key: `a` stands here for the second time; keep one of the two");
        for (file, expected, key) in [
            ("[asset]\nid = 1\n[asset]\nid = 2\n", 3, "`asset`"),
            ("[asset]\nid = 1\n[[asset]]\nid = 2\n", 3, "`asset`"),
            ("[[assets]]\n[asset.device]\n[[assets]]\n[asset.device]\n", 4, "`device`"),
        ] {
            let (at, message) = Source::parse(file).unwrap_err();
            assert_eq!(at, expected, "{message}");
            assert!(message.contains(key) && message.contains("begins with a line [[asset]]"), "{message}");
        }
        let (at, message) = Source::parse("\nx = nan\n").unwrap_err();
        assert_eq!((at, message.as_str()), (2, "x: must be a finite number"));
    }
}
