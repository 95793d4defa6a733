//! The Durable Objects. Each keeps the shard that it is named after, and answers for it.

mod asset;
mod shards;

use coinop_core::error::{StoreError, TransportError, TransportFault};
use coinop_core::http::{self, Problem};
use coinop_core::ports::PortError;
use worker::{Request, Response, console_error};

use crate::call::REQUEST;
use crate::request::{Forwarded, respond};

/// The object to which a client's request was forwarded.
struct Addressee {
    name: String,
    reads_kv: bool,
}

/// A request to an object: the path, and the body as JSON text.
struct ObjectRequest {
    path: String,
    body: String,
}

impl ObjectRequest {
    async fn read(mut request: Request) -> worker::Result<Self> {
        let path = request.path().trim_start_matches('/').to_owned();
        Ok(Self { path, body: request.text().await? })
    }

    /// Reads a client's forwarded request and the object to which it was sent.
    fn forwarded(&self) -> Result<(http::Request, Addressee), PortError> {
        let failed = |words| TransportError::new("a forwarded request", TransportFault::Unreadable(words));
        let forwarded: Forwarded =
            serde_json::from_str(&self.body).map_err(|error| failed(error.to_string()))?;
        let to = Addressee { name: forwarded.to.clone(), reads_kv: forwarded.reads_kv };
        let request = forwarded.request();
        let request = request.ok_or_else(|| failed("its body is not base64".to_owned()))?;
        Ok((request, to))
    }
}

/// Answers for an object that cannot read its configuration: to another object, or to the client of a
/// forwarded request.
fn unconfigured(request: &Request, message: &'static str) -> worker::Result<Response> {
    if request.path().trim_start_matches('/') == REQUEST {
        console_error!("coinop can't serve: {message}");
        return respond(Problem::unavailable().into());
    }
    answer(Err(StoreError::Service { name: "coinop can't serve", words: message.to_owned() }.into()))
}

/// Answers a client whose request was forwarded.
fn answer_client(result: Result<http::Response, PortError>) -> worker::Result<Response> {
    respond(result.unwrap_or_else(|error| {
        console_error!("{error}");
        Problem::unavailable().into()
    }))
}

/// Answers another object.
fn answer(result: Result<String, PortError>) -> worker::Result<Response> {
    match result {
        Ok(answer) => Response::ok(answer),
        Err(error) => {
            console_error!("{error}");
            Response::error(error.to_string(), 500)
        }
    }
}
