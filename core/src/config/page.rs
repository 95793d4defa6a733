//! Where the page of an asset is.

use super::Config;
use crate::ids::AssetId;

/// What the path of an asset's page begins with; the asset's id follows.
pub const PAGE_PREFIX: &str = "/p/";

impl Config {
    /// Returns the URL of an asset's page.
    #[must_use]
    pub fn page_url(&self, asset: &AssetId) -> String {
        format!("{}{PAGE_PREFIX}{asset}", self.public_url)
    }
}
