//! The Durable Objects: each keeps what it is named after, and answers for it.

mod asset;
mod book;
mod merchant;
mod payer;
mod payment;

use coinop_core::ports::PortError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{Request, Response, console_error};

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
        serde_json::from_str(&self.body).map_err(|error| PortError(format!("{}: {error}", self.path)))
    }

    fn unknown(&self) -> PortError {
        PortError(format!("there is no {} here", self.path))
    }
}

/// An answer to another object.
fn answer<T: Serialize>(result: Result<T, PortError>) -> worker::Result<Response> {
    match result {
        Ok(answer) => Response::from_json(&answer),
        Err(error) => {
            console_error!("{error}");
            Response::error(error.0, 500)
        }
    }
}
