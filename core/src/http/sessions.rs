//! Sessions, for their buyers.

use serde_json::{Map, Value, json};

use super::shard::{Page, StatelessOutcome, TaskKind};
use super::{Context, Problem, Request, Response, query, views};
use crate::account::Account;
use crate::grant::{self, SessionToken};
use crate::ids::{AssetId, SessionId};
use crate::ports::{Accounts as _, Claims as _, Cursor, Entropy as _, Ports};
use crate::session::index::SessionRecord;
use crate::sign_in::{self, Proven};
use crate::svm::Address;
use crate::x402::SIGN_IN_WITH_X;

/// Returns the claims of the session token that the request carries.
fn bearer<P: Ports>(context: &Context<'_, P>, request: &Request) -> Result<SessionToken, Problem> {
    let deployment = context.deployment();
    let now = context.now().wall;
    let token = request
        .bearer()
        .and_then(|token| grant::session_token(&deployment.keys, &deployment.config.public_url, token, now));
    token.ok_or_else(|| {
        let detail =
            "The session token is missing, invalid or expired. Send the `sessionToken` of this session as \
             `Authorization: Bearer ...`.";
        Problem::new(401, "session_token_required", "Unauthorized", detail)
            .header("www-authenticate", "Bearer")
    })
}

/// Returns the claims of the session token that the request carries, if it is for a session of this asset.
pub(super) fn bearer_of<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
    asset: &AssetId,
) -> Result<SessionToken, Problem> {
    let token = bearer(context, request)?;
    if token.asset == *asset { Ok(token) } else { Err(other_session("asset")) }
}

/// Returns the claims of the session token that the request carries, if it is for the session that a path names.
pub(super) fn bearer_of_session<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
    id: Option<&SessionId>,
) -> Result<SessionToken, Problem> {
    let token = bearer(context, request)?;
    if id == Some(&token.sub) { Ok(token) } else { Err(other_session("session")) }
}

fn other_session(what: &str) -> Problem {
    Problem::new(403, "other_session", "Forbidden", format!("The session token is for another {what}."))
}

/// Reads the session token of `GET /api/v1/sessions/{id}/status`.
pub(super) fn session_status<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: Option<&SessionId>,
) -> Result<StatelessOutcome<'a>, Problem> {
    StatelessOutcome::at_shard(TaskKind::ShowSession(bearer_of_session(context, request, id)?))
}

/// Shows the session of a token.
pub(super) async fn show<P: Ports>(
    context: &Context<'_, P>,
    token: &SessionToken,
) -> Result<Response, Problem> {
    let record = record(context, token).await?;
    Ok(Response::json(200, &view(context, &record).await?).no_store())
}

/// Returns the session of a token. One whose time is over is ended first, so that what is owed of it is known.
pub(super) async fn record<P: Ports>(
    context: &Context<'_, P>,
    token: &SessionToken,
) -> Result<SessionRecord, Problem> {
    let find = || async {
        let record = context.ports().journal().session(&token.sub).await;
        record.map_err(|error| context.failed(&error))?.ok_or_else(|| Problem::not_found("session"))
    };
    let record = find().await?;
    if record.ended || !record.session.is_over(&context.now()) {
        return Ok(record);
    }
    let ended = context.gateway().end_due(&record.stream).await;
    ended.map_err(|error| context.failed(&error))?;
    find().await
}

/// Returns a session as its buyer sees it, with what is owed of it.
pub(super) async fn view<P: Ports>(
    context: &Context<'_, P>,
    record: &SessionRecord,
) -> Result<Value, Problem> {
    let owed = context.ports().journal().owed(&record.session.owed_ids()).await;
    let owed = owed.map_err(|error| context.failed(&error))?;
    Ok(views::session_status(context.config(), record, &owed, &context.now()))
}

/// Returns the wallet that the request proves to have for its path; `None` if it carries no proof.
pub(super) fn signed_in<P: Ports>(
    context: &Context<'_, P>,
    request: &Request,
) -> Result<Option<Proven>, Problem> {
    let mut proofs = request.values(SIGN_IN_WITH_X);
    let Some(header) = proofs.next() else { return Ok(None) };
    if proofs.next().is_some() {
        return Err(sign_in_required(
            context,
            request,
            "The request carries more than one sign-in proof. Send one proof in one `SIGN-IN-WITH-X` header.",
        ));
    }
    let deployment = context.deployment();
    let config = &deployment.config;
    let now = context.now().wall;
    let place = (config.public_url.as_str(), request.path.as_str());
    sign_in::verify(&deployment.keys, place, config.network, now, header)
        .map(Some)
        .map_err(|error| sign_in_required(context, request, error.detail()))
}

