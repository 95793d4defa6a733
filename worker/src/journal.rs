//! The journal of one place: its own tables, and for an asset what has to be agreed with others before an append.

use std::future::poll_fn;
use std::task::Poll;

use coinop_core::config::Asset;
use coinop_core::encoding::hex;
use coinop_core::error::StoreError;
use coinop_core::ids::{AssetId, PaymentId, SessionId};
use coinop_core::ports::{Appended, Catalogue, Cursor, Journal, PayerHistory, PortError};
use coinop_core::quote::TicketId;
use coinop_core::session::index::{IndexChange, PaymentRecord, SessionRecord};
use coinop_core::session::{Batch, Stored};
use coinop_core::sharded::{Delivery, Fee, Outbox, Reservation, Reserved};
use coinop_core::store::SqlJournal;
use coinop_core::svm::Address;
use coinop_core::time::Timestamp;
use futures::future::LocalBoxFuture;
use worker::{Env, State, console_error};

use crate::alarm::Alarm;
use crate::call::Object;
use crate::catalogue::Readers;
use crate::deployment::Instance;
use crate::runtime::{now, random};
use crate::sql::ObjectSql;

/// How long after an append the alarm tells others of it, if the request could not, in milliseconds.
const DELIVER_AFTER_MS: u64 = 5_000;
/// How long until what is overdue is tried again, in milliseconds.
const RETRY_MS: u64 = 2_000;

/// A place's journal.
pub(crate) struct PlaceJournal {
    sql: ObjectSql,
    own: SqlJournal<ObjectSql>,
    /// What an asset's journal has besides. (Not a type of its own, so that the core is in the script once.)
    asset: Option<Others>,
    /// Where the catalogue is read; `None`: this place knows itself.
    readers: Option<Readers>,
}

/// What an asset needs to agree with the others, and to be woken.
struct Others {
    env: Env,
    instance: &'static Instance,
    alarm: Alarm,
}

impl PlaceJournal {
    /// The journal of a place that appends nothing.
    pub(crate) fn new(sql: ObjectSql, instance: &Instance) -> Self {
        let own = SqlJournal::new(sql.clone(), instance.deployment.config.merchant.id.clone());
        Self { sql, own, asset: None, readers: None }
    }

    /// No journal: every method of it is an error that says so. The assets made by API are read from the catalogue in KV.
    ///
    /// Not a type of its own, so that the core is in the script once.
    pub(crate) fn none(env: &Env, instance: &Instance) -> Self {
        Self { readers: Some(Readers::new(env, instance)), ..Self::new(ObjectSql::none(), instance) }
    }

    /// The journal of an asset.
    pub(crate) fn of_asset(state: &State, env: &Env, instance: &'static Instance) -> Self {
        let others = Others { env: env.clone(), instance, alarm: Alarm::new(state.storage()) };
        Self { asset: Some(others), ..Self::new(ObjectSql::of(&state.storage()), instance) }
    }

    /// Brings the tables up to date, if there are any.
    pub(crate) async fn open(&self) -> Result<(), PortError> {
        if self.sql.is_absent() { Ok(()) } else { self.prepare().await }
    }

    async fn prepare(&self) -> Result<(), PortError> {
        self.sql.begin();
        self.own.prepare().await?;
        self.outbox().prepare().await
    }

    fn others(&self) -> Result<&Others, PortError> {
        self.asset.as_ref().ok_or_else(|| StoreError::Invariant("only an asset's journal is written").into())
    }

