//! How people call what stands in the journal: tokens and units.

use std::collections::HashMap;

use coinop_core::config::{AcceptedToken, Asset, Config};
use coinop_core::ports::{Catalogue, PortError};
use coinop_core::store::Sale;
use coinop_core::{Account, AssetId};

/// The names of the accepted tokens.
#[derive(Debug)]
pub(crate) struct TokenNames {
    network: &'static str,
    tokens: Vec<AcceptedToken>,
}

impl TokenNames {
    pub(crate) fn new(config: &Config) -> Self {
        Self { network: config.network.caip2(), tokens: config.merchant.tokens.clone() }
    }

    /// Returns the token's symbol if it is accepted and no other accepted token has the same, or else its address. A
    /// token of another network than the present one is named with its network, as in CAIP-19.
    pub(crate) fn of(&self, network: &str, token: &Account) -> String {
        if network != self.network {
            return format!("{network}/token:{token}");
        }
        let its = self.tokens.iter().find(|accepted| accepted.token.mint.to_string() == token.as_str());
        let symbol = its.map(|accepted| accepted.token.symbol.as_str());
        let is_unique = |symbol: &&str| {
            self.tokens.iter().filter(|accepted| accepted.token.symbol == *symbol).count() == 1
        };
        symbol.filter(is_unique).unwrap_or(token.as_str()).to_owned()
    }
}

/// The units in which assets are sold now.
pub(super) struct Units<'a, C> {
    config: &'a Config,
    /// The assets that were made by API.
    catalogue: &'a C,
    found: HashMap<AssetId, Option<(&'static str, u64)>>,
}

impl<'a, C: Catalogue> Units<'a, C> {
    pub(super) fn new(config: &'a Config, catalogue: &'a C) -> Self {
        Self { config, catalogue, found: HashMap::new() }
    }

    /// Returns the name of the unit in which this was sold; `None` if that is not known: the asset is gone, or its unit
    /// has changed since and does not fit the time that was bought.
    pub(super) async fn of(&mut self, sale: &Sale) -> Result<Option<&'static str>, PortError> {
        let unit = match self.found.get(&sale.asset) {
            Some(unit) => *unit,
            None => {
                let unit = match self.config.asset(&sale.asset) {
                    Some(asset) => Some(unit(asset)),
                    None => self.catalogue.find(&sale.asset).await?.as_ref().map(unit),
                };
                self.found.insert(sale.asset.clone(), unit);
                unit
            }
        };
        let fits = |(_, seconds): &(&str, u64)| seconds.checked_mul(sale.quantity) == sale.seconds;
        Ok(unit.filter(fits).map(|(name, _)| name))
    }
}

fn unit(asset: &Asset) -> (&'static str, u64) {
    (asset.tariff.unit.name(), asset.tariff.unit_seconds)
}
