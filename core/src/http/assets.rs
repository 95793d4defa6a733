//! Creating, changing and deleting assets with an API key.

use serde_json::{Map, Value, json};

use super::catalogue::{asset_id, availability};
use super::shard::{StatelessOutcome, TaskKind};
use super::{Context, Problem, Request, Response, views};
use crate::config::{Asset, Config, ConfigError};
use crate::encoding::from_json;
use crate::gateway::ManageError;
use crate::ids::AssetId;
use crate::listing::Listing;
use crate::ports::Ports;
use crate::session::{Reject, StreamState};

/// How often a change is merged again because another request changed the asset in the meantime.
const MERGES: u32 = 8;

/// The keys of an asset except `id`.
const KEYS: [&str; 13] = [
    "capacity",
    "name",
    "description",
    "icon_url",
    "picture",
    "tags",
    "price",
    "unit",
    "session_seconds",
    "min_quantity",
    "max_quantity",
    "refund",
    "enabled",
];

/// Refuses a request without one of the merchant's API keys.
pub(super) fn ensure_api_key<P: Ports>(context: &Context<'_, P>, request: &Request) -> Result<(), Problem> {
    if request.has_api_key(&context.config().merchant) {
        return Ok(());
    }
    let detail =
        "The API key is missing or wrong. Send an API key of this merchant as `Authorization: Bearer ...`.";
    Err(Problem::new(401, "api_key_required", "Unauthorized", detail).header("www-authenticate", "Bearer"))
}

/// Reads the asset of `POST /api/v1/assets`.
pub(super) fn post_asset<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
) -> Result<StatelessOutcome<'a>, Problem> {
    ensure_api_key(context, request)?;
    let asset = read_asset(context.config(), merged(Map::new(), body(request)?))?;
    ensure_not_configured(context.config(), &asset.id)?;
    StatelessOutcome::at_shard(TaskKind::CreateAsset(asset))
}

/// Creates an asset, and shows it.
pub(super) async fn create<P: Ports>(context: &Context<'_, P>, asset: Asset) -> Result<Response, Problem> {
    let id = asset.id.clone();
    let created = context.gateway().create_asset(&id, asset.into()).await;
    let state = created.map_err(|error| to_problem(context, error))?;
    let location = format!("{}/api/v1/assets/{id}", context.config().public_url);
    Ok(shown(context, 201, &id, &state).await?.with("location", location))
}

/// Reads the changes of `PATCH /api/v1/assets/{id}`.
pub(super) fn patch_asset<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: Option<&AssetId>,
) -> Result<StatelessOutcome<'a>, Problem> {
    ensure_api_key(context, request)?;
    let id = asset_id(id)?;
    let patch = body(request)?;
    if patch.contains_key("id") {
        return Err(invalid("id", "can't be changed: leave it out, or create another asset"));
    }
    ensure_not_configured(context.config(), id)?;
    StatelessOutcome::at_shard(TaskKind::ChangeAsset { id: id.clone(), patch })
}

/// Changes an asset, and shows it.
pub(super) async fn change<P: Ports>(
    context: &Context<'_, P>,
    id: &AssetId,
    patch: &Map<String, Value>,
) -> Result<Response, Problem> {
    let gateway = context.gateway();
    for _ in 0..MERGES {
        let base = gateway.listing(id).await.map_err(|error| to_problem(context, error))?;
        let next = read_asset(context.config(), merged(base.fields(id), patch.clone()))?;
        match gateway.change_asset(id, base, Listing::from(next)).await {
            Ok(state) => return shown(context, 200, id, &state).await,
            Err(ManageError::Rejected(Reject::Outdated)) => {}
            Err(error) => return Err(to_problem(context, error)),
        }
    }
    Err(to_problem(context, ManageError::Rejected(Reject::Outdated)))
}

/// Reads the id of `DELETE /api/v1/assets/{id}`.
pub(super) fn remove_asset<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: Option<&AssetId>,
) -> Result<StatelessOutcome<'a>, Problem> {
    ensure_api_key(context, request)?;
    let id = asset_id(id)?;
    ensure_not_configured(context.config(), id)?;
    StatelessOutcome::at_shard(TaskKind::DeleteAsset(id.clone()))
}

/// Deletes an asset.
pub(super) async fn delete<P: Ports>(context: &Context<'_, P>, id: &AssetId) -> Result<Response, Problem> {
    context.gateway().delete_asset(id).await.map_err(|error| to_problem(context, error))?;
    Ok(Response::no_content())
}

/// Refuses an asset of the configuration. The gateway refuses it too, but this needs no shard.
fn ensure_not_configured(config: &Config, id: &AssetId) -> Result<(), Problem> {
    if config.asset(id).is_some() { Err(read_only()) } else { Ok(()) }
}

/// Reads an asset from its keys. Refuses it if it can't be sold like that.
fn read_asset(config: &Config, fields: Map<String, Value>) -> Result<Asset, Problem> {
    if fields.contains_key("device") {
        let detail = "can't be set by API: name the device in the configuration of the computer that it is \
             connected to";
        return Err(invalid("device", detail));
    }
    for (key, example) in [("id", "\"room-7\""), ("price", "\"0.01\""), ("unit", "\"minute\"")] {
        if !fields.contains_key(key) {
            return Err(invalid(key, &format!("is missing: for example {example}")));
        }
    }
    let read = config.read_asset(&Value::Object(fields));
    read.map_err(|ConfigError { path, message }| invalid(&path, &message))
}

/// Shows the asset as it stands now, in the form of the catalogue.
async fn shown<P: Ports>(
    context: &Context<'_, P>,
    status: u16,
    id: &AssetId,
    state: &StreamState,
) -> Result<Response, Problem> {
    let asset = state.listing.as_ref().map(|listing| listing.asset(id));
    let asset = asset.ok_or_else(|| Problem::not_found("asset"))?;
    let availability = availability(context, &asset, Some(state.clone())).await?;
    Ok(Response::json(status, &views::asset(context.config(), &asset, &availability)).no_store())
}

fn to_problem<P: Ports>(context: &Context<'_, P>, error: ManageError) -> Problem {
    match error {
        ManageError::Configured => read_only(),
        ManageError::Rejected(reject) => Problem::of_reject(&reject, context.now().wall),
        ManageError::Unavailable(error) => context.failed(&error),
    }
}

fn read_only() -> Problem {
    Problem::conflict(
        "asset_read_only",
        "This asset is defined in the gateway's configuration. Change it there.",
    )
}

/// Returns the JSON object in the request's body.
fn body(request: &Request) -> Result<Map<String, Value>, Problem> {
    from_json(&request.body).ok_or_else(|| {
        Problem::malformed("malformed_body", "The body must be a JSON object, such as {\"price\": \"0.01\"}.")
    })
}

/// Returns `fields` with the values of `patch`. A `null` removes a key of [`KEYS`], which restores its default.
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
