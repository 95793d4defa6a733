//! Which request goes where.

use serde_json::json;

use super::methods::{Methods, options, segments};
use super::{Problem, Request, Response, WANTED_METHOD, with_cors};
use crate::gateway::Gateway;
use crate::ports::{PortError, Ports};

impl<P: Ports> Gateway<'_, P> {
    /// Answers a request. Never panics, and never answers with anything but JSON.
    pub async fn handle(&self, request: &Request) -> Response {
        if request.method == "OPTIONS" {
            let wanted = request.values(WANTED_METHOD).next();
            return options(&request.path, wanted).unwrap_or_else(|| Problem::not_found("path").into());
        }
        let response = self.route(request).await.unwrap_or_else(Response::from);
        with_cors(&request.method, &request.path, response)
    }

    async fn route(&self, request: &Request) -> Result<Response, Problem> {
        let segments = segments(&request.path);
        let path = match segments.as_slice() {
            ["api", "v1", rest @ ..] => rest,
            _ => &[],
        };
        let read = matches!(request.method.as_str(), "GET" | "HEAD");
        let buy = matches!(request.method.as_str(), "GET" | "POST");
        match (segments.as_slice(), path) {
            (["health"], _) if read => Ok(Response::json(200, &json!({ "status": "ok" })).no_store()),
            (["ready"], _) if read => Ok(self.ready().await),
            ([".well-known", "jwks.json"], _) if read => Ok(self.jwks()),
            (_, ["assets"]) if read => self.list_assets(request).await,
            (_, ["assets"]) if request.method == "POST" => self.post_asset(request).await,
            (_, ["assets", id]) if read => self.show_asset(id).await,
            (_, ["assets", id]) if request.method == "PATCH" => self.patch_asset(request, id).await,
            (_, ["assets", id]) if request.method == "DELETE" => self.remove_asset(request, id).await,
            (_, ["assets", id, "status"]) if read => self.asset_status(id).await,
            (_, ["access", id]) if buy => self.access(request, id).await,
            (_, ["access", id, "extend"]) if buy => self.extend(request, id).await,
            (_, ["sessions", id, "status"]) if read => self.session_status(request, id).await,
            (_, ["payers", address, "sessions"]) if read => self.sessions_of_payer(request, address).await,
            (_, ["tick"]) if request.method == "POST" => self.tick(request).await,
            _ => Err(not_allowed(&request.path)),
        }
    }

    /// Tells the operator what is wrong and the caller that it is not their fault.
    pub(super) fn failed(&self, error: &PortError) -> Problem {
        self.ports().log(&error.to_string());
        Problem::unavailable()
    }
}

/// Says which methods a path takes, or that there is no such path.
fn not_allowed(path: &str) -> Problem {
    let Some(methods) = Methods::of(path) else { return Problem::not_found("path") };
    let allowed = methods.allow();
    Problem::new(405, "method_not_allowed", "Method not allowed", format!("use {allowed}"))
        .header("allow", allowed)
}
