//! The worker itself, which stores nothing. It answers what the request, the configuration and the catalogue
//! in KV decide. For everything else the one object answers that stores it.

use coinop_core::http::{self, Problem, Request, StatelessOutcome, with_cors};
use worker::{Env, Response, Result, console_error, web_sys};

use crate::call::{Object, key};
use crate::deployment::{Instance, instance};
use crate::limit::Client;
use crate::platform::Platform;
use crate::request::{from_object, read, respond, unavailable};

/// Answers a client.
pub(crate) async fn answer(incoming: web_sys::Request, env: &Env) -> Result<Response> {
    let headers = incoming.headers();
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
    let client = Client::new(headers, instance, &request);
    if let Some(page) = coinop_web::answer(&request, |question| ask(instance, env, &client, question)).await {
        return respond(page);
    }
    match answer_api(instance, env, &client, &request).await? {
        Answer::Own(response) => respond(response),
        Answer::OfObject(response) => Ok(response),
    }
}

/// An answer to a request to the API.
enum Answer {
    /// The worker's own.
    Own(http::Response),
    /// That of the object that stores what the request is about.
    OfObject(Response),
}

/// Answers a request to the API. Those that an object answers are counted.
async fn answer_api(
    instance: &'static Instance,
    env: &Env,
    client: &Client,
    request: &Request,
) -> Result<Answer> {
    match Platform::stateless(instance, env).handle_stateless(request).await {
        StatelessOutcome::Answered(response) => Ok(Answer::Own(response)),
        StatelessOutcome::AtShard(task) => {
            if let Err(problem) = client.ensure_may_ask(env).await {
                return Ok(Answer::Own(with_cors(&request.method, &request.path, problem.into())));
            }
            let object = Object::of(instance, &key(task.shard()));
            object.forward(env, request).await.map(Answer::OfObject)
        }
    }
}

/// Answers a page's question to the API.
async fn ask(instance: &'static Instance, env: &Env, client: &Client, question: Request) -> http::Response {
    let answered = async {
        match answer_api(instance, env, client, &question).await? {
            Answer::Own(response) => Ok(response),
            Answer::OfObject(response) => from_object(response).await,
        }
    };
    answered.await.unwrap_or_else(|error: worker::Error| {
        console_error!("a page's question can't be answered: {error}");
        Problem::unavailable().into()
    })
}
