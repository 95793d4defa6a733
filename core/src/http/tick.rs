//! The API's request to carry out what is due, for callers with an API key. On a platform where nothing runs between
//! requests, something outside has to send it.

use serde_json::json;

use super::{Context, Problem, Response};
use crate::ports::{PortError, Ports};

/// Answers `POST /api/v1/tick` on a platform that carries out what is due in its own way. The caller has shown an API
/// key.
///
/// `run_due` returns whether there is more to do.
pub async fn tick<P: Ports>(
    context: &Context<'_, P>,
    run_due: impl Future<Output = Result<bool, PortError>>,
) -> Response {
    run_and_answer(context, run_due).await.unwrap_or_else(Response::from)
}

/// Ends what is over and looks after payments, within the bounds of one step.
///
/// It returns no desired states of devices: the host of a device asks for them itself.
pub(super) async fn run_and_answer<P: Ports>(
    context: &Context<'_, P>,
    run_due: impl Future<Output = Result<bool, PortError>>,
) -> Result<Response, Problem> {
    let next = async {
        let more = run_due.await?;
        // This comes after the work, because a session that has just been paid for has an end too.
        if more { Ok(Some(context.now().wall)) } else { context.gateway().next_due().await }
    };
    let next = next.await.map_err(|error| context.failed(&error))?;
    Ok(Response::json(200, &json!({ "next": next.map(|at| at.to_string()) })).no_store())
}
