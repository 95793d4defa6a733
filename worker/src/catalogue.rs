//! The catalogue as its readers see it: in KV, written by the merchant's object.
//!
//! It may be a minute old. It decides no sale: the asset's object decides at the claim.

use std::pin::pin;

use coinop_core::AssetId;
use coinop_core::config::Asset;
use coinop_core::error::StoreError;
use coinop_core::ports::PortError;
use coinop_core::sharded::{Listing, Publication};
use futures::future::{Either, select};
use worker::Env;
use worker::kv::KvStore;

use crate::deployment::Instance;
use crate::runtime::sleep;

/// The name of the KV binding.
const CATALOGUE: &str = "CATALOGUE";
/// How long KV may take to answer, in milliseconds.
const TIMEOUT_MS: u64 = 5_000;

/// Reads the catalogue.
pub(crate) struct Readers {
    env: Env,
    merchant: String,
}

impl Readers {
    pub(crate) fn new(env: &Env, instance: &Instance) -> Self {
        Self { env: env.clone(), merchant: instance.deployment.config.merchant.id.clone() }
    }

    /// Returns the asset of this id.
    pub(crate) async fn find(&self, id: &AssetId) -> Result<Option<Asset>, PortError> {
        let key = format!("{}/{id}", self.merchant);
        let text = in_time(store(&self.env)?.get(&key).text()).await?;
        let Some(text) = text else { return Ok(None) };
        let listing: Listing = serde_json::from_str(&text).map_err(|error| failed(&error))?;
        Ok(Some(listing.asset(id)))
    }
}

/// Writes a listing for the readers, or removes one.
pub(crate) async fn publish(env: &Env, publication: &Publication) -> Result<(), PortError> {
    let store = store(env)?;
    match &publication.listing {
        Some(listing) => {
            let put = store.put(&publication.asset, listing).map_err(|error| failed(&error))?;
            in_time(put.execute()).await
        }
        None => in_time(store.delete(&publication.asset)).await,
    }
}

/// Waits for KV's answer for a limited time, so that no request waits for ever.
async fn in_time<T, E: std::fmt::Display>(asked: impl Future<Output = Result<T, E>>) -> Result<T, PortError> {
    match select(pin!(asked), pin!(sleep(TIMEOUT_MS))).await {
        Either::Left((answer, _)) => answer.map_err(|error| failed(&error)),
        Either::Right(((), _)) => Err(failed(&format!("no answer within {TIMEOUT_MS} ms"))),
    }
}

fn store(env: &Env) -> Result<KvStore, PortError> {
    env.kv(CATALOGUE).map_err(|error| failed(&error))
}

fn failed(error: &dyn std::fmt::Display) -> PortError {
    StoreError::Service { name: "the catalogue in KV", words: error.to_string() }.into()
}
