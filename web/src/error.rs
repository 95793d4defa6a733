//! The pages for what is not there, and for what can't be shown now.

use coinop_core::http::Response;

use crate::api::Unanswered;
use crate::headers;
use crate::html::Html;
use crate::language::Language;
use crate::show;

/// How long a browser waits before it asks again for a page that can't be shown now, in seconds. A screen at a machine has
/// nobody who does.
const AGAIN: &str = "10";

/// Says why there is nothing to show, and that nothing is lost.
pub(crate) fn page(language: Language, why: Unanswered) -> Response {
    let (status, title, why) = match why {
        Unanswered::Missing => (404, "page.error.missing", "page.error.missing.why"),
        Unanswered::Malformed | Unanswered::Later => (503, "page.error.later", "page.error.later.why"),
    };
    let (title, why) = (language.text(title), language.text(why));
    let mut html = Html::document(language.tag());
    show::head(&mut html, title, None);
    html.element("body", &[], |html| {
        html.element("main", &[("id", "main"), ("data-page", "error")], |html| {
            html.text_element("h1", &[], title);
            html.text_element("p", &[], why);
            html.element("p", &[], |html| {
                html.text_element("a", &[("href", "/")], language.text("page.list.title"));
            });
        });
    });
    let page = headers::page(status, html.finish());
    if status == 503 { page.with("refresh", AGAIN) } else { page }
}
