//! What an asset created by API is: the same as an asset of the configuration, but without a device. It is stored in
//! the asset's own events and state.
//!
//! A listing is written once and must be readable for ever. Members are only ever added, with a default, and unknown
//! members are ignored.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::capacity::Capacity;
use crate::config::Asset;
use crate::ids::AssetId;
use crate::money::Decimal;
use crate::pricing::{Tariff, Unit, default_max_quantity, unit_seconds};
use crate::session::Refund;

/// What an asset created by API is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredListing", into = "StoredListing")]
pub struct Listing {
    /// The name, for people.
    pub name: String,
    /// The description, for people. It may be empty.
    pub description: String,
    /// The icon that replaces the merchant's.
    pub icon_url: Option<String>,
    /// The path of the picture on the asset's page.
    pub picture: Option<String>,
    /// The tags that replace the merchant's.
    pub tags: Option<Vec<String>>,
    /// The pricing rule.
    pub tariff: Tariff,
    /// How many sessions of the asset may run at once.
    pub capacity: Capacity,
    /// How what is owed of a purchase is given back.
    pub refund: Refund,
    /// Whether the asset is for sale.
    pub enabled: bool,
    /// Which of the assets that had this id one after another, counted from 1.
    pub generation: u64,
}

impl Listing {
    /// Returns the asset with this id and listing.
    #[must_use]
    pub fn asset(&self, id: &AssetId) -> Asset {
        Asset {
            id: id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            icon_url: self.icon_url.clone(),
            picture: self.picture.clone(),
            tags: self.tags.clone(),
            tariff: self.tariff.clone(),
            capacity: self.capacity,
            refund: self.refund,
            enabled: self.enabled,
            device: None,
            generation: self.generation,
        }
    }

    /// Returns the keys with which a configuration would describe the same asset.
    ///
    /// A key with its default value is left out, so that it follows a change of what the default depends on.
    #[must_use]
    pub fn fields(&self, id: &AssetId) -> Map<String, Value> {
        let Tariff { price, unit, unit_seconds, min_quantity, max_quantity } = &self.tariff;
        let most = default_max_quantity(*unit, *unit_seconds, *min_quantity);
        let all = [
            ("id", Some(json!(id))),
            ("name", (self.name != id.as_str()).then(|| json!(self.name))),
            ("description", (!self.description.is_empty()).then(|| json!(self.description))),
            ("icon_url", self.icon_url.as_ref().map(|url| json!(url))),
            ("picture", self.picture.as_ref().map(|path| json!(path))),
            ("tags", self.tags.as_ref().map(|tags| json!(tags))),
            ("price", Some(json!(price.to_string()))),
            ("unit", Some(json!(unit.name()))),
            ("session_seconds", (*unit == Unit::Session).then(|| json!(unit_seconds))),
            ("min_quantity", (*min_quantity != 1).then(|| json!(min_quantity))),
            ("max_quantity", (*max_quantity != most).then(|| json!(max_quantity))),
            ("capacity", self.capacity.is_shared().then(|| self.capacity.shown())),
            ("refund", (self.refund != Refund::default()).then(|| json!(self.refund.name()))),
            ("enabled", if self.enabled { None } else { Some(json!(false)) }),
        ];
        let mut fields = Map::new();
        for (key, value) in all {
            if let Some(value) = value {
                fields.insert(key.to_owned(), value);
            }
        }
        fields
    }
}

impl From<Asset> for Listing {
    /// Returns the listing of this asset.
    fn from(asset: Asset) -> Self {
        let Asset {
            name,
            description,
            icon_url,
            picture,
            tags,
            tariff,
            capacity,
            refund,
            enabled,
            generation,
            ..
        } = asset;
        Self { name, description, icon_url, picture, tags, tariff, capacity, refund, enabled, generation }
    }
}

/// A listing as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredListing {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    icon_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<String>>,
    price: String,
    unit: Unit,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session_seconds: Option<u64>,
    min_quantity: u64,
    max_quantity: u64,
    #[serde(default, skip_serializing_if = "Capacity::is_exclusive")]
    capacity: Capacity,
    #[serde(default, skip_serializing_if = "Refund::is_manual")]
    refund: Refund,
    enabled: bool,
    generation: u64,
}

impl From<Listing> for StoredListing {
    fn from(listing: Listing) -> Self {
        let Listing {
            name,
            description,
            icon_url,
            picture,
            tags,
            tariff,
            capacity,
            refund,
            enabled,
            generation,
        } = listing;
        Self {
            name,
            description,
            icon_url,
            picture,
            tags,
            price: tariff.price.to_string(),
            unit: tariff.unit,
            session_seconds: (tariff.unit == Unit::Session).then_some(tariff.unit_seconds),
            min_quantity: tariff.min_quantity,
            max_quantity: tariff.max_quantity,
            capacity,
            refund,
            enabled,
            generation,
        }
    }
}

impl TryFrom<StoredListing> for Listing {
    type Error = &'static str;

    fn try_from(stored: StoredListing) -> Result<Self, Self::Error> {
        let unit_seconds =
            unit_seconds(stored.unit, stored.session_seconds).ok_or("a session has a length")?;
        Ok(Self {
            name: stored.name,
            description: stored.description,
            icon_url: stored.icon_url,
            picture: stored.picture,
            tags: stored.tags,
            tariff: Tariff {
                price: Decimal::parse(&stored.price)?,
                unit: stored.unit,
                unit_seconds,
                min_quantity: stored.min_quantity,
                max_quantity: stored.max_quantity,
            },
            capacity: stored.capacity,
            refund: stored.refund,
            enabled: stored.enabled,
            generation: stored.generation,
        })
    }
}
