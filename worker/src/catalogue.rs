//! The catalogue as its readers have it: in KV, written by the merchant's object.
//!
//! What is read here may be a minute old. Nothing is sold by it: the asset's object decides at the claim.

use coinop_core::config::Asset;
use coinop_core::ids::AssetId;
use coinop_core::listing::Listing;
use coinop_core::ports::PortError;
use coinop_core::sharded::Publication;
use worker::Env;
use worker::kv::KvStore;

use crate::deployment::Instance;

/// The binding.
const CATALOGUE: &str = "CATALOGUE";

/// Reads the catalogue.
pub(crate) struct Readers {
    env: Env,
    merchant: String,
}

impl Readers {
    pub(crate) fn new(env: &Env, instance: &Instance) -> Self {
        Self { env: env.clone(), merchant: instance.deployment.config.merchant.id.clone() }
    }

    /// The asset of this id.
    pub(crate) async fn find(&self, id: &AssetId) -> Result<Option<Asset>, PortError> {
        let key = format!("{}/{id}", self.merchant);
        let text = store(&self.env)?.get(&key).text().await.map_err(|error| failed(&error))?;
        let Some(text) = text else { return Ok(None) };
        let listing: Listing = serde_json::from_str(&text).map_err(|error| failed(&error))?;
        Ok(Some(listing.asset(id)))
    }
}

/// Gives the readers a listing, or takes one away.
pub(crate) async fn publish(env: &Env, publication: &Publication) -> Result<(), PortError> {
    let store = store(env)?;
    let done = match &publication.listing {
        Some(listing) => match store.put(&publication.asset, listing) {
            Ok(put) => put.execute().await,
            Err(error) => Err(error),
        },
        None => store.delete(&publication.asset).await,
    };
    done.map_err(|error| failed(&error))
}

fn store(env: &Env) -> Result<KvStore, PortError> {
    env.kv(CATALOGUE).map_err(|error| failed(&error))
}

fn failed(error: &dyn std::fmt::Display) -> PortError {
    PortError(format!("the catalogue in KV: {error}"))
}
