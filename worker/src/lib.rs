//! Coinop as a Cloudflare Worker: Durable Objects and KV on one side, the core on the other.
#![cfg(target_arch = "wasm32")]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod objects;

use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, _env: Env, _context: Context) -> Result<Response> {
    match request.path().as_str() {
        "/health" => Response::from_json(&serde_json::json!({ "status": "ok" })),
        _ => Response::error("not found", 404),
    }
}
