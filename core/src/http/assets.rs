//! Making, changing and deleting assets, by whoever has an API key.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::catalogue::asset_id;
use super::{Problem, Request, Response, views};
use crate::config::{Asset, ConfigError};
use crate::gateway::{Gateway, ManageError};
use crate::ids::AssetId;
use crate::listing::Listing;
use crate::ports::{Clock as _, Ports};
use crate::session::{AssetState, Reject};

/// How often a change is merged again because somebody else changed the asset meanwhile.
const MERGES: u32 = 8;

/// The keys of an asset, besides its id.
const KEYS: [&str; 10] = [
    "name",
    "description",
    "icon_url",
    "tags",
    "price",
    "unit",
    "session_seconds",
    "min_quantity",
    "max_quantity",
    "enabled",
];

impl<P: Ports> Gateway<'_, P> {
    /// Lets those through who send one of the merchant's API keys.
    pub(super) fn must_have_api_key(&self, request: &Request) -> Result<(), Problem> {
        let sent: [u8; 32] = Sha256::digest(request.bearer().unwrap_or_default()).into();
        // All of them, always: how long it takes says nothing about any.
        let keys = &self.deployment().config.merchant.api_keys;
        let known = keys.iter().fold(Choice::from(0), |known, key| known | key.ct_eq(&sent));
        // Nothing is no key, whatever is configured.
        if request.bearer().is_some_and(|key| !key.is_empty()) && known.into() {
            return Ok(());
        }
        let detail = "send an API key of this merchant as `Authorization: Bearer ...`";
        Err(Problem::new(401, "api_key_required", "Unauthorized", detail)
            .header("www-authenticate", "Bearer"))
    }

    /// `POST /api/v1/assets`
    pub(super) async fn post_asset(&self, request: &Request) -> Result<Response, Problem> {
        self.must_have_api_key(request)?;
        let asset = self.read_asset(merged(Map::new(), body(request)?))?;
        let id = asset.id.clone();
        let state = self.create_asset(&id, asset.into()).await.map_err(|error| self.not_done(error))?;
        let location = format!("{}/api/v1/assets/{id}", self.deployment().config.public_url);
        Ok(self.shown(201, &id, &state)?.with("location", location))
    }

    /// `PATCH /api/v1/assets/{id}`
    pub(super) async fn patch_asset(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        self.must_have_api_key(request)?;
        let id = asset_id(id)?;
        let patch = body(request)?;
        if patch.contains_key("id") {
            return Err(invalid("id", "can't be changed: leave it out, and make another asset if need be"));
        }
        for _ in 0..MERGES {
            let base = self.listing(&id).await.map_err(|error| self.not_done(error))?;
            let next = self.read_asset(merged(base.fields(&id), patch.clone()))?;
            match self.change_asset(&id, base, Listing::from(next)).await {
                Ok(state) => return self.shown(200, &id, &state),
                Err(ManageError::Rejected(Reject::Outdated)) => {}
                Err(error) => return Err(self.not_done(error)),
            }
        }
        Err(self.not_done(ManageError::Rejected(Reject::Outdated)))
    }

    /// `DELETE /api/v1/assets/{id}`
    pub(super) async fn remove_asset(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        self.must_have_api_key(request)?;
        self.delete_asset(&asset_id(id)?).await.map_err(|error| self.not_done(error))?;
        Ok(Response::no_content())
    }

    /// The asset with these keys, if it may be sold like that.
    fn read_asset(&self, fields: Map<String, Value>) -> Result<Asset, Problem> {
        if fields.contains_key("device") {
            let detail = "devices are named in the configuration of the box that they are connected to: leave it out here";
            return Err(invalid("device", detail));
        }
        for (key, example) in [("id", "\"room-7\""), ("price", "\"0.01\""), ("unit", "\"minute\"")] {
            if !fields.contains_key(key) {
                return Err(invalid(key, &format!("is missing: for example {example}")));
            }
        }
        let read = self.deployment().config.read_asset(&Value::Object(fields));
        read.map_err(|ConfigError { path, message }| invalid(&path, &message))
    }

    /// The asset as it stands now, as the catalogue shows it.
    fn shown(&self, status: u16, id: &AssetId, state: &AssetState) -> Result<Response, Problem> {
        let config = &self.deployment().config;
        let asset = state.listing.as_ref().map(|listing| listing.asset(id));
        let asset = asset.ok_or_else(|| Problem::not_found("asset"))?;
        let view = views::asset(config, &asset, state, &self.ports().clock().now());
        Ok(Response::json(status, &view).no_store())
    }

    fn not_done(&self, error: ManageError) -> Problem {
        match error {
            ManageError::Configured => Problem::conflict(
                "asset_read_only",
                "this asset stands in the gateway's configuration: change it there",
            ),
            ManageError::Rejected(reject) => Problem::of_reject(&reject, self.ports().clock().now().wall),
            ManageError::Unavailable(error) => self.failed(&error),
        }
    }
}

/// The object that the request carries.
fn body(request: &Request) -> Result<Map<String, Value>, Problem> {
    serde_json::from_slice(&request.body).map_err(|_| {
        Problem::malformed("malformed_body", "the body must be a JSON object, such as {\"price\": \"0.01\"}")
    })
}

/// These keys with others in their place; `null` takes one back to its default.
fn merged(mut fields: Map<String, Value>, patch: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in patch {
        if value.is_null() && (KEYS.contains(&key.as_str())) {
            fields.remove(&key);
        } else {
            fields.insert(key, value);
        }
    }
    fields
}

fn invalid(field: &str, message: &str) -> Problem {
    let detail = if field.is_empty() { message.to_owned() } else { format!("{field}: {message}") };
    Problem::malformed("invalid_asset", detail).member("field", json!(field))
}
