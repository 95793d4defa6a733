//! Buying a session, and buying more time for one.

use super::catalogue::{asset, asset_id, state_of};
use super::challenge::{UNPAID, challenge};
use super::shard::{PurchaseRequest, StatelessOutcome, TaskKind};
use super::{Context, Problem, Request, Response, query, sale, sessions, views};
use crate::account::Account;
use crate::config::Asset;
use crate::ids::{AssetId, SessionId, StreamId};
use crate::ports::{Claims as _, Ports};
use crate::quote::Operation;
use crate::session::Reject;
use crate::session::index::SessionRecord;
use crate::sign_in::Proven;

/// Answers `GET` and `POST /api/v1/access/{id}` with a 402 that has the price. Payments and sign-ins are left to the
/// shard.
pub(super) async fn access<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: Option<&AssetId>,
) -> Result<StatelessOutcome<'a>, Problem> {
    let id = asset_id(id)?;
    let quantity = query::quantity(request)?;
    let purchase =
        PurchaseRequest { asset: id.clone(), operation: Operation::Access, stream: None, quantity };
    if request.pays() {
        return sale::receive(context, request, purchase).await;
    }
    let asset = asset(context, id).await?;
    if let Some(proven) = sessions::signed_in(context, request)? {
        return StatelessOutcome::at_shard(TaskKind::Access { purchase, asset, proven });
    }
    // What a device cannot deliver is not offered.
    if asset.device.is_some() {
        return StatelessOutcome::at_shard(TaskKind::Price { purchase, asset });
    }
    challenge(context, request, &purchase, &asset, &UNPAID).map(StatelessOutcome::Answered)
}

/// Shows the 402 for an asset with a device, unless the device does not answer or cannot be unlocked.
pub(super) async fn price<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
    purchase: &PurchaseRequest,
    asset: &Asset,
) -> Result<Response, Problem> {
    let state = state_of(context, &StreamId::of_asset(asset.id.clone())).await?;
    if views::is_out_of_order(asset, &state) {
        let now = state.clamped_now(&context.now()).wall;
        return Err(Problem::of_reject(&Reject::unreachable(now), now));
    }
    challenge(context, request, purchase, asset, &UNPAID)
}

/// How many of a payer's latest sessions are searched for one of a shared asset.
const LATEST: u32 = 100;

/// Shows a signed-in wallet its running session, or else the 402. The session is shown once for each proof.
pub(super) async fn session_or_price<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
    purchase: &PurchaseRequest,
    asset: &Asset,
    proven: &Proven,
) -> Result<Response, Problem> {
    let payer = &proven.payer;
    let running = if asset.capacity.is_exclusive() {
        running_alone(context, asset, payer).await?
    } else {
        running_among_others(context, asset, payer).await?
    };
    if let Some(record) = running {
        if !sessions::may_fetch_grant(context, proven).await? {
            return Err(sessions::used_proof(context, request));
        }
        let session = &record.session;
        let body =
            views::granted(context.deployment(), &record, &session.purchase, session.transaction.as_deref());
        let body = body.map_err(|error| context.unwritten(error))?;
        return Ok(Response::json(200, &body).no_store());
    }
    challenge(context, request, purchase, asset, &UNPAID)
}

/// Returns the payer's session of an exclusive asset, if it is running.
async fn running_alone<P: Ports>(
    context: &Context<'_, P>,
    asset: &Asset,
    payer: &Account,
) -> Result<Option<SessionRecord>, Problem> {
    let stream = StreamId::of_asset(asset.id.clone());
    let state = state_of(context, &stream).await?;
    let now = state.clamped_now(&context.now());
    let running = state.session.as_ref().filter(|s| s.payer == *payer && !s.is_over(&now));
    Ok(running.map(|session| views::record_of(&stream, session)))
}

/// Returns the payer's latest running session of a shared asset, from the payer's latest [`LATEST`] sessions.
async fn running_among_others<P: Ports>(
    context: &Context<'_, P>,
    asset: &Asset,
    payer: &Account,
) -> Result<Option<SessionRecord>, Problem> {
    let latest = context.ports().journal().sessions_of(payer, None, LATEST).await;
    let latest = latest.map_err(|error| context.failed(&error))?;
    let now = context.now();
    let is_running =
        |record: &SessionRecord| record.stream.asset() == &asset.id && views::is_active(record, &now);
    Ok(latest.into_iter().find(is_running))
}

/// Reads the session token of `GET` and `POST /api/v1/access/{id}/extend`, and leaves the rest to the shard.
pub(super) async fn extend<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: Option<&AssetId>,
) -> Result<StatelessOutcome<'a>, Problem> {
    let id = asset_id(id)?;
    let asset = if request.pays() { None } else { Some(asset(context, id).await?) };
    let token = sessions::bearer_of(context, request, id)?;
    let quantity = query::quantity(request)?;
    let stream = token.stream();
    let session = token.sub;
    let operation = Operation::Extend { session: session.clone() };
    let purchase = PurchaseRequest { asset: id.clone(), operation, stream: Some(stream.clone()), quantity };
    match asset {
        Some(asset) => StatelessOutcome::at_shard(TaskKind::Extend { purchase, asset, session, stream }),
        None => sale::receive(context, request, purchase).await,
    }
}

/// Shows the 402 for more time, unless the session is over or its device is out of order: then a payment would buy nothing.
pub(super) async fn price_of_more<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
    purchase: &PurchaseRequest,
    asset: &Asset,
    stream: &StreamId,
    session: &SessionId,
) -> Result<Response, Problem> {
    let state = state_of(context, stream).await?;
    let now = state.clamped_now(&context.now());
    if !state.session.as_ref().is_some_and(|s| s.id == *session && !s.is_over(&now)) {
        return Err(Problem::of_reject(&Reject::SessionOver, now.wall));
    }
    if views::is_out_of_order(asset, &state) {
        return Err(Problem::of_reject(&Reject::unreachable(now.wall), now.wall));
    }
    challenge(context, request, purchase, asset, &UNPAID)
}
