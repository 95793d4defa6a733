//! What is for hire.

use std::borrow::Cow;

use serde_json::json;

use super::shard::{StatelessOutcome, TaskKind};
use super::views::Availability;
use super::{Context, Problem, Request, Response, query, views};
use crate::config::Asset;
use crate::grant;
use crate::ids::{AssetId, StreamId};
use crate::ports::{Accounts as _, Catalogue as _, Ports, Schedule as _, Settlement as _, Streams as _};
use crate::session::AssetState;

/// Returns the id in a path, which is none where nothing can have that name.
pub(super) fn asset_id(id: Option<&AssetId>) -> Result<&AssetId, Problem> {
    id.ok_or_else(|| Problem::not_found("asset"))
}

/// Returns the asset that a path names, as the catalogue has it.
pub(super) async fn named<'a, P: Ports>(
    context: &Context<'a, P>,
    id: Option<&AssetId>,
) -> Result<Cow<'a, Asset>, Problem> {
    asset(context, asset_id(id)?).await
}

/// Returns the asset of this id, as the catalogue has it.
pub(super) async fn asset<'a, P: Ports>(
    context: &Context<'a, P>,
    id: &AssetId,
) -> Result<Cow<'a, Asset>, Problem> {
    let found = context.gateway().find_asset(id).await.map_err(|error| context.failed(&error))?;
    found.ok_or_else(|| Problem::not_found("asset"))
}

/// Returns the asset of this id as its own state has it, whatever the catalogue says.
pub(super) async fn asset_itself<'a, P: Ports>(
    context: &Context<'a, P>,
    id: &AssetId,
) -> Result<Cow<'a, Asset>, Problem> {
    if let Some(asset) = context.config().asset(id) {
        return Ok(Cow::Borrowed(asset));
    }
    let listing = state_of(context, &StreamId::of_asset(id.clone())).await?.listing;
    listing.map(|listing| Cow::Owned(listing.asset(id))).ok_or_else(|| Problem::not_found("asset"))
}

/// Returns where a stream stands.
pub(super) async fn state_of<P: Ports>(
    context: &Context<'_, P>,
    stream: &StreamId,
) -> Result<AssetState, Problem> {
    let snapshot = context.ports().journal().load(stream).await;
    Ok(snapshot.map_err(|error| context.failed(&error))?.state)
}

/// Returns whether a new buyer could have an asset now, and where it stands. `own` is where its own stream stands, if that
/// is known.
pub(super) async fn availability<P: Ports>(
    context: &Context<'_, P>,
    asset: &Asset,
    own: Option<AssetState>,
) -> Result<Availability, Problem> {
    if asset.capacity.is_exclusive() {
        let state = match own {
            Some(state) => state,
            None => state_of(context, &StreamId::of_asset(asset.id.clone())).await?,
        };
        return Ok(Availability::of_exclusive(state, &context.now()));
    }
    // Where there are as many as anybody wants, nobody has to be asked.
    let is_free = match asset.capacity.seats() {
        None => true,
        Some(seats) => {
            let taken = context.ports().journal().seats_taken(&asset.id).await;
            taken.map_err(|error| context.failed(&error))? < seats
        }
    };
    Ok(Availability::of_shared(is_free, context.now()))
}

/// `GET /api/v1/assets`: reads which page is asked for.
pub(super) fn list_assets<'a>(request: &Request) -> Result<StatelessOutcome<'a>, Problem> {
    let limit = query::limit(request)?;
    let after = query::after(request)?;
    StatelessOutcome::at_shard(TaskKind::ListAssets { limit, after })
}

/// Shows the assets of the configuration in its order, and behind them those that were made
/// by API, by their ids.
pub(super) async fn list<P: Ports>(
    context: &Context<'_, P>,
    limit: usize,
    after: Option<&AssetId>,
) -> Result<Response, Problem> {
    // One more than asked for tells whether there is a next page.
    let mut assets = assets_behind(context, after, limit + 1).await?;
    let more = assets.len() > limit;
    assets.truncate(limit);
    let next = assets.last().filter(|_| more).map(|asset| asset.id.clone());
    let mut views = Vec::with_capacity(assets.len());
    for asset in &assets {
        let availability = availability(context, asset, None).await?;
        views.push(views::asset(context.config(), asset, &availability));
    }
    Ok(Response::json(200, &json!({ "assets": views, "next": next })))
}

/// The first `count` assets behind this one, or of all. It may be deleted by now.
async fn assets_behind<'a, P: Ports>(
    context: &Context<'a, P>,
    after: Option<&AssetId>,
    count: usize,
) -> Result<Vec<Cow<'a, Asset>>, Problem> {
    let configured = &context.config().assets;
    let place = after.map(|after| configured.iter().position(|asset| asset.id == *after));
    let (skipped, mut after) = match (place, after) {
        (Some(Some(place)), _) => (place + 1, None),
        (Some(None), Some(after)) => {
            if state_of(context, &StreamId::of_asset(after.clone())).await?.generation == 0 {
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
        let page = context.ports().catalogue().page(after.as_ref(), limit).await;
        let page = page.map_err(|error| context.failed(&error))?;
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

/// Shows an asset, with whether it is free.
pub(super) async fn show<P: Ports>(context: &Context<'_, P>, asset: &Asset) -> Result<Response, Problem> {
    let availability = availability(context, asset, None).await?;
    Ok(Response::json(200, &views::asset(context.config(), asset, &availability)))
}

/// Says where an asset stands.
pub(super) async fn status<P: Ports>(context: &Context<'_, P>, asset: &Asset) -> Result<Response, Problem> {
    let availability = availability(context, asset, None).await?;
    Ok(Response::json(200, &views::asset_status(asset, &availability)).no_store())
}

/// `GET /.well-known/jwks.json`
pub(super) fn jwks<P: Ports>(context: &Context<'_, P>) -> Response {
    Response::json(200, &grant::jwks(&context.deployment().keys)).with("cache-control", "public, max-age=300")
}

/// Says whether a sale could be made now, and what stands in the way.
pub(super) async fn ready<P: Ports>(context: &Context<'_, P>) -> Response {
    let ports = context.ports();
    let storage = ports.journal().unfulfilled(100).await;
    let rpc = ports.settlement().health().await;
    if let Err(error) = &rpc {
        ports.log(&format!("not ready: {error}"));
    }
    if let Err(error) = &storage {
        ports.log(&format!("not ready: {error}"));
    }
    let word = |ok: bool| if ok { "ok" } else { "failing" };
    let ready = storage.is_ok() && rpc.is_ok();
    let body = json!({
        "ready": ready,
        "storage": word(storage.is_ok()),
        "settlement": word(rpc.is_ok()),
        // Devices that have not yet reported what they were ordered to do.
        "devicesWaiting": storage.map_or(0, |assets| assets.len()),
    });
    Response::json(if ready { 200 } else { 503 }, &body).no_store()
}
