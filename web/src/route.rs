//! The paths of the pages, and what each asks of the API.

use coinop_core::http::{Request, Response};
use serde_json::Value;

use crate::language::Language;
use crate::{asset, error, kiosk, list, query};

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

/// The status and the body of an answer of the API.
pub(crate) type Answer = (u16, Value);

impl Page {
    /// Parses a path and its query, both not decoded; `None` if the path names no page.
    ///
    /// Unlike a purchase, a page ignores what it does not know: links in messages carry parameters of others.
    pub(crate) fn parse(path: &str, query: &str) -> Option<Self> {
        if path == "/" {
            let after = query::values(query, "after").next().filter(|after| is_segment(after));
            return Some(Self::List { after: after.map(str::to_owned) });
        }
        let id = path.strip_prefix("/p/").filter(|id| is_segment(id))?.to_owned();
        if query::values(query, "kiosk").next().is_some() {
            return Some(Self::Kiosk { id });
        }
        let quantity = query::values(query, "quantity").next().and_then(|quantity| quantity.parse().ok());
        Some(Self::Asset { id, quantity })
    }

    /// Returns what the page needs of the API, in the order in which [`Self::render`] takes the answers.
    pub(crate) fn questions(&self) -> Vec<Request> {
        let get = |path: String, query: Option<String>| Request {
            method: "GET".to_owned(),
            path,
            query,
            ..Request::default()
        };
        match self {
            Self::List { after } => {
                let query = after.as_ref().map(|after| format!("after={after}"));
                vec![get("/api/v1/assets".to_owned(), query)]
            }
            Self::Asset { id, quantity } => {
                let quote = |quantity| {
                    get(format!("/api/v1/assets/{id}/quote"), Some(format!("quantity={quantity}")))
                };
                let mut questions = vec![
                    get(format!("/api/v1/assets/{id}"), None),
                    get(format!("/api/v1/assets/{id}/status"), None),
                ];
                questions.extend(quantity.map(quote));
                questions
            }
            Self::Kiosk { id } => vec![
                get(format!("/api/v1/assets/{id}"), None),
                get(format!("/api/v1/assets/{id}/status"), None),
            ],
        }
    }

    /// Renders the page from the API's answers to [`Self::questions`].
    pub(crate) fn render(&self, language: Language, answers: &[Answer]) -> Response {
        match (self, answers) {
            (Self::List { .. }, [(200, assets)]) => list::page(language, assets),
            (Self::Asset { .. }, [(200, asset), status, quote]) => {
                asset::page(language, asset, body(status), body(quote))
            }
            // Whoever has not chosen yet is offered the first preset, which is a quote too.
            (Self::Asset { .. }, [(200, asset), status]) => {
                asset::page(language, asset, body(status), asset.pointer("/tariff/presets/0"))
            }
            (Self::Kiosk { .. }, [(200, asset), status]) => kiosk::page(language, asset, body(status)),
            (_, [(404, _), ..]) => error::missing(language),
            _ => error::later(language),
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

/// Returns the body of a good answer.
fn body(answer: &Answer) -> Option<&Value> {
    let (status, body) = answer;
    (*status == 200).then_some(body)
}

/// Returns whether a text can stand in a path as one segment, without being encoded.
fn is_segment(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
