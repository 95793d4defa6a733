//! The catalogue, and what else the API shows without a payment.

use std::borrow::Cow;

use serde_json::json;

use super::shard::{StatelessOutcome, TaskKind};
use super::views::Availability;
use super::{Context, Problem, Request, Response, query, views};
use crate::config::Asset;
use crate::grant;
use crate::ids::{AssetId, StreamId};
use crate::ports::{Accounts as _, Catalogue as _, Ports, Schedule as _, Settlement as _, Streams as _};
use crate::session::StreamState;

/// Returns the id in a path, or a 404 if the path's segment can't be an asset's id.
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

/// Loads the state of a stream.
pub(super) async fn state_of<P: Ports>(
    context: &Context<'_, P>,
    stream: &StreamId,
) -> Result<StreamState, Problem> {
    let snapshot = context.ports().journal().load(stream).await;
    Ok(snapshot.map_err(|error| context.failed(&error))?.state)
}

/// Returns whether a new buyer could have an asset now, and the asset's state. `own` is the state of its own stream, if
/// it is known already.
pub(super) async fn availability<P: Ports>(
    context: &Context<'_, P>,
    asset: &Asset,
    own: Option<StreamState>,
) -> Result<Availability, Problem> {
    if asset.capacity.is_exclusive() {
        let state = match own {
            Some(state) => state,
            None => state_of(context, &StreamId::of_asset(asset.id.clone())).await?,
        };
        return Ok(Availability::of_exclusive(asset, state, &context.now()));
    }
    // With an unlimited number of seats, there is nothing to look up.
    let is_free = match asset.capacity.seats() {
        None => true,
        Some(seats) => {
            let taken = context.ports().journal().seats_taken(&asset.id).await;
            taken.map_err(|error| context.failed(&error))? < seats
        }
    };
    Ok(Availability::of_shared(is_free, context.now()))
}

/// Returns the same as [`availability`] for the assets of a page, in their order. It asks the journal at most twice,
/// however many assets there are.
async fn availabilities<P: Ports>(
    context: &Context<'_, P>,
    assets: &[Cow<'_, Asset>],
) -> Result<Vec<Availability>, Problem> {
    let journal = context.ports().journal();
    let exclusive = assets.iter().filter(|asset| asset.capacity.is_exclusive());
    let streams: Vec<StreamId> = exclusive.map(|asset| StreamId::of_asset(asset.id.clone())).collect();
    let limited: Vec<AssetId> = assets
        .iter()
        .filter(|asset| asset.capacity.seats().is_some())
        .map(|asset| asset.id.clone())
        .collect();
    let mut states = Vec::new().into_iter();
    if !streams.is_empty() {
        states = journal.load_all(&streams).await.map_err(|error| context.failed(&error))?.into_iter();
    }
    let mut taken = Vec::new().into_iter();
    if !limited.is_empty() {
        taken = journal.seats_taken_of(&limited).await.map_err(|error| context.failed(&error))?.into_iter();
    }
    let now = context.now();
    let of = |asset: &Cow<'_, Asset>| {
        if asset.capacity.is_exclusive() {
            let state = states.next().map(|snapshot| snapshot.state).unwrap_or_default();
            return Availability::of_exclusive(asset, state, &now);
        }
        let is_free =
            asset.capacity.seats().is_none_or(|seats| taken.next().is_some_and(|taken| taken < seats));
        Availability::of_shared(is_free, now.clone())
    };
    Ok(assets.iter().map(of).collect())
}

/// Reads the page that `GET /api/v1/assets` asks for.
pub(super) fn list_assets<'a>(request: &Request) -> Result<StatelessOutcome<'a>, Problem> {
    let limit = query::limit(request)?;
    let after = query::after(request)?;
    StatelessOutcome::at_shard(TaskKind::ListAssets { limit, after })
}

/// Shows the configured assets in the configuration's order, followed by those created by API, ordered by id.
pub(super) async fn list<P: Ports>(
    context: &Context<'_, P>,
    limit: usize,
    after: Option<&AssetId>,
) -> Result<Response, Problem> {
    // One more asset than was asked for tells whether there is a next page.
    let mut assets = assets_behind(context, after, limit + 1).await?;
    let more = assets.len() > limit;
    assets.truncate(limit);
    let next = assets.last().filter(|_| more).map(|asset| asset.id.clone());
    let availabilities = availabilities(context, &assets).await?;
    let view = |(asset, availability)| views::asset(context.config(), asset, availability);
    let views: Vec<_> = assets.iter().map(AsRef::as_ref).zip(&availabilities).map(view).collect();
    Ok(Response::json(200, &json!({ "assets": views, "next": next })))
}

/// Returns the first `count` assets after the asset `after`, or the first of all. The asset `after` may be deleted by
/// now.
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
        // If both have an id, the configuration's asset counts.
        let by_api = page.into_iter().filter(|asset| configured.find(&asset.id).is_none());
        found.extend(by_api.map(Cow::Owned));
        if is_last {
            break;
        }
    }
    Ok(found)
}

/// Shows an asset, and whether a new buyer could have it now.
pub(super) async fn show<P: Ports>(context: &Context<'_, P>, asset: &Asset) -> Result<Response, Problem> {
    let availability = availability(context, asset, None).await?;
    Ok(Response::json(200, &views::asset(context.config(), asset, &availability)))
}

/// Shows whether an asset is free, and what its device does.
pub(super) async fn status<P: Ports>(context: &Context<'_, P>, asset: &Asset) -> Result<Response, Problem> {
    let availability = availability(context, asset, None).await?;
    let status = views::asset_status(&context.deployment().keys, asset, &availability);
    Ok(Response::json(200, &status).no_store())
}

/// Answers `GET /api/v1/assets/{id}/quote` with what a quantity costs. It writes nothing and calls no other system
/// (invariant 8).
pub(super) async fn quote<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: Option<&AssetId>,
) -> Result<StatelessOutcome<'a>, Problem> {
    let asset = named(context, id).await?;
    let asked = query::quantity_to_quote(request)?;
    let quantity = query::priced_quantity(&asset.tariff, asked)?;
    let view = views::quote(context.config(), &asset.tariff, quantity);
    Ok(StatelessOutcome::Answered(Response::json(200, &view)))
}

/// Answers `GET /.well-known/jwks.json`.
pub(super) fn jwks<P: Ports>(context: &Context<'_, P>) -> Response {
    Response::json(200, &grant::jwks(&context.deployment().keys)).with("cache-control", "public, max-age=300")
}

/// Answers whether a sale could be made now, and if not, what is failing.
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
        // The number of devices that have not yet reported to do what they should, at most 100.
        "devicesWaiting": storage.map_or(0, |assets| assets.len()),
    });
    Response::json(if ready { 200 } else { 503 }, &body).no_store()
}
