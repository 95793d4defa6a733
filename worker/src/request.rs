//! Requests and responses, from JavaScript to the core and back.

use coinop_core::encoding::{base64, from_base64};
use coinop_core::http::{HEADERS, Problem, Request, Response};
use coinop_core::x402;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use worker::{Headers, ResponseBuilder, web_sys};

/// The longest body that is read, in bytes.
const MAX_BODY: usize = 64 << 10;

/// Reads a request of a client.
///
/// The runtime's own, because `worker::Request` begins with looking up who the client is and where: that takes longer
/// than all that is read here.
pub(crate) async fn read(incoming: web_sys::Request) -> Result<Request, Problem> {
    let unreadable = || Problem::malformed("malformed_request", "the request can't be read");
    let url = incoming.url();
    let target = url.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
    let (path, query) = match target.unwrap_or("/").split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (target.unwrap_or("/").to_owned(), None),
    };
    let (given, mut headers) = (incoming.headers(), Vec::new());
    for name in HEADERS {
        let Some(value) = given.get(name).map_err(|_| unreadable())? else { continue };
        if [x402::PAYMENT_SIGNATURE, x402::X_PAYMENT].contains(name) {
            // Several headers of one name arrive as one; no payment has a comma in it.
            headers.extend(value.split(',').map(|one| ((*name).to_owned(), one.trim().to_owned())));
        } else {
            headers.push(((*name).to_owned(), value));
        }
    }
    #[cfg(feature = "seam")]
    crate::seam::take(&incoming, &mut headers);
    let method = incoming.method();
    let body = match method.as_str() {
        "GET" | "HEAD" => Vec::new(),
        _ => read_body(incoming.into()).await?,
    };
    Ok(Request { method, path, query, headers, body })
}

async fn read_body(mut incoming: worker::Request) -> Result<Vec<u8>, Problem> {
    let unread = || Problem::malformed("malformed_body", "the body could not be read to its end");
    let too_large = || Problem::new(413, "too_large", "Too large", "a body may have 65536 bytes");
    let length = incoming.headers().get("content-length").ok().flatten();
    match length.and_then(|length| length.parse::<usize>().ok()) {
        Some(length) if length > MAX_BODY => return Err(too_large()),
        // What its length says is all there is.
        Some(_) => return incoming.bytes().await.map_err(|_| unread()),
        None => {}
    }
    if incoming.inner().body().is_none() {
        return Ok(Vec::new());
    }
    let mut body = Vec::new();
    let mut stream = incoming.stream().map_err(|_| unread())?;
    while let Some(chunk) = stream.next().await {
        body.extend(chunk.map_err(|_| unread())?);
        if body.len() > MAX_BODY {
            return Err(too_large());
        }
    }
    Ok(body)
}

/// Makes the runtime's response of one.
pub(crate) fn respond(response: Response) -> worker::Result<worker::Response> {
    let headers = Headers::new();
    for (name, value) in &response.headers {
        headers.append(name, value)?;
    }
    let builder = ResponseBuilder::new().with_status(response.status).with_headers(headers);
    // Some statuses may not have a body, not even an empty one.
    Ok(if response.body.is_empty() { builder.empty() } else { builder.fixed(response.body) })
}

/// A request on its way to an object.
#[derive(Serialize, Deserialize)]
pub(crate) struct Forwarded {
    method: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: String,
}

impl From<&Request> for Forwarded {
    fn from(request: &Request) -> Self {
        let Request { method, path, query, headers, body } = request.clone();
        Self { method, path, query, headers, body: base64(&body) }
    }
}

impl From<Forwarded> for Request {
    fn from(forwarded: Forwarded) -> Self {
        let Forwarded { method, path, query, headers, body } = forwarded;
        Self { method, path, query, headers, body: from_base64(&body).unwrap_or_default() }
    }
}
