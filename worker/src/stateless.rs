//! The worker itself: it keeps nothing, and asks an object only when it has to.

use coinop_core::http::{Place, Problem};
use worker::{Env, Request, Response, Result, console_error};

use crate::call::Object;
use crate::deployment::{Instance, instance};
use crate::journal::PlaceJournal;
use crate::platform::Platform;
use crate::request::{read, respond};
use crate::sql::ObjectSql;

/// Answers a client.
pub(crate) async fn answer(mut incoming: Request, env: &Env) -> Result<Response> {
    let request = match read(&mut incoming).await {
        Ok(request) => request,
        Err(problem) => return respond(problem.into()),
    };
    let instance = match instance(env) {
        Ok(instance) => instance,
        Err(message) => {
            console_error!("coinop can't serve: {message}");
            return respond(Problem::unavailable().into());
        }
    };
    let sql = ObjectSql::elsewhere();
    let platform = Platform::new(instance, PlaceJournal::new(sql.clone(), instance));
    let gateway = platform.gateway();
    let place = gateway.place(&request);
    if place != Some(Place::Merchant) {
        // Nothing has been done before the journal is asked: so it can be done again where the journal is.
        let response = platform.handle(&request).await;
        if !sql.was_asked_in_vain() {
            return respond(response);
        }
    }
    match place {
        Some(place) => object(instance, &place).forward(env, &request).await,
        None => respond(Problem::unavailable().into()),
    }
}

fn object(instance: &Instance, place: &Place) -> Object {
    match place {
        Place::Asset(asset) => Object::asset(instance, asset),
        Place::Payer(payer) => Object::payer(instance, &payer.to_string()),
        Place::Merchant => Object::merchant(instance),
    }
}
