//! Brings a request into the form in which the component gets it.

use std::time::Duration;

use coinop_core::http::{NO_WAIT, RECENT_BLOCKHASH, WAIT};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Request, Uri};

use super::problem::Problem;
use crate::guest;
use crate::recent::Recent;

/// The most bytes of the target and all headers together. A payment takes about 2 KiB of them.
pub(super) const LARGEST_HEAD: usize = 16 << 10;

/// The most bytes of a body.
const LARGEST_BODY: usize = 64 << 10;

/// How long a body may take to arrive.
const SLOWEST: Duration = Duration::from_secs(10);

/// The origin at which buyers reach this gateway.
#[derive(Debug, Clone)]
pub(crate) struct PublicOrigin {
    scheme: Scheme,
    authority: Authority,
    host: HeaderValue,
}

impl PublicOrigin {
    /// Returns `None` if `public_url` is not an origin.
    pub(crate) fn new(public_url: &str) -> Option<Self> {
        let parts = public_url.parse::<Uri>().ok()?.into_parts();
        let authority = parts.authority?;
        Some(Self { host: HeaderValue::from_str(authority.as_str()).ok()?, scheme: parts.scheme?, authority })
    }
}

/// Reads the whole request within the limits, and gives it the configured origin. A client can write anything
/// into `Host`, so the component does not see it. Nor does it see the headers in which Spin, or this host,
/// tells it about the caller.
pub(super) async fn admit(
    request: Request<Incoming>,
    origin: &PublicOrigin,
    recent: &Recent,
) -> Result<guest::Request, Problem> {
    let (mut head, body) = request.into_parts();
    let target = head.uri.path_and_query().ok_or(Problem::BadTarget)?;
    if size(&head.headers) + target.as_str().len() > LARGEST_HEAD {
        return Err(Problem::HeadersTooLarge);
    }
    if !target.as_str().starts_with('/') {
        return Err(Problem::BadTarget);
    }
    head.uri = absolute(origin, target.clone())?;
    let ours = |name: &HeaderName| {
        name.as_str().starts_with("spin-") || [NO_WAIT, RECENT_BLOCKHASH, WAIT].contains(&name.as_str())
    };
    let ours: Vec<HeaderName> = head.headers.keys().filter(|name| ours(name)).cloned().collect();
    for name in ours {
        head.headers.remove(name);
    }
    head.headers.insert(HOST, origin.host.clone());
    if let Some(recent) = recent.header().and_then(|text| HeaderValue::from_str(&text).ok()) {
        head.headers.insert(RECENT_BLOCKHASH, recent);
    }
    if body.size_hint().lower() > LARGEST_BODY as u64 {
        return Err(Problem::BodyTooLarge);
    }
    let whole = tokio::time::timeout(SLOWEST, Limited::new(body, LARGEST_BODY).collect());
    let body = match whole.await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Problem::BodyTooLarge),
        Ok(Err(_)) => return Err(Problem::BodyBroken),
        Err(_) => return Err(Problem::BodyTooSlow),
    };
    Ok(Request::from_parts(head, Full::new(body)))
}

/// Makes a request of this host's own, without a body.
pub(super) fn own(origin: &PublicOrigin, path: &'static str) -> Result<guest::Request, Problem> {
    let mut request = Request::new(Full::default());
    *request.uri_mut() = absolute(origin, PathAndQuery::from_static(path))?;
    request.headers_mut().insert(HOST, origin.host.clone());
    Ok(request)
}

fn absolute(origin: &PublicOrigin, target: PathAndQuery) -> Result<Uri, Problem> {
    Uri::builder()
        .scheme(origin.scheme.clone())
        .authority(origin.authority.clone())
        .path_and_query(target)
        .build()
        .map_err(|_| Problem::BadTarget)
}

fn size(headers: &HeaderMap) -> usize {
    // Counted as on the wire: a colon, a space, and the end of the line.
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}
