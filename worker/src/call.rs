//! How the worker and its objects call an object.

use std::pin::pin;

use coinop_core::error::{EncodeError, TransportError, TransportFault};
use coinop_core::http::Request;
use coinop_core::ids::AssetId;
use coinop_core::ports::PortError;
use futures::future::{Either, LocalBoxFuture, select};
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{Env, Response, console_error, web_sys};

use crate::deployment::Instance;
use crate::request::{Forwarded, unavailable};
use crate::runtime::sleep;

/// How long an object may take to answer another, in milliseconds.
const TIMEOUT_MS: u64 = 10_000;
/// How long a forwarded request may take, in milliseconds: it may wait for its payment.
const FORWARDED_MS: u64 = 55_000;

/// The path of a forwarded request. (No path of a client's gets here.)
pub(crate) const REQUEST: &str = "request";

/// Names one object.
pub(crate) struct Object {
    binding: &'static str,
    name: String,
}

impl Object {
    pub(crate) fn asset(instance: &Instance, asset: &AssetId) -> Self {
        Self::named("ASSET", instance, asset.as_str())
    }

    pub(crate) fn payer(instance: &Instance, payer: &str) -> Self {
        Self::named("PAYER", instance, payer)
    }

    pub(crate) fn payment(instance: &Instance, payment: &str) -> Self {
        Self::named("PAYMENT", instance, payment)
    }

    pub(crate) fn merchant(instance: &Instance) -> Self {
        Self { binding: "MERCHANT", name: instance.deployment.config.merchant.id.clone() }
    }

    fn named(binding: &'static str, instance: &Instance, name: &str) -> Self {
        Self { binding, name: format!("{}/{name}", instance.deployment.config.merchant.id) }
    }

    /// Asks it something.
    ///
    /// # Errors
    /// No answer in time, or none that can be read: it may have been done or not.
    pub(crate) async fn ask<R: DeserializeOwned>(
        &self,
        env: &Env,
        path: &str,
        body: &impl Serialize,
    ) -> Result<R, PortError> {
        let body = serde_json::to_string(body).map_err(|_| EncodeError("a question to an object"))?;
        let text = self.exchange(env, path, body).await?;
        let unreadable = |error: serde_json::Error| TransportFault::Unreadable(error.to_string());
        serde_json::from_str(&text).map_err(|error| self.failed(path, unreadable(error)).into())
    }

    /// Sends JSON and waits for JSON. (In a box: so it is in the script once, whatever is asked.)
    fn exchange<'a>(
        &'a self,
        env: &'a Env,
        path: &'a str,
        body: String,
    ) -> LocalBoxFuture<'a, Result<String, TransportError>> {
        Box::pin(async move {
            let answer = async {
                let mut response = self.fetch(env, path, body).await?;
                let text = response.text().await?;
                Ok::<_, worker::Error>((response.status_code(), text))
            };
            match select(pin!(answer), pin!(sleep(TIMEOUT_MS))).await {
                Either::Left((Ok((200, text)), _)) => Ok(text),
                Either::Left((Ok((_, text)), _)) => Err(self.failed(path, TransportFault::Refused(text))),
                Either::Left((Err(error), _)) => {
                    Err(self.failed(path, TransportFault::Unreachable(error.to_string())))
                }
                Either::Right(((), _)) => Err(self.failed(path, TransportFault::Timeout(TIMEOUT_MS))),
            }
        })
    }

    fn failed(&self, path: &str, fault: TransportFault) -> TransportError {
        TransportError::new(format!("the {} object, {path},", self.binding.to_ascii_lowercase()), fault)
    }

    /// Has it answer a client's request. The client always gets an answer.
    pub(crate) async fn forward(&self, env: &Env, request: &Request) -> worker::Result<Response> {
        let answer = self.fetch(env, REQUEST, serde_json::to_string(&Forwarded::from(request))?);
        match select(pin!(answer), pin!(sleep(FORWARDED_MS))).await {
            Either::Left((Ok(response), _)) => return Ok(response),
            Either::Left((Err(error), _)) => console_error!("the {} object: {error}", self.binding),
            Either::Right(((), _)) => console_error!("the {} object does not answer", self.binding),
        }
        unavailable(request)
    }

    async fn fetch(&self, env: &Env, path: &str, body: String) -> worker::Result<Response> {
        let stub = env.durable_object(self.binding)?.get_by_name(&self.name)?;
        // By the runtime's own types: `worker::RequestInit` brings the settings of Cloudflare's cache along.
        let init = web_sys::RequestInit::new();
        init.set_method("POST");
        init.set_body(&body.into());
        let request = web_sys::Request::new_with_str_and_init(&format!("http://object/{path}"), &init)?;
        stub.fetch_with_request(request.into()).await
    }
}
