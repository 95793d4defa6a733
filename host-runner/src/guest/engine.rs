//! Compiles the component, and sets the limits it runs under.

use std::path::Path;
use std::time::Duration;

use coinop_bindings::controller::DeviceControllerPre;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::error::Context as _;
use wasmtime::{
    Cache, CacheConfig, Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
};
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::state::GuestState;

/// How often running code is interrupted, so that other tasks can run and its time is counted.
pub(crate) const EPOCH_LENGTH: Duration = Duration::from_millis(10);

/// What instances of the component may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many instances may exist at once.
    pub(crate) instances: u32,
    /// Memory of one instance, in bytes.
    pub(crate) memory: usize,
    /// How many requests one instance answers before a fresh one replaces it. Reuse saves the start of an
    /// instance. The bound limits anything that might accumulate in it.
    pub(crate) reuse: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { instances: 128, memory: 64 << 20, reuse: 1024 }
    }
}

/// The component, compiled and linked, ready to be started any number of times.
#[derive(Clone)]
pub(crate) struct Component {
    pub(crate) engine: Engine,
    pub(crate) http: ProxyPre<GuestState>,
    pub(crate) device: DeviceControllerPre<GuestState>,
    pub(crate) limits: Limits,
}

impl Component {
    /// Compiles the component in `module`. `cache` keeps the compiled code, so the second start takes
    /// milliseconds.
    pub(crate) fn load(module: &Path, cache: &Path, limits: Limits) -> wasmtime::Result<Self> {
        // Address space for an instance's memory is reserved in advance, which makes bounds checks of
        // accesses unnecessary. If there is too little address space, the second engine uses bounds checks.
        let engine = engine(cache, limits, 4 << 30).or_else(|error| {
            tracing::warn!(%error, "not enough address space for the fast mode of WebAssembly; requests are answered more slowly");
            engine(cache, limits, limits.memory as u64)
        })?;
        let component = wasmtime::component::Component::from_file(&engine, module)
            .with_context(|| format!("{} is not a component", module.display()))?;
        let pre = linker(&engine)?
            .instantiate_pre(&component)
            .context("the component asks for something this host does not have")?;
        let component = Self {
            http: ProxyPre::new(pre.clone()).context("the component does not answer HTTP")?,
            device: DeviceControllerPre::new(pre)
                .context("the component has no device controller; is it older than this host?")?,
            limits,
            engine,
        };
        start_epoch_timer(&component.engine)?;
        Ok(component)
    }
}

fn engine(cache: &Path, limits: Limits, reservation: u64) -> wasmtime::Result<Engine> {
    let n = limits.instances;
    let mut pool = PoolingAllocationConfig::new();
    // The component has one memory and one table of its own, and several small modules that adapt between the
    // component model and WASI.
    pool.total_component_instances(n)
        .total_core_instances(n.saturating_mul(8))
        .total_memories(n)
        .total_tables(n.saturating_mul(8))
        .total_stacks(n)
        .max_core_instances_per_component(8)
        .max_memories_per_component(1)
        .max_tables_per_component(8)
        .max_memory_size(limits.memory)
        // A fresh instance finds its pages still mapped, which is most of what makes one instance per request
        // affordable.
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10)
        .max_unused_warm_slots(64)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_reservation(reservation)
        .epoch_interruption(true)
        .cache(compiled(cache));
    Engine::new(&config)
}

fn compiled(folder: &Path) -> Option<Cache> {
    let mut config = CacheConfig::new();
    config.with_directory(folder);
    Cache::new(config)
        .inspect_err(|error| {
            tracing::warn!(
                %error,
                "the cache of compiled code cannot be used; each start takes some seconds longer"
            );
        })
        .ok()
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<GuestState>> {
    use coinop_bindings::{key_value, sqlite, variables};
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    sqlite::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    variables::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    key_value::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    Ok(linker)
}

/// Increments the epoch until the engine is dropped.
fn start_epoch_timer(engine: &Engine) -> wasmtime::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("coinop-epochs".to_owned()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(EPOCH_LENGTH);
        }
    })?;
    Ok(())
}
