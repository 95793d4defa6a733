//! How many requests of one client reach an object. Cloudflare counts them, by the binding `RATE_LIMIT`.

use std::net::IpAddr;

use coinop_core::encoding::hex;
use coinop_core::http::{Problem, Request, network};
use worker::js_sys::{Function, Object, Promise, Reflect};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Env, console_error, web_sys};

use crate::deployment::Instance;

/// The name of the binding.
const LIMIT: &str = "RATE_LIMIT";
/// The header in which Cloudflare names the client's address. A client can't set it.
const CLIENT: &str = "cf-connecting-ip";
/// After how long a client that was refused may try again, in seconds: the period in `wrangler.toml`.
const PERIOD_S: u64 = 10;

/// Who sent a request, and whether it carries one of the merchant's API keys.
pub(crate) struct Client {
    headers: web_sys::Headers,
    is_merchant: bool,
}

impl Client {
    pub(crate) fn new(headers: web_sys::Headers, instance: &Instance, request: &Request) -> Self {
        Self { headers, is_merchant: request.has_api_key(&instance.deployment.config.merchant) }
    }

    /// Refuses a request to an object if this client has sent too many. The merchant's own are not counted.
    ///
    /// Without the binding, without an address, and while the binding fails, nothing is refused.
    pub(crate) async fn ensure_may_ask(&self, env: &Env) -> Result<(), Problem> {
        if self.is_merchant {
            return Ok(());
        }
        let Some(limiter) = Reflect::get(env, &LIMIT.into()).ok().filter(JsValue::is_object) else {
            return Ok(());
        };
        let address = self.headers.get(CLIENT).ok().flatten().and_then(|text| text.parse::<IpAddr>().ok());
        let Some(address) = address else { return Ok(()) };
        match takes(&limiter, &name(address)).await {
            Ok(false) => Err(Problem::too_many_requests(PERIOD_S)),
            Ok(true) => Ok(()),
            Err(_) => {
                console_error!("the binding {LIMIT} does not count");
                Ok(())
            }
        }
    }
}

/// Returns the name under which a client is counted.
fn name(address: IpAddr) -> String {
    match network(address) {
        IpAddr::V4(v4) => hex(&v4.octets()),
        IpAddr::V6(v6) => hex(&v6.octets()),
    }
}

/// Counts a request, and returns whether the client may send it.
///
/// `worker::RateLimiter` does the same, with a serializer that would take 3 KB of the script.
async fn takes(limiter: &JsValue, client: &str) -> Result<bool, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"key".into(), &client.into())?;
    let limit: Function = Reflect::get(limiter, &"limit".into())?.dyn_into()?;
    let counted: Promise = limit.call1(limiter, &options)?.dyn_into()?;
    Ok(Reflect::get(&JsFuture::from(counted).await?, &"success".into())?.is_truthy())
}
