//! Serves HTTP with a fresh instance of the component for each request.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coinop_bindings::{key_value, sqlite, variables};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::error::Context as _;
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::{WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::manifest::App;
use crate::outbound::{Outbound, Outgoing};
use crate::sqlite::{Connection, Databases};

/// The most that one instance may print, in bytes.
const LARGEST_OUTPUT: usize = 1 << 20;

/// The compiled component.
#[derive(Clone)]
pub struct Runtime {
    engine: Engine,
    component: Component,
}

impl Runtime {
    /// Compiles the component in this file.
    ///
    /// # Errors
    ///
    /// Fails if the file is not a component.
    pub fn load(file: &Path) -> wasmtime::Result<Self> {
        let engine = Engine::default();
        let component = Component::from_file(&engine, file)?;
        Ok(Self { engine, component })
    }

    /// Returns the names of the component's imports.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        self.component.component_type().imports(&self.engine).map(|(name, _)| name.to_owned()).collect()
    }

    /// Returns the names of the component's exports.
    #[must_use]
    pub fn exports(&self) -> Vec<String> {
        self.component.component_type().exports(&self.engine).map(|(name, _)| name.to_owned()).collect()
    }
}

/// A running `spin up`.
pub struct Spin {
    /// The address on which it listens.
    pub address: SocketAddr,
    /// The requests of instances to the outside.
    pub outgoing: Arc<Outgoing>,
    /// The uses of the database by instances.
    pub databases: Arc<Databases>,
    server: JoinHandle<()>,
    shared: Arc<Shared>,
}

struct Shared {
    runtime: Runtime,
    pre: ProxyPre<Guest>,
    app: Arc<App>,
    outgoing: Arc<Outgoing>,
    databases: Arc<Databases>,
    /// Connections and running instances.
    tasks: Mutex<JoinSet<()>>,
    consoles: Mutex<Vec<MemoryOutputPipe>>,
    failures: Mutex<Vec<String>>,
    started: AtomicUsize,
}

/// The data of one instance.
pub(crate) struct Guest {
    pub(crate) app: Arc<App>,
    pub(crate) table: ResourceTable,
    /// By the number of the component's handle.
    pub(crate) connections: HashMap<u32, Connection>,
    pub(crate) databases: Arc<Databases>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outbound, table: &mut self.table, ctx: &mut self.http }
    }
}

impl Spin {
    /// Starts to serve on a free port.
    ///
    /// # Errors
    ///
    /// Fails if the component asks for something that Spin does not have.
    pub async fn up(runtime: &Runtime, app: App) -> wasmtime::Result<Self> {
        Self::up_on(runtime, app, TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?).await
    }

    /// Starts to serve on this listener.
    ///
    /// # Errors
    ///
    /// Fails if the component asks for something that Spin does not have.
    pub async fn up_on(runtime: &Runtime, app: App, listener: TcpListener) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(&runtime.engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        sqlite::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest: &mut Guest| guest)?;
        variables::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest: &mut Guest| guest)?;
        key_value::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest: &mut Guest| guest)?;
        let pre = ProxyPre::new(linker.instantiate_pre(&runtime.component)?)?;
        let address = listener.local_addr()?;
        let outgoing = Arc::<Outgoing>::default();
        let databases = Arc::<Databases>::default();
        let shared = Arc::new(Shared {
            runtime: runtime.clone(),
            pre,
            app: Arc::new(app),
            outgoing: outgoing.clone(),
            databases: databases.clone(),
            tasks: Mutex::default(),
            consoles: Mutex::default(),
            failures: Mutex::default(),
            started: AtomicUsize::new(0),
        });
        let server = tokio::spawn(shared.clone().accept(listener));
        Ok(Self { address, outgoing, databases, server, shared })
    }

    /// Ends as `kill -9` does: no request is finished, and no connection is closed in order. What SQLite is
    /// in the middle of is finished as a whole or not at all.
    pub async fn kill(self) {
        self.server.abort();
        loop {
            let mut tasks = std::mem::take(&mut *lock(&self.shared.tasks));
            if tasks.is_empty() {
                return;
            }
            tasks.shutdown().await;
        }
    }

    /// Returns how many instances have been started.
    #[must_use]
    pub fn instances(&self) -> usize {
        self.shared.started.load(Ordering::Relaxed)
    }

    /// Returns what instances have printed.
    #[must_use]
    pub fn printed(&self) -> String {
        let consoles = lock(&self.shared.consoles);
        consoles.iter().map(|console| String::from_utf8_lossy(&console.contents()).into_owned()).collect()
    }

    /// Returns traps, and requests without an answer. There should never be any.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        lock(&self.shared.failures).clone()
    }
}

