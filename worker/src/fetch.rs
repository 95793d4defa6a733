//! Outgoing HTTP by the Workers runtime.

use std::pin::pin;

use coinop_core::ports::{Http, HttpAnswer, PortError};
use futures::StreamExt as _;
use futures::future::{Either, select};
use worker::{AbortController, AbortSignal, Fetch, web_sys};

use crate::runtime::sleep;

/// The most that is read of an answer of the RPC, in bytes.
const MAX_ANSWER: usize = 4 << 20;

/// Outgoing HTTP.
pub(crate) struct FetchHttp;

impl Http for FetchHttp {
    async fn post_json(&self, url: &str, body: String, timeout_ms: u64) -> Result<HttpAnswer, PortError> {
        let controller = AbortController::default();
        let exchange = pin!(exchange(url, body, controller.signal()));
        match select(exchange, pin!(sleep(timeout_ms))).await {
            Either::Left((answer, _)) => answer.map_err(|error| {
                // Its text may have the address in it, and that an API key.
                let kind = if matches!(error, worker::Error::RustError(_)) {
                    error.to_string()
                } else {
                    String::new()
                };
                PortError(format!("the RPC can't be reached {kind}").trim_end().to_owned())
            }),
            Either::Right(((), _)) => {
                controller.abort();
                Err(PortError(format!("the RPC did not answer within {timeout_ms} ms")))
            }
        }
    }
}

async fn exchange(url: &str, body: String, signal: AbortSignal) -> worker::Result<HttpAnswer> {
    // By the runtime's own types: `worker::RequestInit` brings the settings of Cloudflare's cache along.
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
            return Err(worker::Error::RustError("(its answer is too long)".to_owned()));
        }
    }
    Ok(HttpAnswer { status, body })
}
