//! The assets that were made by API, as the journal's tables list them.

use super::sql::{SqlJournal, parse};
use super::value::{Sql, Value, corrupt};
use crate::config::Asset;
use crate::ids::{AssetId, StreamId};
use crate::listing::Listing;
use crate::ports::{Catalogue, PortError, Streams as _};

pub(super) const CATALOGUE: &str =
    "SELECT asset, listing FROM catalogue WHERE asset > ?1 AND asset < ?2 ORDER BY asset LIMIT ?3";

impl<S: Sql> Catalogue for SqlJournal<S> {
    async fn find(&self, id: &AssetId) -> Result<Option<Asset>, PortError> {
        let listing = self.load(&StreamId::of_asset(id.clone())).await?.state.listing;
        Ok(listing.map(|listing| listing.asset(id)))
    }

    async fn page(&self, after: Option<&AssetId>, limit: u32) -> Result<Vec<Asset>, PortError> {
        let [first, to] = self.bounds();
        let from = after.map_or(first, |after| self.key(after));
        let rows = self.run(CATALOGUE, &[from, to, Value::Integer(i64::from(limit))]).await?;
        let read = |row: &Vec<Value>| {
            let id = match row.first() {
                Some(Value::Text(key)) => self.name(key).and_then(AssetId::parse),
                _ => None,
            };
            let id = id.ok_or_else(|| corrupt("an asset's key"))?;
            let listing: Listing = parse(row.get(1), "a listing")?;
            Ok(listing.asset(&id))
        };
        rows.iter().map(read).collect()
    }
}
