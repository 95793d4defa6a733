//! Adds the wallet's script to the gateway's pages.

use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

/// What is added to a page.
const SCRIPT: &[u8] = b"<script type=\"module\" src=\"/demo/wallet.js\"></script>";
const END_OF_HEAD: &[u8] = b"</head>";

/// Tells whether an answer is a page that can be read.
pub(crate) fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/html") && !headers.contains_key(CONTENT_ENCODING)
}

/// Returns a page with the script at the end of its head. A page without a head's end stays as it is.
pub(crate) fn with_script(page: &[u8]) -> Vec<u8> {
    let end = page
        .windows(END_OF_HEAD.len())
        .position(|window| window.eq_ignore_ascii_case(END_OF_HEAD))
        .and_then(|at| page.split_at_checked(at));
    match end {
        Some((head, rest)) => [head, SCRIPT, rest].concat(),
        None => page.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn the_script_is_added_once_at_the_end_of_the_head() {
        let page = b"<!doctype html><HEAD><title>x</title></HEAD><body></head></body>";
        let expected = "<!doctype html><HEAD><title>x</title>\
            <script type=\"module\" src=\"/demo/wallet.js\"></script></HEAD><body></head></body>";
        assert_eq!(String::from_utf8(with_script(page)).unwrap(), expected);
    }

    #[test]
    fn a_page_without_a_head_stays_as_it_is() {
        for page in [&b""[..], b"</hea", b"\xff\xfe<p>head>"] {
            assert_eq!(with_script(page), page);
        }
    }

    #[test]
    fn only_html_that_can_be_read_is_a_page() {
        let is = |kind: Option<&'static str>, encoding: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            for (name, value) in [(CONTENT_TYPE, kind), (CONTENT_ENCODING, encoding)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            is_page(&headers)
        };
        assert!(is(Some("text/html"), None) && is(Some("Text/HTML; charset=utf-8"), None));
        assert!(!is(Some("text/html"), Some("gzip")));
        assert!(!is(Some("application/json"), None) && !is(Some("text/htmlx"), None) && !is(None, None));
    }
}
