//! The object of one payment, named by its message's hash: which asset has it.

use coinop_core::ports::PortError;
use coinop_core::sharded::{PaymentBook, PaymentNews};
use worker::{DurableObject, Env, Response, Result, State, console_error, durable_object};

use super::book::{Desk, Old};
use super::{Question, answer, unconfigured};
use crate::alarm::AGAIN;
use crate::deployment::instance;
use crate::sql::ObjectSql;

#[durable_object]
pub(crate) struct PaymentObject {
    desk: std::result::Result<Desk, &'static str>,
    state: State,
}

impl DurableObject for PaymentObject {
    fn new(state: State, env: Env) -> Self {
        Self { desk: instance(&env).map(|instance| Desk::new(&state, &env, instance)), state }
    }

    async fn fetch(&self, request: worker::Request) -> Result<Response> {
        let desk = match &self.desk {
            Ok(desk) => desk,
            Err(message) => return unconfigured(&request, message),
        };
        let question = Question::read(request).await?;
        let book = PaymentBook::new(desk.sql.clone());
        match question.path.as_str() {
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
            "owner" => answer(async { book.owner(&question.body()?).await }.await),
            "news" => answer(
                async {
                    let news: PaymentNews = question.body()?;
                    // What failed before anybody asked for it leaves nothing here.
                    if news.ended.failed.is_some() && desk.sql.is_absent() {
                        return Ok(());
                    }
                    desk.reserving(async {
                        prepared(desk, &book).await?;
                        book.hear(&news).await
                    })
                    .await
                }
                .await,
            ),
            _ => answer::<()>(Err(question.unknown())),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.state.storage().set_alarm(AGAIN).await?;
        let Ok(desk) = &self.desk else { return Response::empty() };
        let book = PaymentBook::new(desk.sql.clone());
        desk.went_off();
        let next = desk.clear_away(book.holds(), async |payment, old| match old {
            Old::Left(asset) => book.clear_away(payment, &asset).await,
            Old::Ended(_) => book.drop_reservation(payment).await,
        });
        match next.await {
            Ok(None) => self.rest(&book).await,
            Ok(next) => desk.rest_until(next).await,
            Err(error) => console_error!("{error}"),
        }
        Response::empty()
    }
}

impl PaymentObject {
    /// Nothing is left to be done. If nothing is left to be known either, the object ceases to be.
    async fn rest(&self, book: &PaymentBook<ObjectSql>) {
        let Ok(desk) = &self.desk else { return };
        desk.rest_until(None).await;
        match book.is_empty().await {
            Ok(true) => {
                // First: who asks while they are deleted makes them anew.
                desk.sql.forget();
                if let Err(error) = self.state.storage().delete_all().await {
                    console_error!("{error}");
                }
            }
            Ok(false) => {}
            Err(error) => console_error!("{error}"),
        }
    }
}

async fn prepared(desk: &Desk, book: &PaymentBook<ObjectSql>) -> std::result::Result<(), PortError> {
    if desk.sql.is_absent() {
        desk.sql.begin();
        book.prepare().await?;
    }
    Ok(())
}
