//! Stopping a session before its paid end.

use serde_json::json;

use super::shard::{StatelessOutcome, TaskKind};
use super::{Context, Problem, Request, Response, sessions};
use crate::gateway::CommandError;
use crate::grant::SessionToken;
use crate::ids::SessionId;
use crate::ports::{Clock as _, Ports};

/// How long a request waits until the device is locked, in milliseconds: in all, and between two looks.
const WAIT_MS: (u64, u64) = (2_000, 100);

/// Reads the session token of `POST /api/v1/sessions/{id}/stop`.
pub(super) fn stop<'a, P: Ports>(
    context: &Context<'a, P>,
    request: &Request,
    id: Option<&SessionId>,
) -> Result<StatelessOutcome<'a>, Problem> {
    StatelessOutcome::at_shard(TaskKind::Stop(sessions::bearer_of_session(context, request, id)?))
}

/// Stops a session, and shows what was earned and what is owed: 200 once the device says that it is locked, and 202 before.
///
/// A session that is over is shown as it is, so that the request can be repeated.
pub(super) async fn stopped<P: Ports>(
    context: &Context<'_, P>,
    token: &SessionToken,
) -> Result<Response, Problem> {
    let stream = token.stream();
    let mut record = sessions::record(context, token).await?;
    if !record.ended {
        let ordered = context.gateway().stop(&stream, &token.sub).await;
        match ordered {
            Ok(()) | Err(CommandError::Conflict) => {}
            Err(CommandError::Rejected(reject)) => {
                return Err(Problem::of_reject(&reject, context.now().wall));
            }
            Err(CommandError::Port(error)) => return Err(context.failed(&error)),
        }
        let started = context.now().wall;
        loop {
            record = sessions::record(context, token).await?;
            if record.ended || context.now().wall.millis_since(started) >= WAIT_MS.0 {
                break;
            }
            context.ports().clock().sleep(WAIT_MS.1).await;
        }
    }
    let view = sessions::view(context, &record).await?;
    if record.ended {
        return Ok(Response::json(200, &view).no_store());
    }
    let detail =
        "The device is being locked. Time counts until it says that it is. Ask again, or look at the status.";
    let mut body = view;
    if let Some(members) = body.as_object_mut() {
        members.insert("detail".to_owned(), json!(detail));
    }
    Ok(Response::json(202, &body).no_store().with("retry-after", "1"))
}
