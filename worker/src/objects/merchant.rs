//! The merchant's object: the fee budget, the catalogue, and where each asset stands.

use std::cell::Cell;

use coinop_core::http::{self, Before, Problem};
use coinop_core::ports::{Journal as _, PortError, Ports as _};
use coinop_core::sharded::{Ended, MerchantBook};
use coinop_core::time::Timestamp;
use worker::{DurableObject, Env, Response, Result, State, console_error, durable_object};

use super::book::{Desk, Old};
use super::{Question, answer, unconfigured};
use crate::alarm::AGAIN;
use crate::call::{Object, REQUEST};
use crate::catalogue;
use crate::deployment::instance;
use crate::journal::PlaceJournal;
use crate::platform::Platform;
use crate::request::respond;
use crate::runtime::now;
use crate::sql::ObjectSql;

/// Assets of which each kind that one tick looks after at most.
const ASSETS_PER_TICK: u32 = 32;
/// How long one tick begins with another asset, in milliseconds.
const LONGEST_TICK_MS: u64 = 15_000;

#[durable_object]
pub(crate) struct MerchantObject {
    desk: std::result::Result<Desk, &'static str>,
    state: State,
    /// Whether the catalogue's readers are being given what changed. Two at it could overtake each other.
    publishing: Cell<bool>,
}

impl DurableObject for MerchantObject {
    fn new(state: State, env: Env) -> Self {
        Self {
            desk: instance(&env).map(|instance| Desk::new(&state, &env, instance)),
            publishing: Cell::new(false),
            state,
        }
    }

    async fn fetch(&self, request: worker::Request) -> Result<Response> {
        let desk = match &self.desk {
            Ok(desk) => desk,
            Err(message) => return unconfigured(&request, message),
        };
        let question = Question::read(request).await?;
        let book = MerchantBook::new(desk.sql.clone());
        match question.path.as_str() {
            REQUEST => {
                let Ok(request) = question.forwarded() else {
                    return respond(Problem::unavailable().into());
                };
                let journal = PlaceJournal::new(desk.sql.clone(), desk.instance);
                let platform = Platform::new(desk.instance, journal);
                respond(match platform.before_shard(&request).await {
                    Before::Answered(response) => response,
                    Before::AtShard(task) if task.is_tick() => {
                        http::tick(&platform.context(), self.tick(desk, platform.journal())).await
                    }
                    Before::AtShard(task) => platform.at_shard(&request, task).await,
                })
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
                    let news = question.body()?;
                    // If the readers can't be given what changed, the alarm will.
                    prepared(desk, &book).await?;
                    book.hear(&news).await?;
                    if book.unpublished().await?.is_empty() {
                        return Ok(());
                    }
                    desk.wake_again().await?;
                    self.publish(desk, &book).await.or_else(|error| {
                        console_error!("{error}");
                        Ok(())
                    })
                }
                .await,
            ),
            _ => answer::<()>(Err(question.unknown())),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.state.storage().set_alarm(AGAIN).await?;
        if let Ok(desk) = &self.desk {
            let book = MerchantBook::new(desk.sql.clone());
            desk.went_off();
            match self.look_after(desk, &book).await {
                Ok(next) => desk.rest_until(next).await,
                // It is armed already.
                Err(error) => console_error!("{error}"),
            }
        }
        Response::empty()
    }
}

impl MerchantObject {
    /// The alarm: publishes what could not be published before, and clears away what was left behind. Returns when to
    /// do so again.
    async fn look_after(
        &self,
        desk: &Desk,
        book: &MerchantBook<ObjectSql>,
    ) -> std::result::Result<Option<Timestamp>, PortError> {
        let published = self.publish(desk, book).await;
        let next = desk.clear_away(book.holds(), async |payment, old| match old {
            Old::Left(asset) => book.clear_away(payment, &asset).await,
            Old::Ended(Ended { payment, .. }) => book.spent(&payment).await,
        });
        let next = next.await?;
        published?;
        // Whoever else is at it may fail.
        let left = !book.unpublished().await?.is_empty();
        Ok(if left { Some(now()) } else { next })
    }

    /// Gives the catalogue's readers what they do not have yet.
    async fn publish(
        &self,
        desk: &Desk,
        book: &MerchantBook<ObjectSql>,
    ) -> std::result::Result<(), PortError> {
        // Whoever is at it takes this along.
        if self.publishing.replace(true) {
            return Ok(());
        }
        let done = publish_all(desk, book).await;
        self.publishing.set(false);
        done
    }

    /// Has the assets carry out what is due, a bounded number of them. (Their own alarms do; this is for a case
    /// in which those do not.) Returns whether there are more.
    async fn tick(&self, desk: &Desk, journal: &PlaceJournal) -> std::result::Result<bool, PortError> {
        let mut assets = journal.due(now(), ASSETS_PER_TICK).await?;
        let unsettled = journal.unsettled(now(), ASSETS_PER_TICK).await?;
        let mut more = [&assets, &unsettled].iter().any(|some| some.len() >= ASSETS_PER_TICK as usize);
        for asset in unsettled {
            if !assets.contains(&asset) {
                assets.push(asset);
            }
        }
        let started = now();
        for asset in &assets {
            if now().millis_since(started) >= LONGEST_TICK_MS {
                more = true;
                break;
            }
            let ticked = Object::asset(desk.instance, asset).ask::<()>(&desk.env, "tick", &()).await;
            ticked.unwrap_or_else(|error| console_error!("{asset}: {error}"));
        }
        Ok(more)
    }
}

async fn publish_all(desk: &Desk, book: &MerchantBook<ObjectSql>) -> std::result::Result<(), PortError> {
    loop {
        let publications = book.unpublished().await?;
        if publications.is_empty() {
            return Ok(());
        }
        for publication in &publications {
            catalogue::publish(&desk.env, publication).await?;
            book.published(publication).await?;
        }
    }
}

async fn prepared(desk: &Desk, book: &MerchantBook<ObjectSql>) -> std::result::Result<(), PortError> {
    if desk.sql.is_absent() {
        desk.sql.begin();
        book.prepare().await?;
    }
    Ok(())
}
