//! The worker itself: it keeps nothing, and asks an object only when it has to.

use coinop_core::http::Place;
use coinop_core::ports::Ports as _;
use worker::{Env, Response, Result, console_error, web_sys};

use crate::call::Object;
use crate::deployment::{Instance, instance};
use crate::journal::PlaceJournal;
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
    let platform = Platform::new(instance, PlaceJournal::elsewhere(env, instance));
    let place = platform.gateway().place(&request);
    // (Whether all is ready is asked of the chain too, and that once.)
    if request.path != "/ready" {
        // Nothing has been done before the journal is asked: so it can be done again where the journal is.
        let response = platform.handle(&request).await;
        if !platform.journal().is_elsewhere() {
            return respond(response);
        }
    }
    match place {
        Some(place) => object(instance, &place).forward(env, &request).await,
        None => unavailable(&request),
    }
}

fn object(instance: &Instance, place: &Place) -> Object {
    match place {
        Place::Asset(asset) => Object::asset(instance, asset),
        Place::Payer(payer) => Object::payer(instance, &payer.to_string()),
        Place::Merchant => Object::merchant(instance),
    }
}
