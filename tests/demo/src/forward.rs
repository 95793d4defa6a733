//! Passes requests on to the gateway, and its answers back.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::answer::{Body, refusal, whole};
use crate::inject;

/// The most bytes of a request's body. The gateway takes less, and says so itself.
const LARGEST_REQUEST: usize = 256 << 10;
/// The most bytes of a page that can be changed. Other answers pass through in pieces.
const LARGEST_PAGE: usize = 4 << 20;
/// How long the gateway may take to begin its answer. It gives up earlier itself.
const PATIENCE: Duration = Duration::from_secs(150);
/// Headers that are about one connection (RFC 9110, section 7.6.1), besides those that `Connection` names.
const OF_CONNECTION: [HeaderName; 7] = [
    CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];
/// Says that a request was passed on. So the gateway knows that it is not the operator's own, who alone sees the
/// metrics.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Passes a request of `client` on to the gateway, and returns its answer. `host` stands in for a missing `Host`.
pub(crate) async fn forward(
    gateway: SocketAddr,
    host: &HeaderValue,
    client: IpAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    let method = request.method().clone();
    let asked = match outgoing(host, client, request).await {
        Ok(request) => tokio::time::timeout(PATIENCE, ask(gateway, request)).await,
        Err(refused) => return refused,
    };
    match asked {
        Ok(Ok(response)) => incoming(&method, response).await,
        Ok(Err(error)) => refusal(
            StatusCode::BAD_GATEWAY,
            &format!(
                "The gateway does not answer ({error}). If this was a payment, send the same one again."
            ),
        ),
        Err(_) => refusal(
            StatusCode::GATEWAY_TIMEOUT,
            "The gateway takes too long. If this was a payment, send the same one again.",
        ),
    }
}

/// Makes the request for the gateway.
async fn outgoing(
    host: &HeaderValue,
    client: IpAddr,
    request: Request<Incoming>,
) -> Result<Request<Full<Bytes>>, Response<Body>> {
    let (mut head, body) = request.into_parts();
    head.uri =
        Uri::from(head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
    head.version = Version::HTTP_11;
    remove_hop_by_hop(&mut head.headers);
    head.headers.entry(HOST).or_insert_with(|| host.clone());
    if wants_page(&head.headers) {
        // A compressed page cannot be changed.
        head.headers.remove(ACCEPT_ENCODING);
    }
    append_client(&mut head.headers, client);
    let too_large = || {
        refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("The body is larger than {LARGEST_REQUEST} bytes. Nothing was charged."),
        )
    };
    if body.size_hint().lower() > LARGEST_REQUEST as u64 {
        return Err(too_large());
    }
    match Limited::new(body, LARGEST_REQUEST).collect().await {
        Ok(body) => Ok(Request::from_parts(head, Full::new(body.to_bytes()))),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(refusal(StatusCode::BAD_REQUEST, "The body ended early. Nothing was charged.")),
    }
}

/// Adds the client to the list of whom a request was passed on for.
fn append_client(headers: &mut HeaderMap, client: IpAddr) {
    let earlier = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let list: Vec<String> = earlier.map(str::to_owned).chain([client.to_string()]).collect();
    // An address and what was a header before are a header.
    if let Ok(value) = HeaderValue::from_str(&list.join(", ")) {
        headers.insert(FORWARDED_FOR, value);
    }
}

/// Tells whether a browser is loading a page.
fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|kinds| kinds.to_str().ok()).is_some_and(|kinds| kinds.contains("text/html"))
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&OF_CONNECTION) {
        headers.remove(name);
    }
}

/// Sends a request on a connection of its own.
pub(crate) async fn ask(
    server: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, String> {
    let stream = TcpStream::connect(server).await.map_err(|error| error.to_string())?;
    let _ = stream.set_nodelay(true);
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    // It ends with the answer's body, or when nobody waits for that any more.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|error| error.to_string())
}

/// Makes the answer for the client: a page that is changed for the demo, or anything else as it is.
async fn incoming(method: &Method, response: Response<Incoming>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    remove_hop_by_hop(&mut head.headers);
    head.version = Version::HTTP_11;
    if !inject::is_page(&head.headers) {
        return Response::from_parts(head, body.boxed_unsync());
    }
    // The length is another now, and for a HEAD it is not known.
    head.headers.remove(CONTENT_LENGTH);
    if method == Method::HEAD || head.status == StatusCode::NOT_MODIFIED {
        return Response::from_parts(head, body.boxed_unsync());
    }
    match Limited::new(body, LARGEST_PAGE).collect().await {
        Ok(page) => Response::from_parts(head, whole(inject::for_demo(&page.to_bytes()))),
        Err(_) => refusal(StatusCode::BAD_GATEWAY, "The gateway's page is too large, or ended early."),
    }
}
