//! Changes the gateway's pages for the demo: adds the wallet's script, and links transactions to the demo's own page.

use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

/// What is added to a page.
const SCRIPT: &[u8] = b"<link rel=\"stylesheet\" href=\"/demo/wallet.css\">\
    <script type=\"module\" src=\"/demo/wallet.js\"></script>";
/// The explorer in a page's data. It knows nothing of the local chain, which plays devnet.
const EXPLORER: &[u8] = b"\"explorer\":\"https://explorer.solana.com/tx/{transaction}?cluster=devnet\"";
const OWN_EXPLORER: &[u8] = b"\"explorer\":\"/demo/transaction/{transaction}\"";
const END_OF_HEAD: &[u8] = b"</head>";

/// Tells whether an answer is a page that can be read.
pub(crate) fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/html") && !headers.contains_key(CONTENT_ENCODING)
}

/// Returns a page as the demo shows it.
pub(crate) fn for_demo(page: &[u8]) -> Vec<u8> {
    with_script(&with_own_explorer(page))
}

/// Returns a page whose data names the demo's page of a transaction in the place of the explorer. A page without an
/// explorer stays as it is.
fn with_own_explorer(page: &[u8]) -> Vec<u8> {
    let at = page.windows(EXPLORER.len()).position(|window| window == EXPLORER);
    let parts = at.and_then(|at| Some((page.get(..at)?, page.get(at.checked_add(EXPLORER.len())?..)?)));
    match parts {
        Some((before, after)) => [before, OWN_EXPLORER, after].concat(),
        None => page.to_vec(),
    }
}

/// Returns a page with the script at the end of its head. A page without a head's end stays as it is.
fn with_script(page: &[u8]) -> Vec<u8> {
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
            <link rel=\"stylesheet\" href=\"/demo/wallet.css\">\
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
    fn the_explorer_of_the_page_is_the_demos_and_no_other_text_changes() {
        let page =
            |explorer: &[u8]| [b"<p>\xff</p>{\"chain\":\"x\",", explorer, b",\"lang\":\"en\"}"].concat();
        assert_eq!(with_own_explorer(&page(EXPLORER)), page(OWN_EXPLORER));
        // A name that an owner chose is text in the data, with its quotes escaped.
        let name = String::from_utf8_lossy(EXPLORER).replace('"', "\\\"");
        let mainnet = b"{\"explorer\":\"https://explorer.solana.com/tx/{transaction}\"}";
        for other in [&b""[..], mainnet, name.as_bytes()] {
            assert_eq!(with_own_explorer(other), other);
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
