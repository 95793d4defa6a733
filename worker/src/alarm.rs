//! An object's single alarm.

use std::cell::Cell;
use std::pin::pin;

use coinop_core::Timestamp;
use coinop_core::error::StoreError;
use coinop_core::ports::PortError;
use coinop_core::sharded::{Alarm, Boxed};
use futures::future::poll_immediate;
use worker::{ScheduledTime, Storage};

/// The alarm that wakes this object.
pub(crate) struct ObjectAlarm {
    /// `None` without an object, and then there is no alarm.
    storage: Option<Storage>,
    /// When the alarm is set for (the inner `None` means that it is not set), if this instance of the object
    /// knows. It saves setting an alarm that is set already.
    armed: Cell<Option<Option<Timestamp>>>,
}

impl ObjectAlarm {
    pub(crate) const fn new(storage: Option<Storage>) -> Self {
        Self { storage, armed: Cell::new(None) }
    }

    /// Notes that the alarm has gone off and is set for `again` now.
    pub(crate) fn on_alarm(&self, again: Timestamp) {
        self.armed.set(Some(Some(again)));
    }

    fn storage(&self) -> Result<&Storage, PortError> {
        self.storage
            .as_ref()
            .ok_or_else(|| StoreError::Invariant("an alarm was used outside of a Durable Object").into())
    }
}

impl Alarm for ObjectAlarm {
    async fn armed_before<T>(
        &self,
        at: Timestamp,
        work: Boxed<'_, Result<T, PortError>>,
    ) -> Result<T, PortError> {
        if self.armed().await?.is_some_and(|armed| armed <= at) {
            return work.await;
        }
        let mut arming = pin!(self.storage()?.set_alarm(date(at)));
        // The first poll sets the alarm. The rest only waits for the confirmation.
        let set = poll_immediate(arming.as_mut()).await;
        self.armed.set(Some(Some(at)));
        let done = if let Some(Err(error)) = &set { Err(failed(error)) } else { work.await };
        let set = match set {
            Some(set) => set,
            None => arming.await,
        };
        if set.is_err() {
            self.armed.set(None);
        }
        set.map_err(|error| failed(&error)).and(done)
    }

    /// Returns when the alarm is set for, even if an earlier instance of the object has set it.
    async fn armed(&self) -> Result<Option<Timestamp>, PortError> {
        if let Some(known) = self.armed.get() {
            return Ok(known);
        }
        let stored = self.storage()?.get_alarm().await.map_err(|error| failed(&error))?;
        let stored = stored.and_then(|ms| u64::try_from(ms).ok()).map(Timestamp::from_millis);
        // It may have been set while it was read.
        let known = self.armed.get().unwrap_or(stored);
        self.armed.set(Some(known));
        Ok(known)
    }

    async fn set(&self, at: Option<Timestamp>) -> Result<(), PortError> {
        // If an alarm may be set that this instance does not know, it is left to go off once without effect.
        // So a request that only reads writes nothing.
        let known = self.armed.get();
        if known == Some(at) || (known.is_none() && at.is_none()) {
            return Ok(());
        }
        let storage = self.storage()?;
        self.armed.set(Some(at));
        let result = match at {
            Some(at) => storage.set_alarm(date(at)).await,
            None => storage.delete_alarm().await,
        };
        result.map_err(|error| {
            self.armed.set(None);
            failed(&error)
        })
    }
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds of this epoch are exact")]
fn date(at: Timestamp) -> ScheduledTime {
    ScheduledTime::new(js_sys::Date::new(&js_sys::Number::from(at.millis() as f64)))
}

fn failed(error: &worker::Error) -> PortError {
    StoreError::Service { name: "the object's alarm", words: error.to_string() }.into()
}
