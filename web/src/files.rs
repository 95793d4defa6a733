//! The static files: scripts and styles, compressed when this program was built.

use coinop_core::http::{Problem, Request, Response};

use crate::METHODS;

/// A static file.
struct StaticFile {
    path: &'static str,
    content_type: &'static str,
    etag: &'static str,
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// How long a browser may keep a file: for ever, because its name changes with its content.
const KEEP: &str = "public, max-age=31536000, immutable";

/// Answers a request for a static file; `None` if the path names none.
///
/// The file is always sent compressed. A client that says that it can't read gzip gets a 406; one that says nothing can
/// (RFC 9110, section 12.5.3).
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
    let headers = vec![
        ("etag", file.etag.to_owned()),
        ("cache-control", KEEP.to_owned()),
        ("vary", "accept-encoding".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    let response = |status| Response { status, headers: headers.clone(), body: Vec::new() };
    if values("if-none-match").any(|tag| tag.trim_start_matches("W/") == file.etag || tag == "*") {
        return Some(response(304));
    }
    let mut encodings = values("accept-encoding").filter(|encoding| !encoding.is_empty()).peekable();
    if encodings.peek().is_some() && !encodings.any(takes_gzip) {
        return Some(response(406));
    }
    let mut found = response(200);
    found.headers.push(("content-type", file.content_type.to_owned()));
    found.headers.push(("content-encoding", "gzip".to_owned()));
    found.body = file.gzip.to_vec();
    Some(found)
}

/// Returns whether an entry of `Accept-Encoding` allows gzip.
fn takes_gzip(encoding: &str) -> bool {
    let (name, parameters) = encoding.split_once(';').unwrap_or((encoding, ""));
    let weight =
        parameters.trim().strip_prefix("q=").map(|weight| weight.trim().trim_end_matches(['0', '.']));
    let is_refused = weight == Some("");
    ["gzip", "x-gzip", "*"].contains(&name.trim()) && !is_refused
}
