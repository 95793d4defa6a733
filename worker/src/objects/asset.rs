//! The object of one asset: its aggregate, its sessions, its claims.

use std::cell::Cell;
use std::pin::pin;

use coinop_core::http::{IMPATIENT, Problem, Response};
use coinop_core::ids::PaymentId;
use coinop_core::ports::{Journal as _, PortError, Ports as _};
use coinop_core::session::index::PaymentStatus;
use futures::future::{Either, select};
use worker::{DurableObject, Env, Result, State, console_error, durable_object};

use super::{Question, answer, unconfigured};
use crate::alarm::{AGAIN, AGAIN_MS};
use crate::call::REQUEST;
use crate::deployment::instance;
use crate::journal::PlaceJournal;
use crate::platform::Platform;
use crate::request::respond;
use crate::runtime::{now, sleep};

/// Requests that may wait here at once; one more is told at once that its payment is pending.
const MOST_WAITING: u32 = 256;
/// How long a request waits until the others are told of what it did, in milliseconds. After that the alarm does it.
const TELL_MS: u64 = 2_000;

#[durable_object]
pub(crate) struct AssetObject {
    inside: std::result::Result<Inside, &'static str>,
    waiting: Cell<u32>,
    state: State,
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
        Self { inside, waiting: Cell::new(0), state }
    }

    async fn fetch(&self, request: worker::Request) -> Result<worker::Response> {
        let inside = match &self.inside {
            Ok(inside) => inside,
            Err(message) => return unconfigured(&request, message),
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
        // Before anything else: whatever happens here, it goes off again. (The runtime tries six times, and an outage
        // may last longer; a configuration that can't be read may be mended next week.)
        self.state.storage().set_alarm(AGAIN).await?;
        if let Ok(inside) = &self.inside {
            inside.journal().went_off(now().plus_millis(AGAIN_MS));
            if let Err(error) = inside.carry_out().await {
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
        let mut request = question.forwarded()?;
        if impatient {
            request.headers.push((IMPATIENT.to_owned(), "1".to_owned()));
        }
        let response = self.platform.handle(&request).await;
        // What was bought is in its payer's history with the answer, unless that takes long.
        if let Either::Right(_) = select(pin!(self.tidy()), pin!(sleep(TELL_MS))).await {
            console_error!("the others take long to hear of what happened");
        }
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
