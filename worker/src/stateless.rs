//! The worker itself, which stores nothing. It answers what the request, the configuration and the catalogue
//! in KV decide. For everything else the one object answers that stores it.

use coinop_core::http::{self, Problem, Request, StatelessOutcome};
use worker::{Env, Response, Result, console_error, web_sys};

use crate::call::{Object, key};
use crate::deployment::{Instance, instance};
use crate::platform::Platform;
use crate::request::{from_object, read, respond, unavailable};

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
    if let Some(redirect) = coinop_web::to_page(&request) {
        return respond(redirect);
    }
    if let Some(page) = coinop_web::answer(&request, |question| ask(instance, env, question)).await {
        return respond(page);
    }
    match Platform::stateless(instance, env).handle_stateless(&request).await {
        StatelessOutcome::Answered(response) => respond(response),
        StatelessOutcome::AtShard(task) => {
            Object::of(instance, &key(task.shard())).forward(env, &request).await
        }
    }
}

/// Answers a page's question to the API.
async fn ask(instance: &'static Instance, env: &Env, question: Request) -> http::Response {
    let forwarded = match Platform::stateless(instance, env).handle_stateless(&question).await {
        StatelessOutcome::Answered(response) => return response,
        StatelessOutcome::AtShard(task) => {
            Object::of(instance, &key(task.shard())).forward(env, &question).await
        }
    };
    match forwarded {
        Ok(answer) => from_object(answer).await.unwrap_or_else(|_| Problem::unavailable().into()),
        Err(error) => {
            console_error!("a page's question can't be answered: {error}");
            Problem::unavailable().into()
        }
    }
}
