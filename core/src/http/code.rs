//! One-time codes, with which a buyer goes on with a session on another device.

use serde::Deserialize;
use serde_json::json;

use super::catalogue::{asset_id, state_of};
use super::one_time_code::OneTimeCode;
use super::shard::{StatelessOutcome, TaskKind};
use super::{Context, Problem, Request, Response, query, sessions, views};
use crate::gateway::CommandError;
use crate::grant::SessionToken;
use crate::ids::{AssetId, SessionId};
use crate::ports::Ports;
use crate::session::Reject;

/// How long a code works, in seconds.
const LIFETIME_SECONDS: u64 = 120;

/// The body of a request that uses a code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    code: String,
}

/// Reads the session token of `POST /api/v1/sessions/{id}/code`.
pub(super) fn make<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: Option<&SessionId>,
) -> Result<StatelessOutcome<'a>, Problem> {
    let token = sessions::bearer_of_session(context, request, id)?;
    StatelessOutcome::at_shard(TaskKind::MakeCode(token))
}

/// Makes a code for a running session.
pub(super) async fn made<P: Ports>(
    context: &Context<'_, P>,
    token: &SessionToken,
) -> Result<Response, Problem> {
    let stream = token.stream();
    let state = state_of(context, &stream).await?;
    let now = state.clamped_now(&context.now());
    let running = state.session.as_ref().filter(|session| session.id == token.sub && !session.is_over(&now));
    let running = running.ok_or_else(|| Problem::of_reject(&Reject::SessionOver, now.wall))?;
    running.ensure_code_left().map_err(|reject| Problem::of_reject(&reject, now.wall))?;
    let expires_at = now.wall.plus_seconds(LIFETIME_SECONDS);
    let code = OneTimeCode { stream, session: token.sub.clone(), used: running.codes_used };
    let text = code.seal(&context.deployment().keys, expires_at);
    let text = text.map_err(|error| context.unwritten(error))?;
    let body = json!({ "code": text, "expiresAt": expires_at.to_string() });
    Ok(Response::json(200, &body).no_store())
}

/// Reads the code of `POST /api/v1/access/{id}/code`.
pub(super) fn redeem<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: Option<&AssetId>,
) -> Result<StatelessOutcome<'a>, Problem> {
    let id = asset_id(id)?;
    query::no_parameters(request)?;
    let shown: Shown = query::body(request, r#"{"code": "..."}"#)?;
    let code = OneTimeCode::open(&context.deployment().keys, id, &shown.code, context.now().wall);
    StatelessOutcome::at_shard(TaskKind::UseCode(code.ok_or_else(Problem::invalid_code)?))
}

/// Uses a code, and shows the session as its buyer gets it.
pub(super) async fn redeemed<P: Ports>(
    context: &Context<'_, P>,
    code: &OneTimeCode,
) -> Result<Response, Problem> {
    let used = context.gateway().use_code(&code.stream, &code.session, code.used).await;
    let session = used.map_err(|error| match error {
        CommandError::Rejected(reject) => Problem::of_reject(&reject, context.now().wall),
        CommandError::Conflict => Problem::unavailable(),
        CommandError::Port(error) => context.failed(&error),
    })?;
    let record = views::record_of(&code.stream, &session);
    let body =
        views::granted(context.deployment(), &record, &session.purchase, session.transaction.as_deref());
    let body = body.map_err(|error| context.unwritten(error))?;
    Ok(Response::json(200, &body).no_store())
}
