//! Calls of the stateless worker and the objects to an object.

use std::pin::pin;

use coinop_core::error::{TransportError, TransportFault};
use coinop_core::http::{Request, Shard};
use coinop_core::sharded::{Boxed, ShardKey, Transport};
use futures::future::{Either, select};
use worker::wasm_bindgen_futures::spawn_local;
use worker::{Env, Response, console_error, web_sys};

use crate::deployment::Instance;
use crate::request::{Forwarded, unavailable};
use crate::runtime::sleep;

/// How long an object may take to answer another object, in milliseconds.
const TIMEOUT_MS: u64 = 10_000;
/// How long a forwarded request may take, in milliseconds. It may wait for its payment.
const FORWARDED_MS: u64 = 55_000;

/// The path of a forwarded request. Paths of clients never reach an object.
pub(crate) const REQUEST: &str = "request";

/// The address of one object, which keeps one shard.
pub(crate) struct Object {
    binding: &'static str,
    name: String,
    reads_kv: bool,
}

impl Object {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn of(instance: &Instance, shard: &ShardKey) -> Self {
        let merchant = &instance.deployment.config.merchant.id;
        let (binding, name) = match shard {
            ShardKey::Stream(stream) => ("ASSET", format!("{merchant}/{stream}")),
            ShardKey::Payer(payer) => ("PAYER", format!("{merchant}/{payer}")),
            ShardKey::Payment(payment) => ("PAYMENT", format!("{merchant}/{}", payment.as_str())),
            ShardKey::Merchant => ("MERCHANT", merchant.clone()),
        };
        let reads_kv = match shard {
            ShardKey::Stream(stream) => stream.is_shared(),
            ShardKey::Payer(_) => true,
            ShardKey::Payment(_) | ShardKey::Merchant => false,
        };
        Self { binding, name, reads_kv }
    }

    /// Sends JSON and waits for JSON.
    async fn exchange(&self, env: &Env, path: &str, body: String) -> Result<String, TransportError> {
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
    }

    fn failed(&self, path: &str, fault: TransportFault) -> TransportError {
        TransportError::new(format!("the {} object ({path})", self.binding.to_ascii_lowercase()), fault)
    }

    /// Lets the object answer a client's request. The client always gets an answer.
    pub(crate) async fn forward(&self, env: &Env, request: &Request) -> worker::Result<Response> {
        let answer = self.fetch(
            env,
            REQUEST,
            serde_json::to_string(&Forwarded::new(request, self.name.clone(), self.reads_kv))?,
        );
        match select(pin!(answer), pin!(sleep(FORWARDED_MS))).await {
            Either::Left((Ok(response), _)) => return Ok(response),
            Either::Left((Err(error), _)) => console_error!("the {} object failed: {error}", self.binding),
            Either::Right(((), _)) => {
                console_error!("the {} object did not answer within {FORWARDED_MS} ms", self.binding);
            }
        }
        unavailable(request)
    }

    async fn fetch(&self, env: &Env, path: &str, body: String) -> worker::Result<Response> {
        let stub = env.durable_object(self.binding)?.get_by_name(&self.name)?;
        // Uses the runtime's own types, because `worker::RequestInit` would bring in Cloudflare's cache
        // settings.
        let init = web_sys::RequestInit::new();
        init.set_method("POST");
        init.set_body(&body.into());
        let request = web_sys::Request::new_with_str_and_init(&format!("http://object/{path}"), &init)?;
        stub.fetch_with_request(request.into()).await
    }
}

/// The connection to the objects of one merchant.
pub(crate) struct Objects {
    pub(crate) env: Env,
    pub(crate) instance: &'static Instance,
}

impl Transport for Objects {
    /// Asks the object of a shard. The future is boxed, so the script contains its code once for all kinds of
    /// requests.
    fn carry(
        &self,
        shard: &ShardKey,
        request: &'static str,
        body: String,
    ) -> impl Future<Output = Result<String, TransportError>> {
        let object = Object::of(self.instance, shard);
        let asked: Boxed<'_, _> = Box::pin(async move { object.exchange(&self.env, request, body).await });
        asked
    }

    /// Sends the request beside everything else. An object lives for as long as it waits for an answer.
    fn send(&self, shard: &ShardKey, request: &'static str, body: String) {
        let (object, env) = (Object::of(self.instance, shard), self.env.clone());
        spawn_local(async move {
            if let Err(error) = object.exchange(&env, request, body).await {
                console_error!("{error}");
            }
        });
    }
}

/// Returns the key of the shard that a client's request needs.
pub(crate) fn key(shard: Shard) -> ShardKey {
    match shard {
        Shard::Stream(stream) => ShardKey::Stream(stream),
        Shard::Payer(payer) => ShardKey::Payer(payer),
        Shard::Merchant => ShardKey::Merchant,
    }
}