    const fn outbox(&self) -> Outbox<'_, ObjectSql> {
        Outbox::new(&self.sql, &self.own)
    }

    /// Has the alarm go off when something is due, or not at all.
    pub(crate) async fn arm(&self) -> Result<(), PortError> {
        let now = now();
        let overdue =
            !self.own.due(now, 1).await?.is_empty() || !self.own.unsettled(now, 1).await?.is_empty();
        let soon = [
            overdue.then(|| now.plus_millis(RETRY_MS)),
            self.outbox().is_pending().await?.then(|| now.plus_millis(DELIVER_AFTER_MS)),
        ];
        let due = [self.own.next_due(now).await?, self.own.next_unsettled(now).await?];
        let first = |moments: [Option<Timestamp>; 2]| moments.into_iter().flatten().min();
        self.others()?.alarm.set_next(first(due), first(soon)).await
    }

    /// The alarm has gone off, and is armed for this moment now.
    pub(crate) fn went_off(&self, again: Timestamp) {
        if let Some(others) = &self.asset {
            others.alarm.went_off(again);
        }
    }

    /// Tells the others what they have not been told yet.
    pub(crate) async fn deliver(&self) -> Result<(), PortError> {
        let others = self.others()?;
        while let Some(delivery) = self.outbox().next().await? {
            others.tell(&delivery).await?;
            self.outbox().delivered(&delivery).await?;
        }
        Ok(())
    }
}

impl Others {
    async fn tell(&self, delivery: &Delivery) -> Result<(), PortError> {
        let (env, instance) = (&self.env, self.instance);
        let mut told: Vec<LocalBoxFuture<'_, Result<(), PortError>>> = Vec::new();
        for news in &delivery.payers {
            let payer = Object::payer(instance, &news.payer.to_string());
            told.push(Box::pin(async move { payer.ask(env, "news", news).await }));
        }
        for news in &delivery.payments {
            let payment = Object::payment(instance, news.ended.payment.as_str());
            told.push(Box::pin(async move { payment.ask(env, "news", news).await }));
        }
        let merchant = Object::merchant(instance);
        told.push(Box::pin(async move { merchant.ask(env, "news", &delivery.merchant).await }));
        all(told).await.into_iter().collect()
    }

    /// Which objects an append has to ask before it claims a payment, and what.
    fn reservations(&self, asset: &AssetId, batch: &Batch) -> Vec<(Object, Reservation)> {
        let attempt = hex(&random());
        let mut all = Vec::new();
        for change in &batch.index {
            let IndexChange::Claim { id, record, day, fee, fee_payer, .. } = change else { continue };
            let plain = Reservation {
                payment: id.clone(),
                asset: asset.clone(),
                attempt: attempt.clone(),
                at: record.at,
                cover: None,
                fee: None,
            };
            all.push((Object::payment(self.instance, id.as_str()), plain.clone()));
            let covered = Reservation { cover: batch.cover.clone(), ..plain.clone() };
            all.push((Object::payer(self.instance, &record.payer.to_string()), covered));
            let budget = self.instance.deployment.config.settlement.max_fee_lamports_per_day;
            let slack = batch.cover.as_ref().and_then(|cover| cover.slack);
            let fee = Some(Fee { day: *day, lamports: *fee, budget, fee_payer: *fee_payer, slack });
            all.push((Object::merchant(self.instance), Reservation { fee, ..plain }));
        }
        all
    }

    /// Reserves all of them, or none.
    async fn reserve(&self, wanted: &[(Object, Reservation)]) -> Result<Reserved, PortError> {
        let mut asked: Vec<LocalBoxFuture<'_, Result<Reserved, PortError>>> = Vec::new();
        for (object, wanted) in wanted {
            asked.push(Box::pin(object.ask(&self.env, "reserve", wanted)));
        }
        let answers = all(asked).await;
        let refused = answers.iter().find(|answer| !matches!(answer, Ok(Reserved::Done)));
        let answer = refused.cloned().unwrap_or(Ok(Reserved::Done));
        if !matches!(answer, Ok(Reserved::Done)) {
            self.release(wanted).await;
        }
        answer
    }

    /// Takes back what an attempt has reserved. What can't be reached now is cleared away later.
    async fn release(&self, reserved: &[(Object, Reservation)]) {
        let mut released: Vec<LocalBoxFuture<'_, Result<(), PortError>>> = Vec::new();
        for (object, reservation) in reserved {
            released.push(Box::pin(
                async move { object.ask(&self.env, "release", &reservation.release()).await },
            ));
        }
        for error in all(released).await.into_iter().filter_map(Result::err) {
            console_error!("a reservation is left behind: {error}");
        }
    }
}

