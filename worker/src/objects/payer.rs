//! The object of one payer: what is in flight from its balances, its failures, its sessions.

use coinop_core::http::Problem;
use coinop_core::ports::{Journal as _, PortError};
use coinop_core::sharded::{PayerBook, PayerNews};
use coinop_core::svm::Address;
use worker::{DurableObject, Env, Response, Result, State, console_error, durable_object};

use super::book::{Desk, Old};
use super::{Question, answer, unconfigured};
use crate::alarm::AGAIN;
use crate::call::REQUEST;
use crate::deployment::instance;
use crate::journal::PlaceJournal;
use crate::platform::Platform;
use crate::request::respond;
use crate::sql::ObjectSql;

#[durable_object]
pub(crate) struct PayerObject {
    desk: std::result::Result<Desk, &'static str>,
    state: State,
}

impl DurableObject for PayerObject {
    fn new(state: State, env: Env) -> Self {
        Self { desk: instance(&env).map(|instance| Desk::new(&state, &env, instance)), state }
    }

    async fn fetch(&self, request: worker::Request) -> Result<Response> {
        let desk = match &self.desk {
            Ok(desk) => desk,
            Err(message) => return unconfigured(&request, message),
        };
        let question = Question::read(request).await?;
        let book = PayerBook::new(desk.sql.clone());
        match question.path.as_str() {
            REQUEST => {
                let Ok(request) = question.forwarded() else {
                    return respond(Problem::unavailable().into());
                };
                let platform =
                    Platform::new(desk.instance, PlaceJournal::new(desk.sql.clone(), desk.instance));
                respond(platform.handle(&request).await)
            }
            "reserve" => answer(
                async {
                    let reservation = question.body()?;
                    desk.reserving(async {
                        prepared(desk, &book).await?;
                        book.reserve(&reservation).await
                    })
                    .await
                }
                .await,
            ),
            "release" => answer(async { book.release(&question.body()?).await }.await),
            "news" => answer(
                async {
                    let news: PayerNews = question.body()?;
                    prepared(desk, &book).await?;
                    book.hear(&news).await
                }
                .await,
            ),
            "history" => answer(
                async {
                    let (payer, limit): (Address, u32) = question.body()?;
                    PlaceJournal::new(desk.sql.clone(), desk.instance).history_of(&payer, limit).await
                }
                .await,
            ),
            _ => answer::<()>(Err(question.unknown())),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.state.storage().set_alarm(AGAIN).await?;
        if let Ok(desk) = &self.desk {
            let book = PayerBook::new(desk.sql.clone());
            desk.went_off();
            let next = desk.clear_away(book.holds(), async |payment, old| match old {
                Old::Left(asset) => book.clear_away(payment, &asset).await,
                Old::Ended(_) => book.drop_reservation(payment).await,
            });
            match next.await {
                Ok(next) => desk.rest_until(next).await,
                Err(error) => console_error!("{error}"),
            }
        }
        Response::empty()
    }
}

async fn prepared(desk: &Desk, book: &PayerBook<ObjectSql>) -> std::result::Result<(), PortError> {
    if desk.sql.is_absent() {
        desk.sql.begin();
        book.prepare().await?;
    }
    Ok(())
}
