//! What is for hire.

use std::borrow::Cow;

use serde_json::json;

use super::{Problem, Request, Response, query, views};
use crate::config::Asset;
use crate::gateway::Gateway;
use crate::grant;
use crate::ids::AssetId;
use crate::ports::{Catalogue as _, Clock as _, Journal as _, Ports, Settlement as _};
use crate::session::AssetState;

/// The id of an asset in a path.
pub(super) fn asset_id(text: &str) -> Result<AssetId, Problem> {
    AssetId::parse(text).ok_or_else(|| Problem::not_found("asset"))
}

impl<'a, P: Ports> Gateway<'a, P> {
    /// The asset of this id.
    pub(super) async fn asset(&self, id: &AssetId) -> Result<Cow<'a, Asset>, Problem> {
        let found = self.find_asset(id).await.map_err(|error| self.failed(&error))?;
        found.ok_or_else(|| Problem::not_found("asset"))
    }

    /// The asset of this id as its own state has it, whatever the catalogue says.
    pub(super) async fn asset_itself(&self, id: &AssetId) -> Result<Cow<'a, Asset>, Problem> {
        if let Some(asset) = self.deployment().config.asset(id) {
            return Ok(Cow::Borrowed(asset));
        }
        let listing = self.state_of(id).await?.listing;
        listing.map(|listing| Cow::Owned(listing.asset(id))).ok_or_else(|| Problem::not_found("asset"))
    }

    /// Where an asset stands.
    pub(super) async fn state_of(&self, asset: &AssetId) -> Result<AssetState, Problem> {
        let stored = self.ports().journal().load(asset).await;
        Ok(stored.map_err(|error| self.failed(&error))?.state)
    }

    /// The assets of the configuration in its order, and behind them those that were made
    /// by API, by their ids.
    pub(super) async fn list_assets(&self, request: &Request) -> Result<Response, Problem> {
        let limit = query::limit(request)?;
        let after = query::after(request)?;
        // One more than asked for tells whether there is a next page.
        let mut assets = self.assets_behind(after.as_ref(), limit + 1).await?;
        let more = assets.len() > limit;
        assets.truncate(limit);
        let next = assets.last().filter(|_| more).map(|asset| asset.id.clone());
        let mut views = Vec::with_capacity(assets.len());
        for asset in &assets {
            let state = self.state_of(&asset.id).await?;
            views.push(views::asset(&self.deployment().config, asset, &state, &self.ports().clock().now()));
        }
        Ok(Response::json(200, &json!({ "assets": views, "next": next })))
    }

    /// The first `count` assets behind this one, or of all. It may be deleted by now.
    async fn assets_behind(
        &self,
        after: Option<&AssetId>,
        count: usize,
    ) -> Result<Vec<Cow<'a, Asset>>, Problem> {
        let configured = &self.deployment().config.assets;
        let place = after.map(|after| configured.iter().position(|asset| asset.id == *after));
        let (skipped, mut after) = match (place, after) {
            (Some(Some(place)), _) => (place + 1, None),
            (Some(None), Some(after)) => {
                if self.state_of(after).await?.incarnation == 0 {
                    return Err(query::invalid_after());
                }
                (configured.len(), Some(after.clone()))
            }
            _ => (0, None),
        };
        let mut found: Vec<_> = configured.iter().skip(skipped).take(count).map(Cow::Borrowed).collect();
        while found.len() < count {
            let wanted = count - found.len();
            let limit = u32::try_from(wanted).unwrap_or(u32::MAX);
            let page = self.ports().catalogue().page(after.as_ref(), limit).await;
            let page = page.map_err(|error| self.failed(&error))?;
            let is_last = page.len() < wanted;
            after = page.last().map(|asset| asset.id.clone());
            // Of two with one id, the configuration's counts.
            let by_api = page.into_iter().filter(|asset| configured.find(&asset.id).is_none());
            found.extend(by_api.map(Cow::Owned));
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    pub(super) async fn show_asset(&self, id: &str) -> Result<Response, Problem> {
        let asset = self.asset(&asset_id(id)?).await?;
        let state = self.state_of(&asset.id).await?;
        let now = self.ports().clock().now();
        Ok(Response::json(200, &views::asset(&self.deployment().config, &asset, &state, &now)))
    }

    pub(super) async fn asset_status(&self, id: &str) -> Result<Response, Problem> {
        let asset = self.asset(&asset_id(id)?).await?;
        let state = self.state_of(&asset.id).await?;
        let status = views::asset_status(&asset, &state, &self.ports().clock().now());
        Ok(Response::json(200, &status).no_store())
    }

    pub(super) fn jwks(&self) -> Response {
        Response::json(200, &grant::jwks(&self.deployment().keys))
            .with("cache-control", "public, max-age=300")
    }

    /// Whether a sale could be made now, and what stands in the way.
    pub(super) async fn ready(&self) -> Response {
        let storage = self.ports().journal().unfulfilled(100).await;
        let rpc = self.ports().settlement().health().await;
        if let Err(error) = &rpc {
            self.ports().log(&format!("not ready: {error}"));
        }
        if let Err(error) = &storage {
            self.ports().log(&format!("not ready: {error}"));
        }
        let word = |ok: bool| if ok { "ok" } else { "failing" };
        let ready = storage.is_ok() && rpc.is_ok();
        let body = json!({
            "ready": ready,
            "storage": word(storage.is_ok()),
            "settlement": word(rpc.is_ok()),
            // Devices that have not yet done what they should: retried for ever.
            "devicesWaiting": storage.map_or(0, |assets| assets.len()),
        });
        Response::json(if ready { 200 } else { 503 }, &body).no_store()
    }
}
