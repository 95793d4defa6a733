//! The page at `/`: what is for hire.

use coinop_core::http::Response;
use serde_json::Value;

use crate::api::{Api, Unanswered};
use crate::html::Html;
use crate::language::Language;
use crate::show::Condition;
use crate::site::page_path;
use crate::{error, headers, show};

/// The catalogue's path in the API.
const ASSETS: &str = "/api/v1/assets";

/// Answers with the page of the catalogue that follows the asset `after`, or with the first one.
///
/// An address that was shortened or typed may hold a cursor that the API does not take. It leads to the first page.
pub(crate) async fn answer(language: Language, api: &impl Api, after: Option<&str>) -> Response {
    let first = || api.get(ASSETS, None);
    let assets = match after {
        None => first().await,
        Some(after) => match api.get(ASSETS, Some(format!("after={after}"))).await {
            Err(Unanswered::Malformed) => first().await,
            answered => answered,
        },
    };
    assets.map_or_else(|why| error::page(language, why), |assets| page(language, &assets))
}

/// Renders a page of the catalogue.
fn page(language: Language, answer: &Value) -> Response {
    let assets = answer.get("assets").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let next = show::text(answer, "/next");
    let mut html = Html::document(language.tag());
    show::head(&mut html, language.text("page.list.title"), None);
    html.element("body", &[], |html| {
        html.element("main", &[("id", "main"), ("data-page", "list")], |html| {
            html.text_element("h1", &[], language.text("page.list.title"));
            if assets.is_empty() {
                html.text_element("p", &[], language.text("page.list.empty"));
            }
            html.element("ul", &[("class", "assets")], |html| {
                for asset in assets {
                    html.element("li", &[], |html| card(html, language, asset));
                }
            });
            if !next.is_empty() {
                let target = format!("/?after={next}");
                let attributes = [("class", "button"), ("href", target.as_str())];
                html.text_element("a", &attributes, language.text("page.list.next"));
            }
        });
    });
    headers::page(200, html.finish())
}

/// Writes the link to an asset, with its name, its price and whether it is free.
fn card(html: &mut Html, language: Language, asset: &Value) {
    let target = page_path(show::text(asset, "/id"));
    html.element("a", &[("href", &target)], |html| {
        html.text_element("h2", &[], show::text(asset, "/name"));
        html.text_element("p", &[("class", "price")], &show::unit_price(language, asset));
        // The catalogue says that an asset can't be had, and not whether a session or a payment has it.
        let (name, key) = match show::condition(asset, Some(asset)) {
            Condition::Taken | Condition::Paying => (Condition::Taken.name(), "page.state.busy".to_owned()),
            condition => (condition.name(), condition.key()),
        };
        html.text_element("p", &[("class", "state"), ("data-state", name)], language.text(&key));
    });
}
