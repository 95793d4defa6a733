//! The worker itself, which stores nothing. It answers what the request, the configuration and the catalogue
//! in KV decide. For everything else the one object answers that stores it.

use coinop_core::http::StatelessOutcome;
use worker::{Env, Response, Result, console_error, web_sys};

use crate::call::{Object, key};
use crate::deployment::instance;
use crate::platform::Platform;
use crate::request::{read, respond, unavailable};

/// Answers a client.
pub(crate) async fn answer(incoming: web_sys::Request, env: &Env) -> Result<Response> {
    let request = match read(incoming).await {
        Ok(request) => request,
        Err(refusal) => return respond(refusal),
    };
    let instance = match instance(env) {
        Ok(instance) => instance,
        Err(message) => {
            console_error!("coinop can't serve: {message}");
            return unavailable(&request);
        }
    };
    let platform = Platform::stateless(instance, env);
    match platform.handle_stateless(&request).await {
        StatelessOutcome::Answered(response) => respond(response),
        StatelessOutcome::AtShard(task) => {
            Object::of(instance, &key(task.shard())).forward(env, &request).await
        }
    }
}
