//! Converts requests from JavaScript for the core, and the core's responses back.

use std::pin::pin;

use coinop_core::encoding::{base64, from_base64};
use coinop_core::http::{HEADERS, MAX_BODY, Problem, Request, Response, with_cors};
use futures::StreamExt as _;
use futures::future::{Either, select};
use serde::{Deserialize, Serialize};
use worker::{Headers, ResponseBuilder, web_sys};

use crate::hooks;
use crate::runtime::sleep;

/// How long a body may take to arrive, in milliseconds.
const BODY_MS: u64 = 10_000;

/// Reads a client's request, or returns the answer that says what is wrong with it.
///
/// It takes the runtime's own request. `worker::Request` would first look up who and where the client is, and
/// that takes longer than everything that is read here.
pub(crate) async fn read(incoming: web_sys::Request) -> Result<Request, Response> {
    let url = incoming.url();
    let target = url.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
    let (path, query) = match target.unwrap_or("/").split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (target.unwrap_or("/").to_owned(), None),
    };
    let mut request = Request { method: incoming.method(), path, query, ..Request::default() };
    match read_rest(incoming, &mut request).await {
        Ok(()) => Ok(request),
        Err(problem) => Err(with_cors(&request.method, &request.path, problem.into())),
    }
}

/// Reads headers and body.
async fn read_rest(incoming: web_sys::Request, request: &mut Request) -> Result<(), Problem> {
    let given = incoming.headers();
    for name in HEADERS.iter().chain(hooks::HEADERS).chain(coinop_web::HEADERS) {
        let unreadable = |_| Problem::malformed("malformed_request", "The request's headers can't be read.");
        if let Some(value) = given.get(name).map_err(unreadable)? {
            request.headers.push(((*name).to_owned(), value));
        }
    }
    hooks::begin_request(&request.headers);
    let length = length(given.get("content-length").ok().flatten());
    if length.is_some_and(|length| length > MAX_BODY) {
        return Err(Problem::body_too_large());
    }
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        request.body = read_body(incoming.into(), length.is_some()).await?;
    }
    Ok(())
}

/// Returns the length of the body, if its head states one. A number that is too large becomes the largest
/// `usize`.
fn length(given: Option<String>) -> Option<usize> {
    let given = given.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(given.parse().unwrap_or(usize::MAX))
}

/// Reads a body. `bounded` says that its head states its length.
async fn read_body(incoming: worker::Request, bounded: bool) -> Result<Vec<u8>, Problem> {
    match select(pin!(whole_body(incoming, bounded)), pin!(sleep(BODY_MS))).await {
        Either::Left((body, _)) => body,
        Either::Right(((), _)) => Err(Problem::new(
            408,
            "body_too_slow",
            "Body too slow",
            "The body did not arrive within 10 seconds. Send the request again.",
        )),
    }
}

async fn whole_body(mut incoming: worker::Request, bounded: bool) -> Result<Vec<u8>, Problem> {
    let unread = || {
        Problem::malformed("malformed_body", "The body could not be read to its end. Send the request again.")
    };
    if bounded {
        // The runtime delivers no more than the stated length.
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

/// Converts a response of the core into one of the runtime.
pub(crate) fn respond(response: Response) -> worker::Result<worker::Response> {
    let headers = Headers::new();
    for (name, value) in &response.headers {
        headers.append(name, value)?;
    }
    let builder = ResponseBuilder::new().with_status(response.status).with_headers(headers);
    // Some statuses may not have a body, not even an empty one.
    Ok(if response.body.is_empty() { builder.empty() } else { builder.fixed(response.body) })
}

/// Converts an answer of an object back into one of the core, with its status and body.
pub(crate) async fn from_object(mut answer: worker::Response) -> worker::Result<Response> {
    let body = answer.bytes().await?;
    Ok(Response { status: answer.status_code(), headers: Vec::new(), body })
}

/// Answers a request that nothing here can serve now.
pub(crate) fn unavailable(request: &Request) -> worker::Result<worker::Response> {
    respond(with_cors(&request.method, &request.path, Problem::unavailable().into()))
}

/// A client's request on its way to an object.
#[derive(Serialize, Deserialize)]
pub(crate) struct Forwarded {
    method: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: String,
    /// The name of the object to which it goes.
    pub(crate) to: String,
    /// Whether that object reads the catalogue in KV, because it has no asset's journal.
    pub(crate) reads_kv: bool,
}

impl Forwarded {
    pub(crate) fn new(request: &Request, to: String, reads_kv: bool) -> Self {
        let Request { method, path, query, headers, body } = request.clone();
        Self { method, path, query, headers, body: base64(&body), to, reads_kv }
    }

    /// Returns the client's request, or `None` if its body cannot be read.
    pub(crate) fn request(self) -> Option<Request> {
        let Self { method, path, query, headers, body, .. } = self;
        hooks::begin_request(&headers);
        Some(Request { method, path, query, headers, body: from_base64(&body)? })
    }
}
