//! What one instance of the component owns, and what all instances share.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
use zeroize::Zeroizing;

use super::outbound::Outbound;
use super::refusals::RefusalLog;
use super::rpc::Rpc;
use super::stderr::Lines;
use crate::clock::SteadyClock;
use crate::db::{Caller, Db};
use crate::metrics::Metrics;

/// The variables of the component. They contain secrets, so they are never printed.
pub(crate) type Variables = BTreeMap<&'static str, Zeroizing<String>>;

/// What all instances share.
pub(crate) struct Host {
    pub(crate) db: Db,
    pub(crate) clock: SteadyClock,
    pub(crate) variables: Variables,
    /// Identifies the run of the machine, or of the process on a system that does not tell. The guest may be
    /// restarted within that run, and the monotonic clock is meaningful only inside it.
    pub(crate) boot_id: String,
    pub(crate) rpc: Rpc,
    pub(crate) metrics: Metrics,
    pub(crate) refusals: RefusalLog,
}

/// The data of one instance's store.
pub(crate) struct GuestState {
    pub(crate) host: Arc<Host>,
    pub(crate) caller: Caller,
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(super) outbound: Outbound,
    pub(super) limits: StoreLimits,
    /// How many more ticks this call may compute.
    pub(super) ticks: u32,
}

impl GuestState {
    pub(super) fn new(host: Arc<Host>, caller: Caller, memory: usize) -> Self {
        // No folders, no arguments, and no environment except the boot's id.
        let wasi = WasiCtx::builder()
            .env("COINOP_BOOT_ID", &host.boot_id)
            .stdout(Lines::new("stdout", host.refusals.clone()))
            .stderr(Lines::new("stderr", host.refusals.clone()))
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
            caller,
            table: ResourceTable::new(),
            wasi,
            http: WasiHttpCtx::new(),
            limits: StoreLimitsBuilder::new().memory_size(memory).build(),
            ticks: 0,
        }
    }
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
