//! What is owed to buyers, for the merchant with an API key.

use serde::Deserialize;
use serde_json::{Value, json};

use super::shard::{OwedDecision, OwedPage, StatelessOutcome, TaskKind};
use super::{Context, Problem, Request, Response, assets, query, views};
use crate::gateway::{DecideError, decide_about};
use crate::ids::{OwedId, StreamId};
use crate::ports::{Claims as _, OwedCursor, Ports};
use crate::session::{Decision, NOTE_BYTES, is_note};

/// The JSON body of a decision.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    decision: String,
    #[serde(default, deserialize_with = "query::present")]
    note: Option<String>,
}

/// Checks the key of `GET /api/v1/merchant/owed`, and reads which page is asked for.
pub(super) fn owed<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
) -> Result<StatelessOutcome<'a>, Problem> {
    assets::ensure_api_key(context, request)?;
    let page = OwedPage {
        is_open: query::wants_open(request)?,
        limit: query::limit(request)?,
        before: query::before_owed(request)?,
    };
    StatelessOutcome::at_shard(TaskKind::ListOwed(page))
}

/// Shows a page of what is owed or was, the latest first.
pub(super) async fn list<P: Ports>(context: &Context<'_, P>, page: &OwedPage) -> Result<Response, Problem> {
    let to_read = u32::try_from(page.limit + 1).unwrap_or(u32::MAX);
    let found = context.ports().journal().all_owed(page.is_open, page.before.as_ref(), to_read).await;
    let mut records = found.map_err(|error| context.failed(&error))?;
    let more = records.len() > page.limit;
    records.truncate(page.limit);
    let next = records
        .last()
        .filter(|_| more)
        .map(|record| query::owed_cursor(&OwedCursor { at: record.owed.at, id: record.owed.id.clone() }));
    let view = |record| views::owed_of_merchant(context.config(), record);
    let owed: Vec<Value> = records.iter().map(view).collect();
    Ok(Response::json(200, &json!({ "owed": owed, "next": next })).no_store())
}

/// Checks the key of `POST /api/v1/merchant/owed/...`, and reads what the owner says.
pub(super) fn decide<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    of: Option<(&StreamId, &OwedId)>,
) -> Result<StatelessOutcome<'a>, Problem> {
    assets::ensure_api_key(context, request)?;
    query::no_parameters(request)?;
    let (stream, id) = of.ok_or_else(nothing_owed)?;
    let body: DecisionBody = query::body(request, "{\"decision\": \"refunded\", \"note\": \"...\"}")?;
    let decision = Decision::from_name(&body.decision).ok_or_else(|| {
        let detail = "`decision` must be `owed`, `not_owed` or `refunded`. Nothing was changed.";
        Problem::malformed("invalid_decision", detail)
    })?;
    let note = body.note.filter(|note| !note.is_empty());
    if note.as_ref().is_some_and(|note| !is_note(note)) {
        let detail = format!("`note` must be one line of at most {NOTE_BYTES} bytes. Nothing was changed.");
        return Err(Problem::malformed("invalid_note", detail));
    }
    let said = OwedDecision { stream: stream.clone(), id: id.clone(), decision, note };
    StatelessOutcome::at_shard(TaskKind::DecideOwed(said))
}

/// Writes down what the owner says, and shows the entry after it.
pub(super) async fn decided<P: Ports>(
    context: &Context<'_, P>,
    decision: &OwedDecision,
) -> Result<Response, Problem> {
    let OwedDecision { stream, id, .. } = decision;
    let said = (decision.decision, decision.note.as_deref());
    let decided = decide_about(context.ports().journal(), stream, id, said, &context.now()).await;
    match decided {
        Ok(Some(record)) => {
            let view = views::owed_of_merchant(context.config(), &record);
            Ok(Response::json(200, &view).no_store())
        }
        Ok(None) => Err(nothing_owed()),
        Err(DecideError::AlreadyDecided) => Err(Problem::conflict(
            "already_decided",
            "Something else was decided about this money before, and stays so. Nothing was changed. Look at its status.",
        )),
        Err(DecideError::Contended) => Err(Problem::conflict(
            "contended",
            "Others are writing to this asset. Nothing was changed. Try again.",
        )),
        Err(DecideError::Port(error)) => Err(context.failed(&error)),
    }
}

/// Returns a 404: nothing is owed there.
fn nothing_owed() -> Problem {
    Problem::not_found("entry of what is owed")
}
