//! An object's one alarm.

use std::cell::Cell;
use std::pin::pin;

use coinop_core::Timestamp;
use coinop_core::error::StoreError;
use coinop_core::ports::PortError;
use coinop_core::sharded::{Alarm, Boxed};
use futures::future::poll_immediate;
use worker::{ScheduledTime, Storage};

/// When this object is to be woken.
pub(crate) struct ObjectAlarm {
    /// `None`: there is no object here, and so no alarm.
    storage: Option<Storage>,
    /// When it is armed for (inside: `None` for not at all), if this instance of the object knows. An alarm that is set needs
    /// no second write.
    armed: Cell<Option<Option<Timestamp>>>,
}

impl ObjectAlarm {
    pub(crate) const fn new(storage: Option<Storage>) -> Self {
        Self { storage, armed: Cell::new(None) }
    }

    /// It has gone off, and is armed for this moment now.
    pub(crate) fn on_alarm(&self, again: Timestamp) {
        self.armed.set(Some(Some(again)));
    }

    fn storage(&self) -> Result<&Storage, PortError> {
        self.storage.as_ref().ok_or_else(|| StoreError::Invariant("there is no alarm here").into())
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
        // The first poll sets it; what is left is to hear that it was set.
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

    /// Returns the moment that it is armed for, also by an instance of the object before this one.
    async fn armed(&self) -> Result<Option<Timestamp>, PortError> {
        if let Some(known) = self.armed.get() {
            return Ok(known);
        }
        let stored = self.storage()?.get_alarm().await.map_err(|error| failed(&error))?;
        let stored = stored.and_then(|ms| u64::try_from(ms).ok()).map(Timestamp::from_millis);
        // It may have been set while this was read.
        let known = self.armed.get().unwrap_or(stored);
        self.armed.set(Some(known));
        Ok(known)
    }

    async fn set(&self, at: Option<Timestamp>) -> Result<(), PortError> {
        // Where one may be set that this instance does not know of, it goes off once for nothing: whoever only
        // asks leaves nothing behind.
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
    StoreError::Service { name: "the alarm can't be set", words: error.to_string() }.into()
}
