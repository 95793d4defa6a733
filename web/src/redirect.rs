//! Sends a browser that asks for the API's purchase to the asset's page.

use coinop_core::http::{Request, Response, Route};

use crate::query;
use crate::site::page_path;

/// The headers with which a program shows that it wants the API's answer.
const OF_PROGRAMS: [&str; 4] = ["payment-signature", "x-payment", "sign-in-with-x", "authorization"];

/// Returns the redirect of a browser that was pointed at `/api/v1/access/{id}`; `None` for every other request.
///
/// A browser asks for HTML first. A program that pays or signs in is never redirected.
#[must_use]
pub fn to_page(request: &Request) -> Option<Response> {
    let has = |name: &str| request.headers.iter().any(|(n, _)| n == name);
    let is_program = request.method != "GET" || OF_PROGRAMS.iter().any(|name| has(name));
    let mut accepted = request.headers.iter().filter(|(name, _)| name == "accept");
    let asks_for_html = accepted.any(|(_, value)| value.trim_start().starts_with("text/html"));
    if is_program || !asks_for_html {
        return None;
    }
    let Some(Route::Access(Some(id))) = Route::parse(&request.path) else { return None };
    let query = request.query.as_deref().unwrap_or_default();
    let quantity = query::values(query, "quantity").find_map(|quantity| quantity.parse::<u64>().ok());
    let mut location = page_path(id.as_str());
    if let Some(quantity) = quantity {
        location.push_str(&format!("?quantity={quantity}"));
    }
    let headers =
        vec![("location", location), ("vary", "accept".to_owned()), ("cache-control", "no-store".to_owned())];
    Some(Response { status: 303, headers, body: Vec::new() })
}
