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
    let body = if values("accept-encoding").any(takes_gzip) {
        headers.push(("content-encoding", "gzip".to_owned()));
        file.gzip
    } else {
        file.plain
    };
    Some(Response { status: 200, headers, body: body.to_vec() })
}

/// Returns whether an entry of `Accept-Encoding` allows gzip.
fn takes_gzip(encoding: &str) -> bool {
    let (name, parameters) = encoding.split_once(';').unwrap_or((encoding, ""));
    let weight =
        parameters.trim().strip_prefix("q=").map(|weight| weight.trim().trim_end_matches(['0', '.']));
    let is_refused = weight == Some("");
    ["gzip", "x-gzip", "*"].contains(&name.trim()) && !is_refused
}
