//! Cross-origin resource sharing (Fetch standard, section 3.3): web pages of any origin may
//! use the public API, and none may use the owner's.
//!
//! Credentials are never allowed. Without them a browser sends no cookie and no client
//! certificate, so a strange page can do no more than any other stranger.

use super::Response;
use super::methods::Methods;

/// The response headers that a page may read, besides those that it always may.
const EXPOSED: &str = "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, WWW-Authenticate, Retry-After";

/// The request headers that a page may send. The last is a response header by right, but
/// `@x402/fetch` sends it with each payment.
const ALLOWED: &str = "Content-Type, Authorization, PAYMENT-SIGNATURE, X-PAYMENT, SIGN-IN-WITH-X, Access-Control-Expose-Headers";

/// How long a browser may remember a preflight, in seconds: a day.
const MAX_AGE: &str = "86400";

/// Lets web pages read this answer, if `method` on `path` belongs to the public API.
///
/// The router does this for what it answers. A platform does it for its own refusals, such
/// as a body that is too large: without these headers a page learns nothing of a refusal.
#[must_use]
pub fn with_cors(method: &str, path: &str, response: Response) -> Response {
    match Methods::of(path) {
        Some(methods) if !methods.public.is_empty() && !methods.owner.contains(&method) => readable(response),
        _ => response,
    }
}

/// Adds to the answer to `OPTIONS` which methods and headers a page may use, if any.
pub(super) fn preflight(methods: Methods, response: Response) -> Response {
    if methods.public.is_empty() {
        return response;
    }
    let public = [methods.public, &["OPTIONS"]].concat().join(", ");
    readable(response)
        .with("access-control-allow-methods", public)
        .with("access-control-allow-headers", ALLOWED)
        .with("access-control-max-age", MAX_AGE)
}

fn readable(response: Response) -> Response {
    response.with("access-control-allow-origin", "*").with("access-control-expose-headers", EXPOSED)
}
