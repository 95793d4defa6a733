//! What stands behind the server.

use crate::guest::{Failure, Pool, Request, Response};

/// What answers the requests that pass the limits.
pub(crate) trait Answer: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, request: Request) -> impl Future<Output = Result<Response, Failure>> + Send;
}

impl Answer for Pool {
    async fn handle(&self, request: Request) -> Result<Response, Failure> {
        Self::handle(self, request).await
    }
}
