//! Which request goes where.

use serde_json::json;

use super::{Problem, Request, Response};
use crate::gateway::Gateway;
use crate::ports::{PortError, Ports};

impl<P: Ports> Gateway<'_, P> {
    /// Answers a request. Never panics, and never answers with anything but JSON.
    pub async fn handle(&self, request: &Request) -> Response {
        self.route(request).await.unwrap_or_else(Response::from)
    }

    async fn route(&self, request: &Request) -> Result<Response, Problem> {
        let segments: Vec<&str> = request.path.split('/').skip(1).collect();
        let path = match segments.as_slice() {
            ["api", "v1", rest @ ..] => rest,
            _ => &[],
        };
        let read = matches!(request.method.as_str(), "GET" | "HEAD");
        let buy = matches!(request.method.as_str(), "GET" | "POST");
        let allowed = match (segments.as_slice(), path) {
            (["health"], _) if read => return Ok(Response::json(200, &json!({ "status": "ok" })).no_store()),
            (["ready"], _) if read => return Ok(self.ready().await),
            ([".well-known", "jwks.json"], _) if read => return Ok(self.jwks()),
            (_, ["assets"]) if read => return self.list_assets(request).await,
            (_, ["assets"]) if request.method == "POST" => return self.post_asset(request).await,
            (_, ["assets", id]) if read => return self.show_asset(id).await,
            (_, ["assets", id]) if request.method == "PATCH" => return self.patch_asset(request, id).await,
            (_, ["assets", id]) if request.method == "DELETE" => return self.remove_asset(request, id).await,
            (_, ["assets", id, "status"]) if read => return self.asset_status(id).await,
            (_, ["access", id]) if buy => return self.access(request, id).await,
            (_, ["access", id, "extend"]) if buy => return self.extend(request, id).await,
            (_, ["sessions", id, "status"]) if read => return self.session_status(request, id).await,
            (_, ["payers", address, "sessions"]) if read => {
                return self.sessions_of_payer(request, address).await;
            }
            (_, ["tick"]) if request.method == "POST" => return self.tick(request).await,
            (_, ["access", _] | ["access", _, "extend"]) => "GET, POST",
            (_, ["assets"]) => "GET, HEAD, POST",
            (_, ["assets", _]) => "GET, HEAD, PATCH, DELETE",
            (_, ["tick"]) => "POST",
            (["health"] | ["ready"] | [".well-known", "jwks.json"], _)
            | (_, ["assets", _, "status"] | ["sessions", _, "status"] | ["payers", _, "sessions"]) => {
                "GET, HEAD"
            }
            _ => return Err(Problem::not_found("path")),
        };
        Err(Problem::new(405, "method_not_allowed", "Method not allowed", format!("use {allowed}"))
            .header("allow", allowed))
    }

    /// Tells the operator what is wrong and the caller that it is not their fault.
    pub(super) fn failed(&self, error: &PortError) -> Problem {
        self.ports().log(&error.0);
        Problem::unavailable()
    }
}
