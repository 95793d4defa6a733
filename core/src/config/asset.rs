//! One asset of the configuration.

use serde_json::{Map, Value};

use super::error::ConfigError;
use super::presentation;
use super::section::Section;
use super::token::AcceptedToken;
use crate::capacity::Capacity;
use crate::ids::AssetId;
use crate::money::Decimal;
use crate::pricing::{QuantityError, Tariff, Unit, default_max_quantity, unit_seconds};
use crate::session::{Fulfilment, MAX_SECONDS, Refund};
use crate::x402::Presentation;

/// The message for an asset with a device on a host that cannot control devices.
pub(super) const NO_DEVICES: &str = "Workers and Spin cannot control devices; remove `device` from this \
                                     asset, or run `coinop serve` beside the device";

/// The message for a way to give money back that does not exist yet.
const REFUNDS: &str = "must be \"manual\"";

/// Something for hire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The name in URLs and tickets.
    pub id: AssetId,
    /// The name for people.
    pub name: String,
    /// The description for people; may be empty.
    pub description: String,
    /// The asset's icon, which replaces the merchant's.
    pub icon_url: Option<String>,
    /// The path of the picture on the asset's page, on the gateway's own host.
    pub picture: Option<String>,
    /// The asset's tags, which replace the merchant's. An empty list means no tags.
    pub tags: Option<Vec<String>>,
    /// The pricing rule.
    pub tariff: Tariff,
    /// How many sessions may run at once.
    pub capacity: Capacity,
    /// How what is owed of a purchase is given back.
    pub refund: Refund,
    /// Whether the asset is for sale. If not, sessions that were already sold go on.
    pub enabled: bool,
    /// The device behind the asset, if this host works one.
    pub device: Option<DeviceConfig>,
    /// Which of several assets with this id this is, counted over time. A ticket of one is worth nothing for the next.
    ///
    /// Assets of the configuration have 0; assets made by API count from 1.
    pub generation: u64,
}

/// The device behind an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceConfig {
    /// The driver's name.
    pub driver: String,
    /// The driver's own keys, which the driver checks itself.
    pub settings: Map<String, Value>,
}

impl Asset {
    /// Returns whether the configuration names the asset. Otherwise it was made by API.
    #[must_use]
    pub(crate) const fn is_configured(&self) -> bool {
        self.generation == 0
    }

    /// Returns how a purchase is delivered: by the asset's device, if there is one.
    #[must_use]
    pub const fn fulfilment(&self) -> Fulfilment {
        if self.device.is_some() { Fulfilment::Lock } else { Fulfilment::None }
    }

    /// Returns how catalogues and wallets present the asset, given the merchant's presentation.
    #[must_use]
    pub(crate) fn presentation(&self, merchant: &Presentation) -> Presentation {
        Presentation {
            service_name: merchant.service_name.clone(),
            icon_url: self.icon_url.as_ref().or(merchant.icon_url.as_ref()).cloned(),
            tags: self.tags.as_ref().unwrap_or(&merchant.tags).clone(),
        }
    }

