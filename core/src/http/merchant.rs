//! What the merchant sees of its sales, with an API key.

use serde_json::{Value, json};

use super::shard::{Page, StatelessOutcome, TaskKind};
use super::{Context, Problem, Request, Response, assets, query, views};
use crate::ids::AssetId;
use crate::ports::{Claims as _, Ports};

/// Checks the key of `GET /api/v1/merchant/sessions`, and reads which page is asked for.
pub(super) fn sessions<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
) -> Result<StatelessOutcome<'a>, Problem> {
    assets::ensure_api_key(context, request)?;
    let asset = query::asset_of_sessions(request)?;
    let page = Page { limit: query::limit(request)?, before: query::before(request)? };
    StatelessOutcome::at_shard(TaskKind::ListSold { asset, page })
}

/// Shows a page of all sessions, or of those of one asset, the latest first. An asset that never was has none.
pub(super) async fn list<P: Ports>(
    context: &Context<'_, P>,
    asset: Option<&AssetId>,
    page: &Page,
) -> Result<Response, Problem> {
    let found = context.ports().journal().sessions(asset, page.before.as_ref(), page.to_read()).await;
    let (records, next) = page.cut(found.map_err(|error| context.failed(&error))?);
    let now = context.now();
    let view = |record| views::session_of_merchant(context.config(), record, &now);
    let sessions: Vec<Value> = records.iter().map(view).collect();
    Ok(Response::json(200, &json!({ "sessions": sessions, "next": next })).no_store())
}
