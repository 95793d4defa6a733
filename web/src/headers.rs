//! The headers of every page.

use coinop_core::http::Response;

/// What a page may load: its own script, style and pictures, and the icons of wallets. It runs nothing that stands in
/// the page itself, and makes no markup from text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// What a page may not use.
const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

/// Returns a page.
///
/// It is checked again each time it is shown, because it says whether an asset is free. It is not forbidden to keep it,
/// so that a browser can go back to it.
pub(crate) fn page(status: u16, html: String) -> Response {
    let headers = vec![
        ("content-type", "text/html; charset=utf-8".to_owned()),
        ("cache-control", "private, no-cache".to_owned()),
        ("vary", "accept-language".to_owned()),
        ("content-security-policy", POLICY.to_owned()),
        // A page that has opened this one can't change its address. Windows that a wallet opens still can be talked to.
        ("cross-origin-opener-policy", "same-origin-allow-popups".to_owned()),
        ("permissions-policy", PERMISSIONS.to_owned()),
        ("referrer-policy", "no-referrer".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    Response { status, headers, body: html.into_bytes() }
}
