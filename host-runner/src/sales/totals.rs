//! What was sold, added up.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use coinop_core::AssetId;
use coinop_core::store::SalesTotal;

/// Totals by asset and name of the token, in integers.
///
/// A token has the same decimals in every sale, because the chain checks them.
#[derive(Debug, Default)]
pub(super) struct Totals(BTreeMap<(AssetId, String), SalesTotal>);

impl Totals {
    pub(super) fn add(&mut self, token: String, more: SalesTotal) {
        add(self.0.entry((more.asset.clone(), token)), more);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns each total with the name of its token.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &SalesTotal)> {
        self.0.iter().map(|((_, token), total)| (token.as_str(), total))
    }

    /// Returns the totals of all assets together, if there are several.
    pub(super) fn of_all_assets(&self) -> BTreeMap<&str, SalesTotal> {
        let mut all = BTreeMap::new();
        for (token, total) in self.iter() {
            add(all.entry(token), total.clone());
        }
        if all.len() == self.0.len() { BTreeMap::new() } else { all }
    }
}

fn add<K: Ord>(entry: Entry<'_, K, SalesTotal>, more: SalesTotal) {
    match entry {
        Entry::Occupied(mut total) => total.get_mut().add(&more),
        Entry::Vacant(place) => {
            place.insert(more);
        }
    }
}
