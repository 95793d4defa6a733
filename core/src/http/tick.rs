//! Carrying out what is due, for whoever has an API key: where nobody calls between
//! requests, something outside has to.

use serde_json::json;

use super::{Problem, Request, Response};
use crate::gateway::Gateway;
use crate::ports::{PortError, Ports};
use crate::time::Timestamp;

impl<P: Ports> Gateway<'_, P> {
    /// `POST /api/v1/tick`: ends what is over and looks after payments, within the bounds
    /// of one step. A device's order is worked out anew by whoever works it, so none is
    /// lost here.
    pub(super) async fn tick(&self, request: &Request) -> Result<Response, Problem> {
        let carry_out = async {
            let ended = self.step(false, Vec::new()).await;
            let settled = self.settle_due().await;
            Ok([ended?.next, settled?].into_iter().flatten().min())
        };
        self.tick_by(request, carry_out).await
    }

    /// The same where what is due is carried out in another way, which says when it wants to
    /// be called again.
    ///
    /// # Errors
    /// Without an API key, or when it fails.
    pub async fn tick_by(
        &self,
        request: &Request,
        carry_out: impl Future<Output = Result<Option<Timestamp>, PortError>>,
    ) -> Result<Response, Problem> {
        self.must_have_api_key(request)?;
        let next = carry_out.await.map_err(|error| self.failed(&error))?;
        Ok(Response::json(200, &json!({ "next": next.map(|at| at.to_string()) })).no_store())
    }
}
