//! Calls to the RPC through WASI's outgoing HTTP.

use std::pin::pin;

use coinop_core::error::{TransportError, TransportFault};
use coinop_core::ports::{Http, HttpAnswer};
use futures::StreamExt as _;
use futures::future::{Either, select};
use spin_sdk::http::{IncomingResponse, Method, Request};

use crate::runtime::sleep;

/// The most that is read of an answer of the RPC, in bytes.
const MAX_ANSWER: usize = 4 << 20;

/// Outgoing HTTP of WASI.
pub(crate) struct WasiHttp;

impl Http for WasiHttp {
    async fn post_json(
        &self,
        url: &str,
        body: String,
        timeout_ms: u64,
    ) -> Result<HttpAnswer, TransportError> {
        match select(pin!(exchange(url, body)), pin!(sleep(timeout_ms))).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(failed(TransportFault::Timeout(timeout_ms))),
        }
    }
}

/// Returns the error of a call to the RPC.
fn failed(fault: TransportFault) -> TransportError {
    TransportError::new("the RPC", fault)
}

async fn exchange(url: &str, body: String) -> Result<HttpAnswer, TransportError> {
    let request = Request::builder()
        .method(Method::Post)
        .uri(url)
        .header("content-type", "application/json")
        // Without this header the host sends the body in chunks, which some nodes refuse.
        .header("content-length", body.len().to_string())
        .body(body)
        .build();
    let unreachable = |words: String| failed(TransportFault::Unreachable(words));
    let response: IncomingResponse =
        spin_sdk::http::send(request).await.map_err(|error| unreachable(error.to_string()))?;
    let status = response.status();
    let mut stream = pin!(response.take_body_stream());
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        body.extend(chunk.map_err(|error| unreachable(error.to_string()))?);
        if body.len() > MAX_ANSWER {
            return Err(failed(TransportFault::TooLong));
        }
    }
    Ok(HttpAnswer { status, body })
}
