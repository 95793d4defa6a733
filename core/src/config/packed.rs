//! Packed configurations, whose assets are in separate parts, so that one asset can be found without reading
//! the others.
//!
//! The text of the configuration begins with the number of assets (`packed_assets`) and contains all other
//! keys. An asset's id determines its part. In a part, each asset is one line of JSON that begins with its
//! id, and the lines are in the order of the ids. So a look-up reads one part, and only a few lines of it.

use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::asset::{Asset, NO_DEVICES};
use super::error::ConfigError;
use super::token::AcceptedToken;
use crate::ids::AssetId;

/// How many parts hold the assets of a packed configuration.
pub const PARTS: usize = 16;

/// The key with the number of assets. Errors locate an asset by this key, its part and its line.
const PACKED_ASSETS: &str = "packed_assets";
/// How the text of a packed configuration begins.
const BEGIN: &str = "{\"packed_assets\":";
/// How the line of an asset begins.
const ID: &str = "{\"id\":\"";

/// A configuration in packed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// Everything but the assets.
    pub config: String,
    /// The parts of the assets, in the order of their numbers.
    pub parts: Vec<String>,
}

/// Where the parts come from, and how an asset is looked up in them.
#[derive(Clone)]
pub(super) struct Source {
    part: Arc<dyn Fn(usize) -> Result<String, String> + Send + Sync>,
    /// Set only where a packed configuration is opened, so that a program which opens none is built without
    /// the look-up.
    look_up: LookUp,
}

type LookUp = for<'p> fn(&'p Packed, &AssetId) -> Result<Option<&'p Asset>, ConfigError>;

impl Source {
    pub(super) fn new(part: impl Fn(usize) -> Result<String, String> + Send + Sync + 'static) -> Self {
        Self { part: Arc::new(part), look_up: Packed::find }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.part, &other.part)
    }
}

impl Eq for Source {}

/// The packed assets, and what has been read of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    count: usize,
    tokens: Vec<AcceptedToken>,
    source: Source,
    parts: [OnceLock<Result<String, ConfigError>>; PARTS],
    found: Slot,
}

/// A place for an asset that was found. The asset stays there, so that it can be borrowed for as long as the
/// configuration.
type Slot = OnceLock<Box<Found>>;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    asset: Asset,
    next: Slot,
}

/// A line of a part.
#[derive(Clone, Copy)]
struct Line<'p> {
    part: usize,
    text: &'p str,
}

/// Returns whether this is the text of a packed configuration.
pub(super) fn is_packed(text: &str) -> bool {
    text.starts_with(BEGIN)
}

/// Removes the number of assets from a packed configuration and returns it.
///
/// # Errors
/// When it is not a number, or the configuration itself contains assets.
pub(super) fn take_count(config: &mut Value) -> Result<usize, ConfigError> {
    let top = config.as_object_mut();
    let count = top.and_then(|top| top.remove(PACKED_ASSETS)).as_ref().and_then(Value::as_u64);
    if config.get("asset").is_some() {
        return Err(ConfigError::new(
            "asset",
            "must not be in a packed configuration, whose assets are in its parts; run `coinop pack` again",
        ));
    }
    let count = count.and_then(|count| usize::try_from(count).ok());
    count.ok_or_else(|| {
        ConfigError::new(PACKED_ASSETS, "must be the number of assets; run `coinop pack` again")
    })
}

