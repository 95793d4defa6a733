//! The static files: scripts and styles, as they are and compressed. They are compressed when this program is built.

use coinop_core::http::{Problem, Request, Response};

use crate::METHODS;

/// A static file.
struct StaticFile {
    path: &'static str,
    content_type: &'static str,
    etag: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// How long a browser may keep a file: for ever, because its name changes with its content.
const KEEP: &str = "public, max-age=31536000, immutable";

/// Answers a request for a static file; `None` if the path names none.
///
/// The file is sent compressed to a client that says that it can read gzip, and as it is to any other.
#[must_use]
pub fn file(request: &Request) -> Option<Response> {
    let file = FILES.iter().find(|file| file.path == request.path)?;
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Some(Problem::method_not_allowed(METHODS).into());
    }
    let values = |name: &'static str| {
        let named = request.headers.iter().filter(move |(n, _)| n == name);
        named.flat_map(|(_, value)| value.split(',')).map(str::trim)
    };
    let mut headers = vec![
        ("etag", file.etag.to_owned()),
        ("cache-control", KEEP.to_owned()),
        ("vary", "accept-encoding".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    let opaque = |tag: &'_ str| tag.trim_start_matches("W/") == file.etag.trim_start_matches("W/");
    if values("if-none-match").any(|tag| tag == "*" || opaque(tag)) {
        return Some(Response { status: 304, headers, body: Vec::new() });
    }
    headers.push(("content-type", file.content_type.to_owned()));
    let body = if takes_gzip(values("accept-encoding")) {
        headers.push(("content-encoding", "gzip".to_owned()));
        file.gzip
    } else {
        file.plain
    };
    Some(Response { status: 200, headers, body: body.to_vec() })
}

/// Returns whether the entries of `Accept-Encoding` allow gzip.
///
/// The entry `*` speaks only for what no other entry names (RFC 9110, section 12.5.3).
fn takes_gzip<'a>(entries: impl Iterator<Item = &'a str>) -> bool {
    let mut any = false;
    for entry in entries {
        let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
        let is_taken = !has_no_weight(parameters);
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return is_taken,
            "*" => any = is_taken,
            _ => {}
        }
    }
    any
}

/// Returns whether the parameters of an entry refuse it, as `q=0` and `q=0.0` do.
fn has_no_weight(parameters: &str) -> bool {
    let weight = parameters.trim().strip_prefix(['q', 'Q']).and_then(|rest| rest.strip_prefix('='));
    weight.is_some_and(|weight| weight.trim().trim_end_matches(['0', '.']).is_empty())
}
