//! Calls the handler for each request.
//!
//! A handler has two parts. The first runs before any shard is asked, and needs only the request, the configuration and
//! the catalogue. The second runs at the shard. A platform with a single journal runs one right after the other.

use serde_json::json;

use super::headers::WANTED_METHOD;
use super::route::{Action, Route};
use super::shard::{ShardTask, StatelessOutcome, TaskKind};
use super::{Context, Problem, Request, Response};
use super::{access, assets, catalogue, code, cors, merchant, owed, sale, sessions, stop, tick, transaction};
use crate::ports::Ports;

/// Answers a request. It never panics, and its body is always JSON or empty.
pub async fn handle<P: Ports>(context: &Context<'_, P>, request: &Request) -> Response {
    match handle_stateless(context, request).await {
        StatelessOutcome::Answered(response) => response,
        StatelessOutcome::AtShard(task) => at_shard(context, request, task).await,
    }
}

/// Answers a request as far as no journal is needed. It writes nothing, and calls no method of the journal's port.
pub async fn handle_stateless<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
) -> StatelessOutcome<'a> {
    let Some(route) = Route::parse(&request.path) else {
        return StatelessOutcome::Answered(Problem::not_found("path").into());
    };
    if request.method == "OPTIONS" {
        return StatelessOutcome::Answered(cors::preflight(&route, request.values(WANTED_METHOD).next()));
    }
    let before = match route.action(&request.method) {
        Some(action) => prepare(context, request, action).await,
        None => Err(Problem::method_not_allowed(&route.allow())),
    };
    match before.unwrap_or_else(|problem| StatelessOutcome::Answered(problem.into())) {
        StatelessOutcome::Answered(response) => {
            StatelessOutcome::Answered(cors::shared(&route, &request.method, response))
        }
        task @ StatelessOutcome::AtShard(_) => task,
    }
}

/// Answers the rest of a request, where its journal is. `task` is what [`handle_stateless`] left to be done for
/// `request`.
pub async fn at_shard<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
    task: ShardTask<'_>,
) -> Response {
    let response = perform(context, request, task.into_work()).await.unwrap_or_else(Response::from);
    cors::with_cors(&request.method, &request.path, response)
}

/// Runs the part of each handler that needs no journal.
async fn prepare<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    action: Action<'_>,
) -> Result<StatelessOutcome<'a>, Problem> {
    let answered = |response| Ok(StatelessOutcome::Answered(response));
    match action {
        Action::Health => answered(Response::json(200, &json!({ "status": "ok" })).no_store()),
        Action::Ready => StatelessOutcome::at_shard(TaskKind::Ready),
        Action::Keys => answered(catalogue::jwks(context)),
        Action::ListAssets => catalogue::list_assets(request),
        Action::CreateAsset => assets::post_asset(context, request),
        Action::ShowAsset(id) => {
            StatelessOutcome::at_shard(TaskKind::ShowAsset(catalogue::named(context, id).await?))
        }
        Action::ChangeAsset(id) => assets::patch_asset(context, request, id),
        Action::DeleteAsset(id) => assets::remove_asset(context, request, id),
        Action::AssetStatus(id) => {
            StatelessOutcome::at_shard(TaskKind::AssetStatus(catalogue::named(context, id).await?))
        }
        Action::Quote(id) => catalogue::quote(context, request, id).await,
        Action::Access(id) => access::access(context, request, id).await,
        Action::Transaction(id) => transaction::to_start(context, request, id).await,
        Action::UseCode(id) => code::redeem(context, request, id),
        Action::Extend(id) => access::extend(context, request, id).await,
        Action::ExtendTransaction(id) => transaction::to_extend(context, request, id).await,
        Action::SessionStatus(id) => sessions::session_status(context, request, id),
        Action::Stop(id) => stop::stop(context, request, id),
        Action::MakeCode(id) => code::make(context, request, id),
        Action::PayerSessions(address) => sessions::sessions_of_payer(context, request, address),
        Action::MerchantSessions => merchant::sessions(context, request),
        Action::ListOwed => owed::owed(context, request),
        Action::DecideOwed(of) => owed::decide(context, request, of),
        Action::Tick => {
            assets::ensure_api_key(context, request)?;
            StatelessOutcome::at_shard(TaskKind::Tick)
        }
    }
}

/// Runs the part of each handler that needs the journal.
async fn perform<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
    work: TaskKind<'_>,
) -> Result<Response, Problem> {
    match work {
        TaskKind::Ready => Ok(catalogue::ready(context).await),
        TaskKind::ListAssets { limit, after } => catalogue::list(context, limit, after.as_ref()).await,
        TaskKind::CreateAsset(asset) => assets::create(context, asset).await,
        TaskKind::ShowAsset(asset) => catalogue::show(context, &asset).await,
        TaskKind::ChangeAsset { id, patch } => assets::change(context, &id, &patch).await,
        TaskKind::DeleteAsset(id) => assets::delete(context, &id).await,
        TaskKind::AssetStatus(asset) => catalogue::status(context, &asset).await,
        TaskKind::Access { purchase, asset, proven } => {
            access::session_or_price(context, request, &purchase, &asset, &proven).await
        }
        TaskKind::Extend { purchase, asset, session, stream } => {
            access::price_of_more(context, request, &purchase, &asset, &stream, &session).await
        }
        TaskKind::Buy(purchase) => sale::buy(context, request, purchase).await,
        TaskKind::ShowSession(token) => sessions::show(context, &token).await,
        TaskKind::Price { purchase, asset } => access::price(context, request, &purchase, &asset).await,
        TaskKind::Stop(token) => stop::stopped(context, &token).await,
        TaskKind::MakeCode(token) => code::made(context, &token).await,
        TaskKind::UseCode(code) => code::redeemed(context, &code).await,
        TaskKind::ListSessions { proven, page } => sessions::list(context, &proven, &page).await,
        TaskKind::ListSold { asset, page } => merchant::list(context, asset.as_ref(), &page).await,
        TaskKind::ListOwed(page) => owed::list(context, &page).await,
        TaskKind::DecideOwed(decision) => owed::decided(context, &decision).await,
        TaskKind::Tick => tick::run_and_answer(context, context.gateway().run_due()).await,
    }
}