/// Packs a configuration that is known to be valid.
pub(super) fn pack(config: &Value) -> Pack {
    let mut assets: Vec<(&str, &Map<String, Value>)> = Vec::new();
    for asset in config.get("asset").and_then(Value::as_array).into_iter().flatten() {
        if let (Some(id), Some(asset)) = (asset.get("id").and_then(Value::as_str), asset.as_object()) {
            assets.push((id, asset));
        }
    }
    assets.sort_by_key(|(id, _)| *id);
    let mut parts = vec![String::new(); PARTS];
    for (id, asset) in &assets {
        let Some(part) = parts.get_mut(part_of(id)) else { continue };
        part.push_str(&format!("{ID}{id}\""));
        for (key, value) in asset.iter().filter(|(key, _)| *key != "id") {
            part.push_str(&format!(",{}:{value}", Value::from(key.as_str())));
        }
        part.push_str("}\n");
    }
    let mut text = format!("{BEGIN}{}", assets.len());
    for (key, value) in config.as_object().into_iter().flatten().filter(|(key, _)| *key != "asset") {
        text.push_str(&format!(",{}:{value}", Value::from(key.as_str())));
    }
    text.push('}');
    Pack { config: text, parts }
}

/// Returns the number of the part that contains an asset.
fn part_of(id: &str) -> usize {
    Sha256::digest(id).first().map_or(0, |byte| usize::from(*byte) % PARTS)
}

impl Packed {
    pub(super) fn new(count: usize, tokens: Vec<AcceptedToken>, source: Source) -> Self {
        let parts = std::array::from_fn(|_| OnceLock::new());
        Self { count, tokens, source, parts, found: OnceLock::new() }
    }

    /// Returns the asset with this id. An asset with a device is refused.
    ///
    /// # Errors
    /// What is wrong with the asset's part, its line, or a line that was read on the way.
    pub(super) fn look_up(&self, id: &AssetId) -> Result<Option<&Asset>, ConfigError> {
        (self.source.look_up)(self, id)
    }

    /// Finds the asset with this id and reads it, at most once.
    fn find(&self, id: &AssetId) -> Result<Option<&Asset>, ConfigError> {
        let mut slot = &self.found;
        while let Some(found) = slot.get() {
            if found.asset.id == *id {
                return Ok(Some(&found.asset));
            }
            slot = &found.next;
        }
        let Some(line) = self.line_of(id.as_str())? else { return Ok(None) };
        Ok(keep(slot, self.read(line)?))
    }

    /// Reads all assets, in the order of their ids.
    ///
    /// # Errors
    /// What is wrong with the first bad asset.
    pub(super) fn read_all(&self) -> Result<Vec<Asset>, ConfigError> {
        let mut assets = Vec::with_capacity(self.count);
        for part in 0..PARTS {
            let mut before = None;
            for text in self.part(part)?.lines() {
                let line = Line { part, text };
                let asset = self.read(line)?;
                let id = self.id(line)?;
                let mistake = match before.map(|before: &str| before.cmp(id)) {
                    Some(Ordering::Equal) => Some(TWICE),
                    Some(Ordering::Greater) => {
                        Some("is not in the order of the ids; run `coinop pack` again")
                    }
                    None | Some(Ordering::Less) => {
                        (part_of(id) != part).then_some("is in the wrong part; run `coinop pack` again")
                    }
                };
                if let Some(mistake) = mistake {
                    return Err(ConfigError::new(&format!("{}.id", self.path(line)), mistake));
                }
                before = Some(id);
                assets.push(asset);
            }
        }
        if assets.len() != self.count {
            let message = format!(
                "is {}, but the parts have {} assets; run `coinop pack` again",
                self.count,
                assets.len()
            );
            return Err(ConfigError::new(PACKED_ASSETS, message));
        }
        assets.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(assets)
    }

    /// Returns the text of a part.
    fn part(&self, number: usize) -> Result<&str, ConfigError> {
        let Some(part) = self.parts.get(number) else { return Ok("") };
        let wrong = |words: String| ConfigError::new(&format!("{PACKED_ASSETS}[{number}]"), words);
        part.get_or_init(|| (self.source.part)(number).map_err(wrong)).as_deref().map_err(Clone::clone)
    }

