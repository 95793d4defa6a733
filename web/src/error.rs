//! The pages for what is not there, and for what can't be shown now.

use coinop_core::http::Response;

use crate::headers;
use crate::html::Html;
use crate::language::Language;
use crate::show;

/// Says that there is no such asset.
pub(crate) fn missing(language: Language) -> Response {
    page(language, 404, language.text("page.error.missing"), language.text("page.error.missing.why"))
}

/// Says that the gateway can't tell now, and that nothing is lost.
pub(crate) fn later(language: Language) -> Response {
    page(language, 503, language.text("page.error.later"), language.text("page.error.later.why"))
}

fn page(language: Language, status: u16, title: &str, why: &str) -> Response {
    let mut html = Html::document(language.tag());
    show::head(&mut html, title, false);
    html.element("body", &[], |html| {
        html.element("main", &[("id", "main"), ("data-page", "error")], |html| {
            html.text_element("h1", &[], title);
            html.text_element("p", &[], why);
            html.element("p", &[], |html| {
                html.text_element("a", &[("href", "/")], language.text("page.list.title"));
            });
        });
    });
    headers::page(status, html.finish())
}
