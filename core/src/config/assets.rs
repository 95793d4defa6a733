//! All assets of a configuration.

use std::borrow::Borrow;
use std::ops::Deref;
use std::sync::OnceLock;

use serde_json::Value;

use super::asset::Asset;
use super::error::ConfigError;
use super::packed::{Packed, TWICE};
use super::token::AcceptedToken;
use crate::ids::AssetId;

/// All assets, listed in the order of the file and found by their id.
///
/// The assets of a packed configuration are read on demand. Their list is empty until
/// [`Config::need_all`](super::Config::need_all) has read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assets {
    all: OnceLock<All>,
    /// The packed assets that are read on demand.
    packed: Option<Box<Packed>>,
}

/// Assets that have all been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct All {
    list: Vec<Asset>,
    /// Positions in the list, in the order of the assets' ids.
    by_id: Vec<usize>,
}

impl Assets {
    /// Leaves the assets packed until they are asked for.
    pub(super) fn packed(packed: Packed) -> Self {
        Self { all: OnceLock::new(), packed: Some(Box::new(packed)) }
    }

    /// Reads the assets one by one. Values that are not even JSON come as an error message.
    pub(super) fn read<V: Borrow<Value>>(
        values: impl Iterator<Item = Result<V, &'static str>>,
        tokens: &[AcceptedToken],
    ) -> Result<Self, ConfigError> {
        let read = |(index, value): (usize, Result<V, &'static str>)| {
            let value = value.map_err(|message| ConfigError::new(&path(index), message))?;
            Asset::from_json(&path(index), value.borrow(), tokens)
        };
        let list = values.enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { all: OnceLock::from(All::new(list)?), packed: None })
    }

    /// Returns the asset with this id.
    #[must_use]
    pub fn find(&self, id: &AssetId) -> Option<&Asset> {
        self.look_up(id).ok().flatten()
    }

    /// Returns the asset with this id, reading as little of the others as possible.
    ///
    /// # Errors
    /// What is wrong with the asset.
    pub(super) fn look_up(&self, id: &AssetId) -> Result<Option<&Asset>, ConfigError> {
        match (self.all.get(), &self.packed) {
            (None, Some(packed)) => packed.look_up(id),
            (all, _) => Ok(all.and_then(|all| all.find(id))),
        }
    }

    /// Reads the assets that have not been read yet.
    ///
    /// # Errors
    /// What is wrong with the first bad asset.
    pub(super) fn read_all(&self) -> Result<(), ConfigError> {
        if let (None, Some(packed)) = (self.all.get(), &self.packed) {
            let all = All::new(packed.read_all()?)?;
            self.all.get_or_init(|| all);
        }
        Ok(())
    }
}

impl All {
    fn new(list: Vec<Asset>) -> Result<Self, ConfigError> {
        let mut ids: Vec<(&AssetId, usize)> = list.iter().map(|asset| &asset.id).zip(0..).collect();
        ids.sort_unstable();
        // Of two assets with the same id, the later one is reported.
        let second = ids.windows(2).filter_map(|pair| match pair {
            [(id, _), (same, index)] if id == same => Some(*index),
            _ => None,
        });
        if let Some(index) = second.min() {
            let path = format!("{}.id", path(index));
            return Err(ConfigError::new(&path, TWICE));
        }
        let by_id = ids.into_iter().map(|(_, index)| index).collect();
        Ok(Self { list, by_id })
    }

    fn find(&self, id: &AssetId) -> Option<&Asset> {
        let found = self.by_id.binary_search_by_key(&Some(id), |index| self.list.get(*index).map(|a| &a.id));
        self.list.get(*self.by_id.get(found.ok()?)?)
    }
}

#[cfg(test)]
impl std::ops::DerefMut for Assets {
    fn deref_mut(&mut self) -> &mut [Asset] {
        self.all.get_mut().map_or(&mut [], |all| &mut all.list)
    }
}

fn path(index: usize) -> String {
    format!("asset[{index}]")
}

impl Deref for Assets {
    type Target = [Asset];

    fn deref(&self) -> &[Asset] {
        self.all.get().map_or(&[], |all| &all.list)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(ids: &[&str]) -> Result<Assets, ConfigError> {
        let values: Vec<_> = ids.iter().map(|id| json!({"id": id, "price": "1", "unit": "minute"})).collect();
        Assets::read(values.iter().map(Ok), &[])
    }

    #[test]
    fn each_is_found_by_its_id_and_stands_where_it_stood() {
        let ids = ["m", "z", "a", "k", "b"];
        let assets = read(&ids).unwrap();
        assert_eq!(assets.iter().map(|asset| asset.id.as_str()).collect::<Vec<_>>(), ids);
        for id in ids {
            assert_eq!(assets.find(&AssetId::parse(id).unwrap()).unwrap().id.as_str(), id);
        }
        assert_eq!(assets.find(&AssetId::parse("c").unwrap()), None);
    }

    #[test]
    fn an_id_is_used_once_and_the_second_use_is_named() {
        for (ids, path) in [(["a", "b", "a"], "asset[2].id"), (["b", "b", "a"], "asset[1].id")] {
            assert_eq!(read(&ids).unwrap_err().path, path);
        }
    }
}
