//! Converts requests from WASI for the core, and the core's responses back.

use std::pin::pin;

use coinop_core::Gateway;
use coinop_core::config::{Config, ConfigError};
use coinop_core::http::{
    self, Context, MAX_BODY, NO_WAIT, Problem, RECENT_BLOCKHASH, Request, Response, Route, StatelessOutcome,
    WAIT, with_cors,
};
use futures::StreamExt as _;
use spin_sdk::http::{Headers, IncomingRequest, Method, OutgoingResponse, ResponseOutparam};

use crate::deployment::gateway;
use crate::hooks;
use crate::platform::Platform;

/// How long a request waits for its payment's outcome on Spin, in milliseconds. There it takes an instance for itself.
const WAIT_MS: &str = "5000";

mod export {
    #![allow(unsafe_code, reason = "the macro writes the export by hand")]
    use super::{IncomingRequest, ResponseOutparam};

    #[spin_sdk::http_component]
    async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
        super::handle(incoming, out).await;
    }
}

async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    let mut request = match read(incoming).await {
        Ok(request) => request,
        Err(refusal) => return send(refusal, out).await,
    };
    let (gateway, answered) = match gateway() {
        Ok(gateway) => {
            let answered = answer(&gateway, &mut request).await;
            (Some(gateway), answered)
        }
        Err(message) => (None, Err(message)),
    };
    let has_answered = answered.is_ok();
    let response = answered.unwrap_or_else(|message| {
        eprintln!("coinop can't serve: {message}");
        with_cors(&request.method, &request.path, Problem::unavailable().into())
    });
    send(response, out).await;
    if let Some(gateway) = gateway.filter(|_| has_answered) {
        run_due(&gateway, &request).await;
    }
}

/// Answers a request. On Spin only a request that needs the journal opens the database.
///
/// # Errors
///
/// A line for the operator that says why nothing can be answered.
async fn answer(gateway: &Gateway<'static, Platform>, request: &mut Request) -> Result<Response, String> {
    let ports = gateway.ports();
    if !ports.has_controller() {
        // No host of ours stands between the client and this instance, so headers that only the host may set
        // come from a client.
        request.headers.retain(|(name, _)| ![NO_WAIT, RECENT_BLOCKHASH, WAIT].contains(&name.as_str()));
        request.headers.push((WAIT.to_owned(), WAIT_MS.to_owned()));
    }
    if ports.has_controller() {
        // `coinop serve` calls one instance many times. A failure here keeps the instance from offering what
        // it could not store.
        ports.prepare().await.map_err(|error| error.to_string())?;
    }
    if let Some(response) = coinop_web::file(request).or_else(|| coinop_web::to_page(request)) {
        return Ok(response);
    }
    if let Some(page) = coinop_web::answer(request, |question| ask(gateway, question)).await {
        return Ok(page);
    }
    answer_api(gateway, request).await
}

/// Answers a page's question to the API.
async fn ask(gateway: &Gateway<'static, Platform>, question: Request) -> Response {
    answer_api(gateway, &question).await.unwrap_or_else(|message| {
        eprintln!("a page's question can't be answered: {message}");
        Problem::unavailable().into()
    })
}

/// Answers a request to the API.
///
/// # Errors
///
/// A line for the operator that says why nothing can be answered.
async fn answer_api(gateway: &Gateway<'static, Platform>, request: &Request) -> Result<Response, String> {
    let ports = gateway.ports();
    need_assets(&gateway.deployment().config, request).map_err(|error| format!("coinop_config: {error}"))?;
    let context = Context::new(gateway.deployment(), ports);
    match http::handle_stateless(&context, request).await {
        StatelessOutcome::Answered(response) => Ok(response),
        StatelessOutcome::AtShard(task) => {
            ports.prepare().await.map_err(|error| error.to_string())?;
            Ok(http::at_shard(&context, request, task).await)
        }
    }
}

/// Reads the assets that a request may be about, before the request is answered.
fn need_assets(config: &Config, request: &Request) -> Result<(), ConfigError> {
    match Route::parse(&request.path).filter(|_| request.method != "OPTIONS") {
        None
        | Some(
            Route::Health
            | Route::Keys
            | Route::Session(_)
            | Route::Stop(_)
            | Route::MakeCode(_)
            | Route::Payer(_)
            | Route::MerchantSessions
            | Route::MerchantOwed
            | Route::OwedEntry(_),
        ) => Ok(()),
        Some(
            Route::Asset(id)
            | Route::AssetStatus(id)
            | Route::Quote(id)
            | Route::Access(id)
            | Route::Transaction(id)
            | Route::UseCode(id)
            | Route::Extend(id)
            | Route::ExtendTransaction(id),
        ) => id.map_or(Ok(()), |id| config.need_asset(&id).map(drop)),
        Some(Route::Assets | Route::Ready | Route::Tick) => config.need_all(),
    }
}

/// Carries out one bounded step of the due work, if no host calls the controller. It runs after the answer to
/// a request, so that no client waits for another one's payment.
async fn run_due(gateway: &Gateway<'static, Platform>, request: &Request) {
    let ports = gateway.ports();
    let may = || Route::parse(&request.path).is_some_and(|route| route.may_run_due(request));
    if ports.has_controller() || ports.has_no_database() || !may() {
        return;
    }
    let ended = gateway.step(false, Vec::new()).await.map(drop);
    let settled = gateway.settle_due().await.map(drop);
    for error in [ended, settled].into_iter().filter_map(Result::err) {
        eprintln!("due work can't be carried out now; a later request tries it again: {error}");
    }
}

/// Sends an answer. A client that hung up does not get it, which is not an error.
async fn send(response: Response, out: ResponseOutparam) {
    let headers: Vec<_> =
        response.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())).collect();
    // Our own header names and values are always valid.
    let Ok(headers) = Headers::from_list(&headers) else { return };
    let outgoing = OutgoingResponse::new(headers);
    if outgoing.set_status_code(response.status).is_ok() {
        let _ = out.set_with_body(outgoing, response.body).await;
    }
}

/// Reads a request, or returns the answer that says what is wrong with it.
async fn read(incoming: IncomingRequest) -> Result<Request, Response> {
    let target = incoming.path_with_query().unwrap_or_default();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (target, None),
    };
    let headers = incoming.headers().entries().into_iter().map(|(name, value)| {
        // A value that is not ASCII is never a valid header of ours, but it must not look like a missing
        // header either.
        (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned())
    });
    let headers: Vec<_> = headers.collect();
    hooks::begin_request(&headers);
    let method = match incoming.method() {
        Method::Get => "GET".to_owned(),
        Method::Head => "HEAD".to_owned(),
        Method::Post => "POST".to_owned(),
        Method::Other(method) => method,
        other => format!("{other}").to_ascii_uppercase(),
    };
    match read_body(incoming).await {
        Ok(body) => Ok(Request { method, path, query, headers, body }),
        Err(problem) => Err(with_cors(&method, &path, problem.into())),
    }
}

async fn read_body(incoming: IncomingRequest) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    let mut stream = pin!(incoming.into_body_stream());
    while let Some(chunk) = stream.next().await {
        let unread = |_| {
            Problem::malformed(
                "malformed_body",
                "The body could not be read to its end. Send the request again.",
            )
        };
        body.extend(chunk.map_err(unread)?);
        if body.len() > MAX_BODY {
            return Err(Problem::body_too_large());
        }
    }
    Ok(body)
}
