//! What is for hire.

use serde_json::json;

use super::{Problem, Request, Response, query, views};
use crate::config::Asset;
use crate::gateway::Gateway;
use crate::grant;
use crate::ids::AssetId;
use crate::ports::{Clock as _, Journal as _, Ports, Settlement as _};
use crate::session::AssetState;

impl<'a, P: Ports> Gateway<'a, P> {
    /// The asset of this id in a path.
    pub(super) fn asset(&self, id: &str) -> Result<&'a Asset, Problem> {
        let id = AssetId::parse(id);
        id.and_then(|id| self.deployment().config.asset(&id)).ok_or_else(|| Problem::not_found("asset"))
    }

    /// Where an asset stands.
    pub(super) async fn state_of(&self, asset: &Asset) -> Result<AssetState, Problem> {
        let stored = self.ports().journal().load(&asset.id).await;
        Ok(stored.map_err(|error| self.failed(&error))?.state)
    }

    pub(super) async fn list_assets(&self, request: &Request) -> Result<Response, Problem> {
        let config = &self.deployment().config;
        let limit = query::limit(request)?;
        let skipped = match query::after(request) {
            None => 0,
            Some(after) => {
                let at = config.assets.iter().position(|asset| asset.id.as_str() == after);
                at.ok_or_else(|| Problem::malformed("invalid_cursor", "after must be an asset's id"))? + 1
            }
        };
        let mut assets = Vec::new();
        for asset in config.assets.iter().skip(skipped).take(limit) {
            let state = self.state_of(asset).await?;
            assets.push(views::asset(config, asset, &state, &self.ports().clock().now()));
        }
        let shown = skipped + assets.len();
        let more = config.assets.len() > shown;
        let next = shown.checked_sub(1).filter(|_| more).and_then(|last| config.assets.get(last));
        let next = next.map(|asset| &asset.id);
        Ok(Response::json(200, &json!({ "assets": assets, "next": next })))
    }

    pub(super) async fn show_asset(&self, id: &str) -> Result<Response, Problem> {
        let asset = self.asset(id)?;
        let state = self.state_of(asset).await?;
        let now = self.ports().clock().now();
        Ok(Response::json(200, &views::asset(&self.deployment().config, asset, &state, &now)))
    }

    pub(super) async fn asset_status(&self, id: &str) -> Result<Response, Problem> {
        let asset = self.asset(id)?;
        let state = self.state_of(asset).await?;
        let status = views::asset_status(asset, &state, &self.ports().clock().now());
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