    /// Reads an asset from an object with the keys of the file; `path` is its position in the file.
    pub(super) fn from_json(
        path: &str,
        value: &Value,
        tokens: &[AcceptedToken],
    ) -> Result<Self, ConfigError> {
        let mut section = Section::new(path, value)?;
        let id = section.need_text("id")?;
        let id = AssetId::parse(id).ok_or_else(|| section.error("id", AssetId::SHAPE))?;
        let name = section.text("name")?.unwrap_or(id.as_str()).to_owned();
        let description = section.text("description")?.unwrap_or_default().to_owned();
        if name.len() > 200 || description.len() > 1000 {
            let (key, limit) = if name.len() > 200 { ("name", 200) } else { ("description", 1000) };
            return Err(section.error(key, format!("is too long; the limit is {limit} bytes")));
        }
        let icon_url = presentation::icon_url(&mut section)?;
        let picture = presentation::picture(&mut section)?;
        let tags = presentation::tags(&mut section)?;
        let tariff = tariff(&mut section, tokens)?;
        let enabled = section.flag("enabled")?.unwrap_or(true);
        let device = match section.get("device") {
            None => None,
            Some(value) => {
                let mut device = Section::new(&section.path("device"), value)?;
                let driver = device.need_text("driver")?.to_owned();
                Some(DeviceConfig { driver, settings: device.rest() })
            }
        };
        let capacity = match section.get("capacity") {
            None => Capacity::default(),
            Some(value) => Capacity::read(value).ok_or_else(|| section.error("capacity", Capacity::SHAPE))?,
        };
        let refund = match section.text("refund")? {
            None => Refund::default(),
            Some(name) => Refund::from_name(name)
                .filter(|refund| *refund == Refund::Manual)
                .ok_or_else(|| section.error("refund", REFUNDS))?,
        };
        if device.is_some() && capacity.is_shared() {
            return Err(section.error(
                "capacity",
                "must be 1 for an asset with a `device`, which has one session at a time",
            ));
        }
        section.finish()?;
        Ok(Self {
            id,
            name,
            description,
            icon_url,
            picture,
            tags,
            tariff,
            capacity,
            refund,
            enabled,
            device,
            generation: 0,
        })
    }
}

fn tariff(section: &mut Section<'_>, tokens: &[AcceptedToken]) -> Result<Tariff, ConfigError> {
    let price =
        Decimal::parse(section.need_text("price")?).map_err(|message| section.error("price", message))?;
    if price.is_zero() {
        return Err(section.error("price", "must be more than 0"));
    }
    let name = section.need_text("unit")?;
    let unit = Unit::from_name(name).ok_or_else(|| {
        let allowed = "\"second\", \"minute\", \"hour\", \"day\" or \"session\"";
        section.error("unit", format!("unknown unit {name:?}; use {allowed}"))
    })?;
    let session_seconds = section.number("session_seconds")?;
    match (unit, session_seconds) {
        (Unit::Session, None) => {
            return Err(section
                .error("unit", "\"session\" needs `session_seconds`, the length of one session; add it"));
        }
        (Unit::Session, Some(_)) | (_, None) => {}
        (_, Some(_)) => {
            return Err(section.error(
                "session_seconds",
                "is allowed only with the unit \"session\"; remove it, or change `unit`",
            ));
        }
    }
    let unit_seconds = unit_seconds(unit, session_seconds)
        .filter(|seconds| (1..=MAX_SECONDS).contains(seconds))
        .ok_or_else(|| section.error("session_seconds", "must be from 1 to 31622400 (366 days)"))?;
    let min_quantity = section.number("min_quantity")?.unwrap_or(1);
    let max_quantity = section.number("max_quantity")?;
    let max_quantity = max_quantity.unwrap_or_else(|| default_max_quantity(unit, unit_seconds, min_quantity));
    if min_quantity == 0 {
        return Err(section.error("min_quantity", "must be at least 1"));
    }
    if max_quantity < min_quantity {
        return Err(section
            .error("max_quantity", format!("must be at least `min_quantity`, which is {min_quantity}")));
    }
    let tariff = Tariff { price, unit, unit_seconds, min_quantity, max_quantity };
    if tariff.seconds(max_quantity).is_none_or(|seconds| seconds > MAX_SECONDS) {
        return Err(section
            .error("max_quantity", "allows more than 366 days in one purchase; lower it or `min_quantity`"));
    }
    for AcceptedToken { token, .. } in tokens {
        if tariff.price(max_quantity, token.decimals) == Err(QuantityError::Overflow) {
            return Err(section.error(
                "price",
                format!(
                    "`max_quantity` units at this price are more {} than can be paid; lower one of the two",
                    token.symbol
                ),
            ));
        }
    }
    Ok(tariff)
}
