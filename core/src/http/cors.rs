//! Cross-origin resource sharing (Fetch standard, section 3.3). Web pages of any origin may use the public API, and
//! none may use the owner's.
//!
//! Credentials are never allowed. Without them a browser sends no cookie and no client certificate, so an unknown page
//! can do no more than any other stranger.

use super::Response;
use super::route::{Audience, Route};

/// The response headers that a page may read, in addition to those that it always may.
const EXPOSED: &str = "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, WWW-Authenticate, Retry-After";

/// The request headers that a page may send. The last one is really a response header, but `@x402/fetch` sends it with
/// every payment.
const ALLOWED: &str = "Content-Type, Authorization, PAYMENT-SIGNATURE, X-PAYMENT, SIGN-IN-WITH-X, Access-Control-Expose-Headers";

/// How long a browser may cache a preflight, in seconds: one day.
const MAX_AGE: &str = "86400";

/// Lets web pages read this response, if `method` on `path` belongs to the public API.
///
/// The API's own responses have these headers already. A platform adds them to its own refusals, for example of a body
/// that is too large, because without them a page can't see why it was refused.
#[must_use]
pub fn with_cors(method: &str, path: &str, response: Response) -> Response {
    match Route::parse(path) {
        Some(route) => shared(&route, method, response),
        None => response,
    }
}

/// Lets web pages read the response to `method` on this route, if that belongs to the public API.
pub(super) fn shared(route: &Route, method: &str, response: Response) -> Response {
    if is_public(route) && !is_owners(route, method) { readable(response) } else { response }
}

/// Returns the response to an `OPTIONS` request.
///
/// `wanted` is the method that a browser's preflight asks for. A preflight carries no payment and no key (Fetch
/// standard, "CORS-preflight fetch"), so nothing else has to be read. If a response lets the page in at all, a browser
/// sends a `POST` whatever methods the response allows. A preflight for a method of the owner's therefore lets no page
/// in.
pub(super) fn preflight(route: &Route, wanted: Option<&str>) -> Response {
    let response = Response::no_content().with("allow", route.allow());
    if !is_public(route) || wanted.is_some_and(|wanted| is_owners(route, wanted)) {
        return response;
    }
    let public: Vec<_> = route.methods(Audience::Public).chain(["OPTIONS"]).collect();
    readable(response)
        .with("access-control-allow-methods", public.join(", "))
        .with("access-control-allow-headers", ALLOWED)
        .with("access-control-max-age", MAX_AGE)
}

fn is_public(route: &Route) -> bool {
    route.methods(Audience::Public).next().is_some()
}

fn is_owners(route: &Route, method: &str) -> bool {
    route.action(method).is_some_and(|action| action.audience() == Audience::Merchant)
}

fn readable(response: Response) -> Response {
    response.with("access-control-allow-origin", "*").with("access-control-expose-headers", EXPOSED)
}
