//! The page for a screen beside the machine: a code to scan, and whether the machine is free.

use coinop_core::http::Response;
use serde_json::Value;

use crate::api::Api;
use crate::html::Html;
use crate::language::Language;
use crate::site::Site;
use crate::{error, headers, names, qr, show};

/// Answers with the screen.
pub(crate) async fn answer(language: Language, api: &impl Api, id: &str) -> Response {
    let path = format!("/api/v1/assets/{id}");
    match api.get(&path, None).await {
        Ok(asset) => {
            let status = api.get(&format!("{path}/status"), None).await.ok();
            page(language, &asset, status.as_ref())
        }
        Err(why) => error::page(language, why),
    }
}

/// Renders the screen from the API's answers.
fn page(language: Language, asset: &Value, status: Option<&Value>) -> Response {
    let site = Site::of(asset);
    let name = show::text(asset, "/name");
    let mut html = Html::document(language.tag());
    show::head(&mut html, name, Some(names::KIOSK));
    html.element("body", &[], |html| {
        html.element("main", &[("id", "main"), ("data-page", "kiosk")], |html| {
            html.text_element("h1", &[], name);
            html.text_element("p", &[("class", "price")], &show::unit_price(language, asset));
            show::state(html, language, asset, status);
            show::device(html, language, status);
            // A gateway that can't tell whether the machine is free must not invite anyone to pay.
            if let Some(status) = status {
                html.element("figure", &[("class", "scan")], |html| {
                    if let Some(code) = qr::svg(site.page) {
                        html.drawing(&code);
                    }
                    html.text_element("figcaption", &[], language.text("page.kiosk.scan"));
                });
                check(html, language, status);
            }
            show::place(html, language, "page.kiosk.where", site.host, show::text(asset, "/id"));
        });
        html.data("data", &data(language, asset, status));
    });
    headers::page(200, html.finish())
}

/// Writes the code that the phone shows too.
fn check(html: &mut Html, language: Language, status: &Value) {
    html.element("p", &[("id", "check"), ("class", "check")], |html| {
        show::phrase(html, language, "page.kiosk.code", |html, _code| {
            html.text_element("strong", &[], show::text(status, "/checkCode"));
        });
    });
}

/// Returns what the script needs.
fn data(language: Language, asset: &Value, status: Option<&Value>) -> Value {
    serde_json::json!({
        "lang": language.tag(),
        "page": Site::of(asset).page,
        "api": "/api/v1",
        "asset": asset,
        "status": status,
        "strings": language.of_script(),
    })
}
