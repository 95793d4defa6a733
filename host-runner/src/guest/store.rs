//! An instance's store, and how long each of its calls may compute and wait.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Store, UpdateDeadline};

use super::engine::{Component, EPOCH_LENGTH};
use super::state::{GuestState, Host};
use crate::db::Caller;

/// How long one call may compute. Waiting does not count. Checking a payment takes less than a millisecond,
/// so only a defect reaches this limit.
const COMPUTING: Duration = Duration::from_secs(5);

/// Makes a store for one instance.
pub(crate) fn store(component: &Component, host: &Arc<Host>, caller: Caller) -> Store<GuestState> {
    let state = GuestState::new(host.clone(), caller, component.limits.memory);
    let mut store = Store::new(&component.engine, state);
    store.limiter(|state| &mut state.limits);
    store.epoch_deadline_callback(|mut context| {
        let state = context.data_mut();
        match state.ticks.checked_sub(1) {
            // Yielding lets other tasks run, and it is where a time limit takes effect.
            Some(left) => {
                state.ticks = left;
                Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
            }
            None => Err(wasmtime::format_err!("computed for too long")),
        }
    });
    allow(&mut store, Duration::ZERO);
    store
}

/// Sets how long the instance's next call may compute and wait for the RPC.
pub(crate) fn allow(store: &mut Store<GuestState>, waiting: Duration) {
    store.data_mut().outbound.allow(waiting);
    store.data_mut().ticks =
        u32::try_from(COMPUTING.as_millis() / EPOCH_LENGTH.as_millis()).unwrap_or(u32::MAX);
    store.set_epoch_deadline(1);
}