/// Waits for all of them, which go on side by side. (They are few: a library's way, made for thousands, is as large as
/// the rest of this file.)
async fn all<T>(mut futures: Vec<LocalBoxFuture<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut left = false;
        for (future, done) in futures.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(value) => *done = Some(value),
                Poll::Pending => left = true,
            }
        }
        if left { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    done.into_iter().flatten().collect()
}

impl Journal for PlaceJournal {
    async fn load(&self, asset: &AssetId) -> Result<Stored, PortError> {
        self.own.load(asset).await
    }

    async fn append(&self, asset: &AssetId, expected: u64, batch: &Batch) -> Result<Appended, PortError> {
        let others = self.others()?;
        let wanted = others.reservations(asset, batch);
        match others.reserve(&wanted).await? {
            Reserved::Done => {}
            Reserved::Elsewhere => return Ok(Appended::Elsewhere),
            Reserved::NotCovered => return Ok(Appended::NotCovered),
            Reserved::OverBudget => return Ok(Appended::OverBudget),
            Reserved::GuardAtRisk => return Ok(Appended::GuardAtRisk),
        }
        let at = [batch.due, batch.unsettled].into_iter().flatten().min();
        let deliver = now().plus_millis(DELIVER_AFTER_MS);
        let append = async {
            if self.sql.is_absent() {
                self.prepare().await?;
            }
            self.own.append(asset, expected, batch).await
        };
        let appended = others.alarm.armed_before(at.map_or(deliver, |at| at.min(deliver)), append).await;
        // After an error it may be written: then what is reserved belongs to it.
        if appended.as_ref().is_ok_and(|appended| *appended != Appended::Done) {
            others.release(&wanted).await;
        }
        appended
    }

    async fn payment(&self, id: &PaymentId) -> Result<Option<PaymentRecord>, PortError> {
        self.own.payment(id).await
    }

    async fn is_claimed_elsewhere(&self, asset: &AssetId, id: &PaymentId) -> Result<bool, PortError> {
        let Others { env, instance, .. } = self.others()?;
        let owner: Option<AssetId> = Object::payment(instance, id.as_str()).ask(env, "owner", id).await?;
        Ok(owner.is_some_and(|owner| owner != *asset))
    }

    async fn payment_by_ticket(&self, ticket: &TicketId) -> Result<Option<PaymentRecord>, PortError> {
        self.own.payment_by_ticket(ticket).await
    }

    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, PortError> {
        self.own.session(id).await
    }

    async fn sessions_of(
        &self,
        payer: &Address,
        before: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, PortError> {
        self.own.sessions_of(payer, before, limit).await
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<AssetId>, PortError> {
        self.own.due(now, limit).await
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, PortError> {
        self.own.next_due(now).await
    }

    async fn unsettled(&self, now: Timestamp, limit: u32) -> Result<Vec<AssetId>, PortError> {
        self.own.unsettled(now, limit).await
    }

    async fn next_unsettled(&self, now: Timestamp) -> Result<Option<Timestamp>, PortError> {
        self.own.next_unsettled(now).await
    }

    async fn unfulfilled(&self, limit: u32) -> Result<Vec<AssetId>, PortError> {
        self.own.unfulfilled(limit).await
    }

    /// The payer's history at all assets.
    async fn history_of(&self, payer: &Address, failures: u32) -> Result<PayerHistory, PortError> {
        match &self.asset {
            None => self.own.history_of(payer, failures).await,
            Some(Others { env, instance, .. }) => {
                let payer = payer.to_string();
                Object::payer(instance, &payer).ask(env, "history", &(&payer, failures)).await
            }
        }
    }

    /// What this asset's payments may cost. (What all of them may is held against the budget at the append.)
    async fn fees_of_day(&self, day: u64) -> Result<u64, PortError> {
        self.own.fees_of_day(day).await
    }
}

/// What this place knows: an asset its own state, the merchant all of them.
impl Catalogue for PlaceJournal {
    async fn find(&self, id: &AssetId) -> Result<Option<Asset>, PortError> {
        match &self.readers {
            Some(readers) => readers.find(id).await,
            None => self.own.find(id).await,
        }
    }

    async fn page(&self, after: Option<&AssetId>, limit: u32) -> Result<Vec<Asset>, PortError> {
        self.own.page(after, limit).await
    }
}
