//! Outgoing HTTP of the Workers runtime.

use std::pin::pin;

use coinop_core::error::{TransportError, TransportFault};
use coinop_core::ports::{Http, HttpAnswer};
use futures::StreamExt as _;
use futures::future::{Either, select};
use worker::{AbortController, AbortSignal, Fetch, web_sys};

use crate::runtime::sleep;

/// The most that is read of an answer of the RPC, in bytes.
const MAX_ANSWER: usize = 4 << 20;

/// The error text by which an answer that was too long is recognised.
const TOO_LONG: &str = "its answer is too long";

pub(crate) struct FetchHttp;

impl Http for FetchHttp {
    async fn post_json(
        &self,
        url: &str,
        body: String,
        timeout_ms: u64,
    ) -> Result<HttpAnswer, TransportError> {
        let controller = AbortController::default();
        let exchange = pin!(exchange(url, body, controller.signal()));
        match select(exchange, pin!(sleep(timeout_ms))).await {
            Either::Left((answer, _)) => answer.map_err(|error| {
                // The text of another error is dropped, because it may contain the address, and the address
                // an API key.
                failed(match error {
                    worker::Error::RustError(words) if words == TOO_LONG => TransportFault::TooLong,
                    worker::Error::RustError(words) => TransportFault::Unreachable(words),
                    _ => TransportFault::Unreachable(String::new()),
                })
            }),
            Either::Right(((), _)) => {
                controller.abort();
                Err(failed(TransportFault::Timeout(timeout_ms)))
            }
        }
    }
}

/// Returns the error of a call to the RPC.
fn failed(fault: TransportFault) -> TransportError {
    TransportError::new("the RPC", fault)
}

async fn exchange(url: &str, body: String, signal: AbortSignal) -> worker::Result<HttpAnswer> {
    // Uses the runtime's own types, because `worker::RequestInit` would bring in Cloudflare's cache settings.
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_redirect(web_sys::RequestRedirect::Manual);
    init.set_body(&body.into());
    let request = web_sys::Request::new_with_str_and_init(url, &init)?;
    request.headers().set("content-type", "application/json")?;
    let request = worker::Request::from(request);
    let mut response = Fetch::Request(request).send_with_signal(&signal).await?;
    let status = response.status_code();
    let mut body = Vec::new();
    let mut stream = response.stream()?;
    while let Some(chunk) = stream.next().await {
        body.extend(chunk?);
        if body.len() > MAX_ANSWER {
            return Err(worker::Error::RustError(TOO_LONG.to_owned()));
        }
    }
    Ok(HttpAnswer { status, body })
}
