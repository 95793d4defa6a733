//! Coinop as a Cloudflare Worker: Durable Objects and KV on one side, the core on the other.
//!
//! The stateless worker answers every request that needs no stored data, such as a 402 or the refusal of a
//! payment that its payer has not signed. It forwards every other request, once, to the object that keeps
//! what the answer needs: the asset's, the payer's or the merchant's object. [`coinop_core::sharded`] is what
//! the objects agree on among themselves.
#![cfg(target_arch = "wasm32")]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod alarm;
mod call;
mod catalogue;
mod deployment;
mod fetch;
mod hooks;
mod limit;
mod objects;
mod platform;
mod ports;
mod request;
mod runtime;
mod sql;
mod stateless;

use coinop_core::http::Problem;
use worker::{Context, Env, Response, Result, console_error, event, web_sys};

#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, _context: Context) -> Result<Response> {
    match stateless::answer(request, &env).await {
        Ok(response) => Ok(response),
        // The client never gets the runtime's own error page.
        Err(error) => {
            console_error!("a request can't be answered: {error}");
            request::respond(Problem::unavailable().into())
        }
    }
}