/// Uses up a proof, and returns whether it may fetch a grant: whether it has fetched none yet.
pub(super) async fn may_fetch_grant<P: Ports>(
    context: &Context<'_, P>,
    proven: &Proven,
) -> Result<bool, Problem> {
    let used = context.ports().journal().use_proof(proven, context.now().wall).await;
    used.map_err(|error| context.failed(&error))
}

/// Returns the refusal of a proof that has fetched a grant already.
pub(super) fn used_proof<P: Ports>(context: &Context<'_, P>, request: &Request) -> Problem {
    let detail = "The proof has been used. Sign the challenge in `extensions` to see the session again.";
    sign_in_required(context, request, detail)
}

/// Returns a fresh sign-in challenge for `path`, as the `extensions` of a response.
pub(super) fn sign_in_extensions<P: Ports>(
    context: &Context<'_, P>,
    path: &str,
) -> Result<Map<String, Value>, Problem> {
    let deployment = context.deployment();
    let config = &deployment.config;
    let uri = format!("{}{path}", config.public_url);
    let (now, random) = (context.now().wall, context.ports().entropy().random());
    let challenge =
        sign_in::challenge(&deployment.keys, &config.public_url, &uri, config.network, now, random);
    let challenge = challenge.map_err(|error| context.unwritten(error))?;
    let mut extensions = Map::new();
    extensions.insert(sign_in::EXTENSION.to_owned(), challenge);
    Ok(extensions)
}

fn sign_in_required<P: Ports>(context: &Context<'_, P>, request: &Request, detail: &str) -> Problem {
    match sign_in_extensions(context, &request.path) {
        Ok(extensions) => Problem::new(401, "sign_in_required", "Unauthorized", detail)
            .member("extensions", json!(extensions))
            .header("www-authenticate", "SIGN-IN-WITH-X"),
        Err(problem) => problem,
    }
}

/// Checks the sign-in of `GET /api/v1/payers/{address}/sessions`, and reads which page is asked for.
pub(super) fn sessions_of_payer<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    address: Option<&Address>,
) -> Result<StatelessOutcome<'a>, Problem> {
    let payer = Account::from(*address.ok_or_else(|| Problem::not_found("payer"))?);
    let required = "Sign in with this wallet: sign the challenge in `extensions`, and send the proof in the \
         header `SIGN-IN-WITH-X`.";
    let proven = signed_in(context, request)?.ok_or_else(|| sign_in_required(context, request, required))?;
    if proven.payer != payer {
        return Err(sign_in_required(
            context,
            request,
            "The proof is for another wallet. Sign in with the wallet that the path names.",
        ));
    }
    let page = Page { limit: query::limit(request)?, before: query::before(request)? };
    StatelessOutcome::at_shard(TaskKind::ListSessions { proven, page })
}

/// Shows a page of a payer's sessions. Those that run have their tokens, unless the proof has fetched a grant already.
pub(super) async fn list<P: Ports>(
    context: &Context<'_, P>,
    proven: &Proven,
    page: &Page,
) -> Result<Response, Problem> {
    let (payer, before) = (&proven.payer, page.before.as_ref());
    let found = context.ports().journal().sessions_of(payer, before, page.to_read()).await;
    let (records, next) = page.cut(found.map_err(|error| context.failed(&error))?);
    let now = context.now();
    let some_run = records.iter().any(|record| views::is_active(record, &now));
    let with_tokens = some_run && may_fetch_grant(context, proven).await?;
    let mut sessions = Vec::with_capacity(records.len());
    for record in &records {
        let mut view = view(context, record).await?;
        if with_tokens && views::is_active(record, &now) {
            views::add_tokens(context.deployment(), record, &mut view)
                .map_err(|error| context.unwritten(error))?;
        }
        sessions.push(view);
    }
    Ok(Response::json(200, &json!({ "sessions": sessions, "next": next })).no_store())
}

impl Page {
    /// Returns how many sessions to read: one more than the page has, which tells whether there is a next page.
    pub(super) fn to_read(&self) -> u32 {
        u32::try_from(self.limit + 1).unwrap_or(u32::MAX)
    }

    /// Returns the page's sessions of those that were read, and the cursor of the next page, if there is one.
    pub(super) fn cut(&self, mut read: Vec<SessionRecord>) -> (Vec<SessionRecord>, Option<String>) {
        let more = read.len() > self.limit;
        read.truncate(self.limit);
        let next = read.last().filter(|_| more).map(|record| {
            query::cursor(&Cursor { starts: record.session.starts_at, session: record.session.id.clone() })
        });
        (read, next)
    }
}
