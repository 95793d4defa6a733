//! The worker itself: it keeps nothing, and asks an object only when it has to.

use std::cell::Cell;
use std::future::{Future, ready};

use coinop_core::gateway::Gateway;
use coinop_core::http::{Place, Problem};
use coinop_core::store::{Sql, SqlError, SqlJournal, Value};
use worker::{Env, Request, Response, Result, console_error};

use crate::call::Object;
use crate::deployment::{Instance, instance};
use crate::platform::Platform;
use crate::request::{read, respond};

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
    let asked = Cell::new(false);
    let journal = SqlJournal::new(Elsewhere(&asked), instance.deployment.config.merchant.id.clone());
    let platform = Platform::new(instance, journal);
    let gateway = Gateway::new(&instance.deployment, &platform);
    let place = gateway.place(&request);
    if place != Some(Place::Merchant) {
        // Nothing has been done before the journal is asked: so it can be done again where the journal is.
        let response = gateway.handle(&request).await;
        if !asked.get() {
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

/// Storage that is elsewhere: it only notes that it was asked.
struct Elsewhere<'a>(&'a Cell<bool>);

impl Sql for Elsewhere<'_> {
    fn run(
        &self,
        _: &str,
        _: &[Value],
    ) -> impl Future<Output = std::result::Result<Vec<Vec<Value>>, SqlError>> {
        self.0.set(true);
        ready(Err(SqlError::Other("it is elsewhere".to_owned())))
    }
}
