//! Carrying out what is due, for whoever has an API key: where nobody calls between
//! requests, something outside has to.

use serde_json::json;

use super::{Problem, Request, Response};
use crate::gateway::Gateway;
use crate::ports::Ports;

impl<P: Ports> Gateway<'_, P> {
    /// `POST /api/v1/tick`: ends what is over and looks after payments, within the bounds
    /// of one step. A device's order is worked out anew by whoever works it, so none is
    /// lost here.
    pub(super) async fn tick(&self, request: &Request) -> Result<Response, Problem> {
        self.must_have_api_key(request)?;
        let ended = self.step(false, Vec::new()).await;
        let settled = self.settle_due().await;
        let ended = ended.map_err(|error| self.failed(&error))?;
        let settled = settled.map_err(|error| self.failed(&error))?;
        let next = [ended.next, settled].into_iter().flatten().min();
        Ok(Response::json(200, &json!({ "next": next.map(|at| at.to_string()) })).no_store())
    }
}