    /// Returns the line with this id.
    fn line_of(&self, id: &str) -> Result<Option<Line<'_>>, ConfigError> {
        let part = part_of(id);
        let mut lines = self.part(part)?.trim_end();
        while !lines.is_empty() {
            let (before, text, after) = at_the_middle(lines);
            let line = Line { part, text };
            match self.id(line)?.cmp(id) {
                Ordering::Less => lines = after,
                Ordering::Greater => lines = before,
                Ordering::Equal => {
                    // If two assets have the same id, neither is sold. Their lines are next to each other.
                    for text in [before.rsplit('\n').next(), after.split('\n').next()].into_iter().flatten() {
                        if !text.is_empty() && self.id(Line { part, text })? == id {
                            return Err(ConfigError::new(&format!("{}.id", self.path(line)), TWICE));
                        }
                    }
                    return Ok(Some(line));
                }
            }
        }
        Ok(None)
    }

    /// Reads the asset in a line.
    fn read(&self, line: Line<'_>) -> Result<Asset, ConfigError> {
        let id = self.id(line)?;
        // The line's position is computed only for an error, because that takes counting lines.
        let fault = |mut error: ConfigError| {
            let dot = if error.path.is_empty() { "" } else { "." };
            error.path = format!("{}{dot}{}", self.path(line), error.path);
            error
        };
        let value = serde_json::from_str(line.text);
        let value: Value =
            value.map_err(|error| fault(ConfigError::new("", format!("cannot be read as JSON: {error}"))))?;
        let asset = Asset::from_json("", &value, &self.tokens).map_err(fault)?;
        if asset.id.as_str() != id {
            return Err(fault(ConfigError::new("id", "is given twice in its line; run `coinop pack` again")));
        }
        if asset.device.is_some() {
            return Err(fault(ConfigError::new("device", NO_DEVICES)));
        }
        Ok(asset)
    }

    /// Returns the id at the beginning of a line.
    fn id<'l>(&self, line: Line<'l>) -> Result<&'l str, ConfigError> {
        let id = line.text.strip_prefix(ID).and_then(|rest| rest.split_once('"')).map(|(id, _)| id);
        id.filter(|id| AssetId::parse(id).is_some()).ok_or_else(|| {
            let message = "must begin with {\"id\":\"...\"; run `coinop pack` again";
            ConfigError::new(&self.path(line), message)
        })
    }

    /// Returns the position of a line.
    fn path(&self, line: Line<'_>) -> String {
        let lines = self.part(line.part).unwrap_or_default().split('\n');
        let number = lines.take_while(|other| !std::ptr::eq(other.as_ptr(), line.text.as_ptr())).count();
        format!("{PACKED_ASSETS}[{}][{number}]", line.part)
    }
}

/// The message for the second of two assets with the same id.
pub(super) const TWICE: &str = "another asset has this id already; choose a different one";

/// Puts an asset into the first free place from here on.
fn keep(mut slot: &Slot, asset: Asset) -> Option<&Asset> {
    let mut found = Box::new(Found { asset, next: OnceLock::new() });
    while let Err(back) = slot.set(found) {
        found = back;
        slot = &slot.get()?.next;
    }
    slot.get().map(|found| &found.asset)
}

/// Returns the middle line, and the lines before and after it.
fn at_the_middle(lines: &str) -> (&str, &str, &str) {
    let (first, second) = lines.as_bytes().split_at(lines.len() / 2);
    let begin = first.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let end = second.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |at| first.len() + at);
    let part = |range: std::ops::Range<usize>| lines.get(range).unwrap_or_default();
    (part(0..begin.saturating_sub(1)), part(begin..end), part((end + 1).min(lines.len())..lines.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_in_the_middle_stands_between_all_others() {
        for lines in ["a", "a\nb", "a\nbb\nccc", "aaaa\nb\nc\nd", "a\nb\nc\ndddddddddd", "\u{e9}\u{e9}\nb"] {
            let (before, line, after) = at_the_middle(lines);
            let parts = [before, line, after].into_iter().filter(|part| !part.is_empty());
            assert_eq!(parts.collect::<Vec<_>>().join("\n"), lines);
            assert!(!line.contains('\n') && !line.is_empty(), "{line:?} of {lines:?}");
        }
    }
}
