//! Carrying out what is due, for whoever has an API key: where nobody calls between
//! requests, something outside has to.

use serde_json::json;

use super::{Context, Problem, Response};
use crate::ports::{PortError, Ports};

/// Answers `POST /api/v1/tick` where what is due is carried out in a way of the platform's own. The caller has shown an
/// API key.
///
/// `carry_out` says whether there is more of it.
pub async fn tick<P: Ports>(
    context: &Context<'_, P>,
    carry_out: impl Future<Output = Result<bool, PortError>>,
) -> Response {
    ticked(context, carry_out).await.unwrap_or_else(Response::from)
}

/// Ends what is over and looks after payments, within the bounds of one step. A device's
/// order is worked out anew by whoever works it, so none is lost here.
pub(super) async fn ticked<P: Ports>(
    context: &Context<'_, P>,
    carry_out: impl Future<Output = Result<bool, PortError>>,
) -> Result<Response, Problem> {
    let next = async {
        let more = carry_out.await?;
        // Afterwards: what has just landed ends too.
        if more { Ok(Some(context.now().wall)) } else { context.gateway().next_due().await }
    };
    let next = next.await.map_err(|error| context.failed(&error))?;
    Ok(Response::json(200, &json!({ "next": next.map(|at| at.to_string()) })).no_store())
}
