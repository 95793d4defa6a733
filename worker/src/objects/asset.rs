//! The object of one asset: its aggregate, its sessions, its claims.

use std::cell::Cell;

use coinop_core::http::{IMPATIENT, Problem, Request, Response};
use coinop_core::ids::PaymentId;
use coinop_core::ports::{Journal as _, PortError, Ports as _};
use coinop_core::session::index::PaymentStatus;
use worker::{DurableObject, Env, Result, State, console_error, durable_object};

use super::{Question, answer};
use crate::call::REQUEST;
use crate::deployment::instance;
use crate::journal::PlaceJournal;
use crate::platform::Platform;
use crate::request::{Forwarded, respond};

/// Requests that may wait here at once; one more is told at once that its payment is pending.
const MOST_WAITING: u32 = 256;
/// When the alarm goes off again if its handler does not get to its end, in milliseconds.
const AGAIN_MS: u64 = 30_000;

#[durable_object]
pub(crate) struct AssetObject {
    inside: std::result::Result<Inside, &'static str>,
    waiting: Cell<u32>,
}

struct Inside {
    platform: Platform,
}

impl DurableObject for AssetObject {
    fn new(state: State, env: Env) -> Self {
        let inside = instance(&env).map(|instance| {
            let journal = PlaceJournal::of_asset(&state, &env, instance);
            Inside { platform: Platform::new(instance, journal) }
        });
        Self { inside, waiting: Cell::new(0) }
    }

    async fn fetch(&self, request: worker::Request) -> Result<worker::Response> {
        let inside = match &self.inside {
            Ok(inside) => inside,
            Err(message) => return answer::<()>(Err(PortError((*message).to_owned()))),
        };
        let question = Question::read(request).await?;
        match question.path.as_str() {
            REQUEST => {
                self.waiting.set(self.waiting.get().saturating_add(1));
                let impatient = self.waiting.get() > MOST_WAITING;
                let response = inside.respond(&question, impatient).await;
                self.waiting.set(self.waiting.get().saturating_sub(1));
                respond(response.unwrap_or_else(|error| {
                    console_error!("{error}");
                    Problem::unavailable().into()
                }))
            }
            "payment" => answer(inside.status_of(&question).await),
            "tick" => answer(inside.carry_out().await),
            _ => answer::<()>(Err(question.unknown())),
        }
    }

    async fn alarm(&self) -> Result<worker::Response> {
        if let Ok(inside) = &self.inside {
            // Before anything else: whatever happens here, it goes off again. (The runtime tries six times, and
            // an outage may last longer.)
            let again = inside.journal().rearm(AGAIN_MS).await;
            if let Err(error) = again.and(inside.carry_out().await) {
                console_error!("{error}");
            }
        }
        worker::Response::empty()
    }
}

impl Inside {
    fn journal(&self) -> &PlaceJournal {
        self.platform.journal()
    }

    async fn respond(
        &self,
        question: &Question,
        impatient: bool,
    ) -> std::result::Result<Response, PortError> {
        self.journal().open().await?;
        let mut request = Request::from(question.body::<Forwarded>()?);
        if impatient {
            request.headers.push((IMPATIENT.to_owned(), "1".to_owned()));
        }
        let response = self.platform.handle(&request).await;
        self.tidy().await;
        Ok(response)
    }

    /// Whether a payment is in flight here, or has bought something.
    async fn status_of(&self, question: &Question) -> std::result::Result<Option<PaymentStatus>, PortError> {
        let id: PaymentId = question.body()?;
        self.journal().open().await?;
        Ok(self.journal().payment(&id).await?.map(|record| record.status))
    }

    /// Carries out what is due, and tells the others.
    async fn carry_out(&self) -> std::result::Result<(), PortError> {
        self.journal().open().await?;
        let ended = self.platform.gateway().step(false, Vec::new()).await.map(drop);
        let settled = self.platform.gateway().settle_due().await.map(drop);
        self.tidy().await;
        ended.and(settled)
    }

    /// Tells the others what happened, and has the alarm go off when something is due. What fails here is done by
    /// the alarm, which is armed since before the append.
    async fn tidy(&self) {
        let journal = self.journal();
        if let Err(error) = journal.deliver().await {
            console_error!("the others could not be told yet: {error}");
        }
        journal.arm().await.unwrap_or_else(|error| console_error!("{error}"));
    }
}