impl Drop for Spin {
    fn drop(&mut self) {
        self.server.abort();
        lock(&self.shared.tasks).abort_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, peer)) = listener.accept().await {
            let shared = self.clone();
            self.spawn(async move { shared.connection(stream, peer).await });
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let service = service_fn(|request| {
            let shared = self.clone();
            async move { Ok::<_, Infallible>(shared.answer(request, peer).await) }
        });
        let served = hyper::server::conn::http1::Builder::new();
        // A client that hangs up is not a failure of this side.
        let _ = served.serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Response<WasiBody> {
        match self.execute(request, peer).await {
            Ok(response) => response,
            Err(error) => {
                self.fail(&error);
                let nothing = Empty::new().map_err(|never| match never {}).boxed_unsync();
                let mut response = Response::new(nothing);
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }
    }

    fn fail(&self, error: &wasmtime::Error) {
        lock(&self.failures).push(format!("{error:?}"));
    }

    async fn execute(
        self: &Arc<Self>,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> wasmtime::Result<Response<WasiBody>> {
        prepare(&mut request, peer)?;
        let mut store = self.instance();
        let proxy = self.pre.instantiate_async(&mut store).await?;
        let (answer, answered) = oneshot::channel();
        let mut view = store.data_mut().http();
        let request = view.new_incoming_request(Scheme::Http, request)?;
        let out = view.new_response_outparam(answer)?;
        let shared = self.clone();
        // The instance continues to its end, whether the client waits or not.
        self.spawn(async move {
            let handler = proxy.wasi_http_incoming_handler();
            if let Err(error) = handler.call_handle(&mut store, request, out).await {
                shared.fail(&error);
            }
        });
        let response = answered.await.context("the component gave no answer")?;
        response.context("the component failed to answer")
    }

    /// Makes a fresh store, with nothing of an earlier request in it. It has no environment, no folders, the
    /// ordinary clocks, and no time limit.
    fn instance(&self) -> Store<Guest> {
        self.started.fetch_add(1, Ordering::Relaxed);
        let console = MemoryOutputPipe::new(LARGEST_OUTPUT);
        lock(&self.consoles).push(console.clone());
        let guest = Guest {
            app: self.app.clone(),
            table: ResourceTable::new(),
            connections: HashMap::new(),
            databases: self.databases.clone(),
            wasi: WasiCtx::builder().stdout(console.clone()).stderr(console).build(),
            http: WasiHttpCtx::new(),
            outbound: Outbound { allowed: self.app.allowed.clone(), outgoing: self.outgoing.clone() },
        };
        Store::new(&self.runtime.engine, guest)
    }
}

/// Completes the address, and adds the headers that Spin adds.
fn prepare(request: &mut Request<Incoming>, peer: SocketAddr) -> wasmtime::Result<()> {
    let host = request.headers().get(HOST).context("a request without a host")?.to_str()?.to_owned();
    let path = request.uri().path_and_query().context("a request without a path")?.clone();
    let full = format!("http://{host}{path}");
    let info = path.path().to_owned();
    *request.uri_mut() =
        Uri::builder().scheme("http").authority(host.as_str()).path_and_query(path).build()?;
    let headers = request.headers_mut();
    headers.remove(CONNECTION);
    let spins = [
        ("spin-path-info", info.as_str()),
        ("spin-full-url", full.as_str()),
        ("spin-matched-route", "/..."),
        ("spin-base-path", "/"),
        ("spin-raw-component-route", "/..."),
        ("spin-component-route", "/"),
        ("spin-client-addr", &peer.to_string()),
    ];
    for (name, value) in spins {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value)?);
    }
    Ok(())
}
