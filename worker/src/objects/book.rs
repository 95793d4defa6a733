//! What the objects of payers, payments and the merchant have in common: reservations that may be left behind.

use std::future::ready;

use coinop_core::ids::{AssetId, PaymentId};
use coinop_core::ports::PortError;
use coinop_core::session::index::PaymentStatus;
use coinop_core::sharded::{Ended, Holds, STALE_MS};
use coinop_core::time::Timestamp;
use worker::{Env, State, console_error};

use crate::alarm::{AGAIN_MS, Alarm};
use crate::call::Object;
use crate::deployment::Instance;
use crate::runtime::now;
use crate::sql::ObjectSql;

/// An object's database and alarm.
pub(super) struct Desk {
    pub(super) env: Env,
    pub(super) instance: &'static Instance,
    pub(super) sql: ObjectSql,
    pub(super) alarm: Alarm,
}

/// What is known of a reservation that is old.
pub(super) enum Old {
    /// This asset knows nothing of the payment.
    Left(AssetId),
    /// Its payment ended, and the news of it may still be on the way.
    Ended(Ended),
}

impl Desk {
    pub(super) fn new(state: &State, env: &Env, instance: &'static Instance) -> Self {
        let sql = ObjectSql::of(&state.storage());
        Self { env: env.clone(), instance, sql, alarm: Alarm::new(state.storage()) }
    }

    /// Arms the alarm before a reservation is written.
    pub(super) async fn reserving<T>(
        &self,
        work: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        self.alarm.armed_before(now().plus_millis(STALE_MS), work).await
    }

    /// Has the alarm go off soon, for what may not get done now.
    pub(super) async fn wake_again(&self) -> Result<(), PortError> {
        self.alarm.armed_before(now().plus_millis(AGAIN_MS), ready(Ok(()))).await
    }

    /// The alarm has gone off, and is armed to do so again in a while.
    pub(super) fn went_off(&self) {
        self.alarm.went_off(now().plus_millis(AGAIN_MS));
    }

    /// The alarm: asks the assets about old reservations, and clears away what they know nothing of.
    pub(super) async fn clear_away(
        &self,
        holds: Holds<'_, ObjectSql>,
        clear: impl AsyncFn(&PaymentId, Old) -> Result<(), PortError>,
    ) -> Result<Option<Timestamp>, PortError> {
        let before = Timestamp::from_millis(now().millis().saturating_sub(STALE_MS));
        for (payment, asset) in holds.stale(before).await? {
            let asked = Object::asset(self.instance, &asset).ask(&self.env, "payment", &payment).await;
            let cleared = match asked {
                Ok(Some(PaymentStatus::Pending)) => holds.keep(&payment, now()).await,
                Ok(Some(PaymentStatus::Granted)) => {
                    clear(&payment, Old::Ended(Ended { payment: payment.clone(), failed: None })).await
                }
                Ok(None) => clear(&payment, Old::Left(asset)).await,
                Err(error) => Err(error),
            };
            cleared.unwrap_or_else(|error| console_error!("an old reservation: {error}"));
        }
        holds.next_stale().await
    }

    /// Has the alarm go off then: in a while at the earliest, because what is overdue has just been tried.
    pub(super) async fn rest_until(&self, next: Option<Timestamp>) {
        let next = next.map(|next| next.max(now().plus_millis(AGAIN_MS)));
        self.alarm.set(next).await.unwrap_or_else(|error| console_error!("{error}"));
    }
}
