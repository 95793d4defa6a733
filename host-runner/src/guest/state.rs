//! What one instance of the component owns, and what all of them share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::ResourceTable;
use wasmtime::{Store, StoreLimits, StoreLimitsBuilder, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::engine::{Component, TICK};
use super::outbound::Outbound;
use super::rpc::Rpc;
use super::stderr::Lines;
use crate::clock::SteadyClock;
use crate::db::{Db, Origin};
use crate::metrics::Metrics;

/// The variables of the component. Secrets are among them, so this is never
/// printed.
pub(crate) type Variables = BTreeMap<&'static str, String>;

/// What all instances share.
pub(crate) struct Host {
    pub(crate) db: Db,
    pub(crate) clock: SteadyClock,
    pub(crate) variables: Variables,
    /// Names the run of the machine (or of the process, where that is all one can
    /// tell): the guest may be restarted within it, and the monotonic clock means
    /// something only inside it.
    pub(crate) boot_id: String,
    pub(crate) rpc: Rpc,
    pub(crate) metrics: Metrics,
}

/// The most computing that one call may do; waiting does not count. Checking a
/// payment takes less than a millisecond, so this is only ever met by a mistake.
const COMPUTING: Duration = Duration::from_secs(5);

/// The data of one instance's store.
pub(crate) struct GuestState {
    pub(crate) host: Arc<Host>,
    pub(crate) origin: Origin,
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    limits: StoreLimits,
    /// Ticks of computing left in this call.
    ticks: u32,
}

impl GuestState {
    fn new(host: Arc<Host>, origin: Origin, memory: usize) -> Self {
        // No folders, no arguments, no environment but the boot's name.
        let wasi = WasiCtx::builder()
            .env("COINOP_BOOT_ID", &host.boot_id)
            .stdout(Lines::new("stdout"))
            .stderr(Lines::new("stderr"))
            .wall_clock(host.clock.clone())
            .monotonic_clock(host.clock.clone())
            .socket_addr_check(|_, _| Box::pin(async { false }))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        Self {
            outbound: Outbound::new(host.rpc.clone()),
            host,
            origin,
            table: ResourceTable::new(),
            wasi,
            http: WasiHttpCtx::new(),
            limits: StoreLimitsBuilder::new().memory_size(memory).build(),
            ticks: 0,
        }
    }
}

/// A store for one instance.
pub(crate) fn store(component: &Component, host: &Arc<Host>, origin: Origin) -> Store<GuestState> {
    let state = GuestState::new(host.clone(), origin, component.limits.memory);
    let mut store = Store::new(&component.engine, state);
    store.limiter(|state| &mut state.limits);
    store.epoch_deadline_callback(|mut context| {
        let state = context.data_mut();
        match state.ticks.checked_sub(1) {
            // Let others run: this is also where a time limit takes hold.
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

/// Gives the instance its time for the next call: to compute, and to wait for
/// the RPC.
pub(crate) fn allow(store: &mut Store<GuestState>, waiting: Duration) {
    store.data_mut().outbound.allow(waiting);
    store.data_mut().ticks = u32::try_from(COMPUTING.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX);
    store.set_epoch_deadline(1);
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outbound, table: &mut self.table, ctx: &mut self.http }
    }
}
