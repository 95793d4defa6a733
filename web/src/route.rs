//! The paths of the pages, and which file answers each.

use coinop_core::config::PAGE_PREFIX;
use coinop_core::http::Response;

use crate::api::Api;
use crate::language::Language;
use crate::{asset, kiosk, list, query};

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// `/`: what is for hire, from the asset after this one.
    List { after: Option<String> },
    /// `/p/{id}`: the page of an asset, for a buyer.
    Asset { id: String, quantity: Option<u64> },
    /// `/p/{id}?kiosk`: the same asset, on a screen beside it.
    Kiosk { id: String },
}

impl Page {
    /// Parses a path and its query, both not decoded; `None` if the path names no page.
    ///
    /// Unlike a purchase, a page ignores what it does not know: links in messages carry parameters of others.
    pub(crate) fn parse(path: &str, query: &str) -> Option<Self> {
        if path == "/" {
            let after = query::values(query, "after").next().filter(|after| is_segment(after));
            return Some(Self::List { after: after.map(str::to_owned) });
        }
        let id = path.strip_prefix(PAGE_PREFIX).filter(|id| is_segment(id))?.to_owned();
        if query::values(query, "kiosk").next().is_some() {
            return Some(Self::Kiosk { id });
        }
        let quantity = query::values(query, "quantity").next().and_then(|quantity| quantity.parse().ok());
        Some(Self::Asset { id, quantity })
    }

    /// Asks the API what the page shows, and renders it.
    pub(crate) async fn answer(&self, language: Language, api: &impl Api) -> Response {
        match self {
            Self::List { after } => list::answer(language, api, after.as_deref()).await,
            Self::Asset { id, quantity } => asset::answer(language, api, id, *quantity).await,
            Self::Kiosk { id } => kiosk::answer(language, api, id).await,
        }
    }
}

/// Returns the class under which a host counts a request for this path, in metrics and logs; `None` if it names no page.
#[must_use]
pub fn class(path: &str) -> Option<&'static str> {
    match Page::parse(path, "") {
        Some(Page::List { .. }) => Some("list-page"),
        Some(_) => Some("page"),
        None => path.starts_with("/static/").then_some("static"),
    }
}

/// Returns whether a text can stand in a path as one segment, without being encoded.
fn is_segment(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
