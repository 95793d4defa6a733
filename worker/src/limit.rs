//! How many requests of one client reach an object. Cloudflare counts them, by the binding `RATE_LIMIT`.

use std::net::IpAddr;

use coinop_core::http::{Problem, Request, network};
use worker::js_sys::Reflect;
use worker::wasm_bindgen::JsCast as _;
use worker::{Env, RateLimiter, console_error, web_sys};

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
        // `Env::rate_limiter` would compare the name of a class that Cloudflare does not document.
        let Some(limiter) = Reflect::get(env, &LIMIT.into()).ok().filter(|binding| binding.is_object())
        else {
            return Ok(());
        };
        let address = self.headers.get(CLIENT).ok().flatten().and_then(|text| text.parse::<IpAddr>().ok());
        let Some(address) = address else { return Ok(()) };
        match limiter.unchecked_into::<RateLimiter>().limit(network(address).to_string()).await {
            Ok(outcome) if !outcome.success => Err(Problem::too_many_requests(PERIOD_S)),
            Ok(_) => Ok(()),
            Err(error) => {
                console_error!("{LIMIT} does not count: {error}");
                Ok(())
            }
        }
    }
}
