//! Reads one section of a configuration. Each key is asked for by name, and any other key is an error, so
//! each error names its key.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::error::ConfigError;

/// The message for a value that should be a list.
const NO_LIST: &str = "must be a list, in [brackets]";

/// The message for a value that should be a section.
const NO_SECTION: &str = "must be a section with keys: a table in TOML, an object in JSON";

/// One section, which is a JSON object, and its path.
pub(super) struct Section<'a> {
    path: String,
    fields: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(super) fn new(path: &str, value: &'a Value) -> Result<Self, ConfigError> {
        let fields = value.as_object().ok_or_else(|| ConfigError::new(path, NO_SECTION))?;
        Ok(Self { path: path.to_owned(), fields, known: Vec::new() })
    }

    /// Returns the path of one of this section's keys.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Returns an error at one of this section's keys.
    pub(super) fn error(&self, key: &str, message: impl Into<String>) -> ConfigError {
        ConfigError::new(&self.path(key), message)
    }

    pub(super) fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.fields.get(key)
    }

    pub(super) fn need(&mut self, key: &'static str) -> Result<&'a Value, ConfigError> {
        match self.get(key) {
            Some(value) => Ok(value),
            None => Err(self.missing(key)),
        }
    }

    /// Returns the error of a key that is needed and not there. One that is spelt much like it is named instead.
    fn missing(&self, key: &str) -> ConfigError {
        match self
            .fields
            .keys()
            .find(|there| !self.known.contains(&there.as_str()) && is_misspelt(there, key))
        {
            Some(misspelt) => {
                self.error(misspelt, format!("unknown key, and `{key}` is missing; did you mean `{key}`?"))
            }
            None => ConfigError::new(&self.path, format!("`{key}` is missing")),
        }
    }

    /// Returns the error of a key that nobody asks for, with the nearest of the keys that exist here.
    fn unknown(&self, key: &str) -> ConfigError {
        let near = self.known.iter().filter(|known| is_misspelt(key, known));
        match near.min_by_key(|known| strsim::osa_distance(key, known)) {
            Some(near) => self.error(key, format!("unknown key; did you mean `{near}`?")),
            None => self.error(key, format!("unknown key; the keys here are {}", self.known.join(", "))),
        }
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<&'a str>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_str() {
            Some("") => Err(self.error(key, "must not be empty")),
            Some(text) => Ok(Some(text)),
            None => Err(self.error(key, "must be a string, in double quotes")),
        }
    }

    pub(super) fn need_text(&mut self, key: &'static str) -> Result<&'a str, ConfigError> {
        self.need(key)?;
        match self.text(key)? {
            Some(text) => Ok(text),
            None => Err(self.error(key, "must not be empty")),
        }
    }

    pub(super) fn number(&mut self, key: &'static str) -> Result<Option<u64>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value
            .as_u64()
            .map(Some)
            .ok_or_else(|| self.error(key, "must be a whole number, 0 or more, without quotes"))
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Result<Option<bool>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.error(key, "must be true or false, without quotes"))
    }

    pub(super) fn list(&mut self, key: &'static str) -> Result<&'a [Value], ConfigError> {
        match self.get(key) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.error(key, NO_LIST)),
        }
    }

    pub(super) fn need_list(&mut self, key: &'static str) -> Result<&'a [Value], ConfigError> {
        self.need(key)?;
        self.list(key)
    }

    /// Returns a section that may be missing. Then none of its keys is set.
    pub(super) fn optional(&mut self, key: &'static str) -> Result<Section<'a>, ConfigError> {
        static NOTHING: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));
        let value = self.get(key).unwrap_or(&NOTHING);
        Section::new(&self.path(key), value)
    }

    pub(super) fn section(&mut self, key: &'static str) -> Result<Section<'a>, ConfigError> {
        let value = self.need(key)?;
        Section::new(&self.path(key), value)
    }

    /// Returns the keys that have not been asked for, with their values.
    pub(super) fn rest(&self) -> Map<String, Value> {
        let unknown = |(key, _): &(&String, &Value)| !self.known.contains(&key.as_str());
        let mut rest = Map::new();
        for (key, value) in self.fields.iter().filter(unknown) {
            rest.insert(key.clone(), value.clone());
        }
        rest
    }

    /// Ends the reading; a key that has not been asked for is an error.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        match self.fields.keys().find(|key| !self.known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(self.unknown(key)),
        }
    }
}

/// Says whether a key is spelt so much like another that it was probably meant: the same letters, or all but two; of a
/// key of four letters, all but one.
fn is_misspelt(there: &str, key: &str) -> bool {
    let letters = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
    let (there, key) = (letters(there), letters(key));
    let most = match key.len() {
        0..4 => 0,
        4 => 1,
        _ => 2,
    };
    strsim::osa_distance(&there, &key) <= most
}
