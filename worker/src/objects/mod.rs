//! The Durable Objects: each keeps what it is named after, and answers for it.

mod asset;
mod book;
mod merchant;
mod payer;
mod payment;

use coinop_core::error::{StoreError, TransportError, TransportFault};
use coinop_core::http::{self, Problem};
use coinop_core::ports::PortError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{Request, Response, console_error};

use crate::call::REQUEST;
use crate::request::{Forwarded, respond};

/// What an object was asked: the path, and the body as JSON text.
struct Question {
    path: String,
    body: String,
}

impl Question {
    async fn read(mut request: Request) -> worker::Result<Self> {
        let path = request.path().trim_start_matches('/').to_owned();
        Ok(Self { path, body: request.text().await? })
    }

    fn body<T: DeserializeOwned>(&self) -> Result<T, PortError> {
        serde_json::from_str(&self.body)
            .map_err(|error| self.failed(TransportFault::Unreadable(error.to_string())))
    }

    /// Reads a client's request that was forwarded.
    fn forwarded(&self) -> Result<http::Request, PortError> {
        let request = self.body::<Forwarded>()?.request();
        request.ok_or_else(|| self.failed(TransportFault::Unreadable("its body is no base64".to_owned())))
    }

    fn unknown(&self) -> PortError {
        self.failed(TransportFault::Unreadable("there is no such question here".to_owned()))
    }

    fn failed(&self, fault: TransportFault) -> PortError {
        TransportError::new(self.path.as_str(), fault).into()
    }
}

/// What an object answers that can't read its configuration: to another object, or to the client of a request that
/// was forwarded.
fn unconfigured(request: &Request, message: &'static str) -> worker::Result<Response> {
    if request.path().trim_start_matches('/') == REQUEST {
        console_error!("coinop can't serve: {message}");
        return respond(Problem::unavailable().into());
    }
    answer::<()>(Err(StoreError::Invariant(message).into()))
}

/// An answer to another object.
fn answer<T: Serialize>(result: Result<T, PortError>) -> worker::Result<Response> {
    match result {
        Ok(answer) => Response::from_json(&answer),
        Err(error) => {
            console_error!("{error}");
            Response::error(error.to_string(), 500)
        }
    }
}
