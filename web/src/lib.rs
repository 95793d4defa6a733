//! Coinop's pages for people.
//!
//! A page is rendered by a pure function from the API's own answers, so that it shows nothing that a program could not
//! read too. [`answer`] asks for those answers and renders; a platform says how the API is asked.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod api;
mod asset;
mod error;
#[cfg(feature = "files")]
mod files;
mod headers;
mod html;
mod kiosk;
mod language;
mod list;
mod names;
mod qr;
mod query;
mod redirect;
mod route;
mod show;
mod site;
mod wallets;

#[cfg(test)]
mod tests;

use coinop_core::http::{Problem, Request, Response};

#[cfg(feature = "files")]
pub use files::file;
pub use html::escaped;
pub use qr::svg;
pub use redirect::to_page;
use route::Page;
pub use route::class;

/// The request headers that the pages read. Static files have headers of their own.
pub const HEADERS: &[&str] = &["accept", "accept-language"];

/// The methods that pages and static files take.
const METHODS: &str = "GET, HEAD";

/// Answers a request for a page; `None` if the path names none.
///
/// `api` answers a request to the API, as if a client had sent it.
pub async fn answer<F, A>(request: &Request, api: F) -> Option<Response>
where
    F: Fn(Request) -> A,
    A: Future<Output = Response>,
{
    let page = Page::parse(&request.path, request.query.as_deref().unwrap_or_default())?;
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Some(Problem::method_not_allowed(METHODS).into());
    }
    Some(page.answer(language::Language::of(request), &api).await)
}
