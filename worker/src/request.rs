//! Requests and responses, from JavaScript to the core and back.

use coinop_core::encoding::{base64, from_base64};
use coinop_core::http::{HEADERS, MAX_BODY, Problem, Request, Response};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use worker::{Headers, ResponseBuilder};

/// Reads a request of a client.
pub(crate) async fn read(incoming: &mut worker::Request) -> Result<Request, Problem> {
    let unreadable = || Problem::malformed("malformed_request", "the request can't be read");
    let url = incoming.inner().url();
    let target = url.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
    let (path, query) = match target.unwrap_or("/").split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (target.unwrap_or("/").to_owned(), None),
    };
    let mut headers = Vec::new();
    for name in HEADERS {
        let value = incoming.headers().get(name).map_err(|_| unreadable())?;
        headers.extend(value.map(|value| ((*name).to_owned(), value)));
    }
    #[cfg(feature = "seam")]
    crate::seam::take(incoming.headers(), &mut headers);
    let method = incoming.inner().method();
    let length = incoming.headers().get("content-length").ok().flatten();
    let length = length.and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_BODY) {
        return Err(Problem::body_too_large());
    }
    let body = match method.as_str() {
        "GET" | "HEAD" => Vec::new(),
        _ => read_body(incoming, length.is_some()).await?,
    };
    Ok(Request { method, path, query, headers, body })
}

/// Reads a body; `bounded`: what its length says is all there is.
async fn read_body(incoming: &mut worker::Request, bounded: bool) -> Result<Vec<u8>, Problem> {
    let unread = || Problem::malformed("malformed_body", "the body could not be read to its end");
    if bounded {
        return incoming.bytes().await.map_err(|_| unread());
    }
    if incoming.inner().body().is_none() {
        return Ok(Vec::new());
    }
    let mut body = Vec::new();
    let mut stream = incoming.stream().map_err(|_| unread())?;
    while let Some(chunk) = stream.next().await {
        body.extend(chunk.map_err(|_| unread())?);
        if body.len() > MAX_BODY {
            return Err(Problem::body_too_large());
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
        #[cfg(feature = "seam")]
        coinop_seam::tell(&headers);
        Self { method, path, query, headers, body: from_base64(&body).unwrap_or_default() }
    }
}
