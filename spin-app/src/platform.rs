//! The core's ports on WASI 0.2 and Spin.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::{SystemTime, UNIX_EPOCH};

use coinop_core::config::Config;
use coinop_core::error::{TransportError, TransportFault};
use coinop_core::ports::{Clock, Entropy, Http, HttpAnswer, PortError, Ports};
use coinop_core::settlement::{FeePayers, LocalSettlement, Rpc};
use coinop_core::store::{Sql, SqlError, SqlJournal, Value};
use coinop_core::{Monotonic, Now, Timestamp};
use futures::StreamExt as _;
use futures::future::{Either, poll_fn, select};
use spin_executor::{CancelOnDropToken, push_waker_and_get_token};
use spin_sdk::http::{IncomingResponse, Method, Request};
use spin_sdk::sqlite3::{Connection, Error, Value as SpinValue};
use wasi::clocks::monotonic_clock;

/// The most that is read of an answer of the RPC, in bytes.
const MAX_ANSWER: usize = 4 << 20;

type Local = LocalSettlement<WasiHttp>;
#[cfg(not(feature = "stub-settlement"))]
type Settling = Local;
#[cfg(feature = "stub-settlement")]
type Settling = crate::stub::Stub<WasiHttp>;

fn settlement(config: &Config, fee_payers: FeePayers) -> Settling {
    let rpc = Rpc::new(WasiHttp, config.rpc_url.clone());
    let local = Local::new(rpc, fee_payers);
    // Recorded answers must not depend on the instance that gives them.
    #[cfg(feature = "seam")]
    let local = local.forgetful();
    #[cfg(not(feature = "stub-settlement"))]
    return local;
    #[cfg(feature = "stub-settlement")]
    return crate::stub::Stub::new(local);
}

/// All ports of an instance.
pub(crate) struct Platform {
    clock: WasiClock,
    journal: SqlJournal<Database>,
    settlement: Settling,
}

impl Platform {
    pub(crate) fn new(config: &Config, fee_payers: FeePayers) -> Self {
        Self {
            clock: WasiClock { boot: boot() },
            journal: SqlJournal::new(Database::default(), config.merchant.id.clone()),
            settlement: settlement(config, fee_payers),
        }
    }

    /// Opens the database and creates its tables, once for each instance.
    ///
    /// # Errors
    ///
    /// Fails if the database or the tables cannot be made, or if the tables have another version.
    pub(crate) async fn prepare(&self) -> Result<(), PortError> {
        self.journal.sql().prepare().await
    }

    /// Tells whether the database was needed and could not be used.
    pub(crate) fn has_no_database(&self) -> bool {
        self.journal.sql().state.get() == Tables::Refused
    }

    /// Tells whether a host calls the device controller. Without such a host, as on Spin, requests carry out
    /// the due work.
    pub(crate) const fn has_controller(&self) -> bool {
        self.clock.boot.is_some()
    }
}

/// Returns the id of the host's run. Only a host that calls the device controller sets it.
pub(crate) fn boot() -> Option<String> {
    std::env::var("COINOP_BOOT_ID").ok()
}

impl Ports for Platform {
    type Clock = WasiClock;
    type Entropy = WasiEntropy;
    type Journal = SqlJournal<Database>;
    type Catalogue = SqlJournal<Database>;
    type Settlement = Settling;

    fn clock(&self) -> &WasiClock {
        &self.clock
    }
    fn entropy(&self) -> &WasiEntropy {
        &WasiEntropy
    }
    fn journal(&self) -> &Self::Journal {
        &self.journal
    }
    fn catalogue(&self) -> &Self::Catalogue {
        &self.journal
    }
    fn settlement(&self) -> &Self::Settlement {
        &self.settlement
    }
    fn log(&self, line: &str) {
        eprintln!("{line}");
    }
}

pub(crate) struct WasiClock {
    /// Identifies the run of the host to which the monotonic clock belongs. Only `coinop serve` has a
    /// monotonic clock that outlives a request.
    boot: Option<String>,
}

impl Clock for WasiClock {
    fn now(&self) -> Now {
        #[cfg(feature = "seam")]
        if let Some(told) = coinop_seam::now() {
            return Now::at(Timestamp::from_millis(told));
        }
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX));
        let ms = monotonic_clock::now() / 1_000_000;
        Now { wall, mono: self.boot.clone().map(|boot| Monotonic { boot, ms }) }
    }

    async fn sleep(&self, ms: u64) {
        #[cfg(feature = "seam")]
        if coinop_seam::sleep(ms) {
            return;
        }
        sleep(ms).await;
    }
}

async fn sleep(ms: u64) {
    let deadline = monotonic_clock::now().saturating_add(ms.saturating_mul(1_000_000));
    let mut registered: Option<CancelOnDropToken> = None;
    // The executor polls everything whenever anything is ready, so only the clock tells whether the time has
    // come.
    poll_fn(|context| {
        if monotonic_clock::now() >= deadline {
            return Poll::Ready(());
        }
        let pollable = monotonic_clock::subscribe_instant(deadline);
        registered = Some(push_waker_and_get_token(pollable, context.waker().clone()).into());
        Poll::Pending
    })
    .await;
    drop(registered);
}

pub(crate) struct WasiEntropy;

impl Entropy for WasiEntropy {
    fn random(&self) -> [u8; 16] {
        #[cfg(feature = "seam")]
        if let Some(told) = coinop_seam::random() {
            return told;
        }
        let mut bytes = [0; 16];
        match getrandom::fill(&mut bytes) {
            Ok(()) => bytes,
            // Guessable tickets would be worse than none. WASI never fails here.
            Err(_) => std::process::abort(),
        }
    }
}

/// Outgoing HTTP of WASI.
pub(crate) struct WasiHttp;

impl Http for WasiHttp {
    async fn post_json(
        &self,
        url: &str,
        body: String,
        timeout_ms: u64,
    ) -> Result<HttpAnswer, TransportError> {
        match select(pin!(exchange(url, body)), pin!(sleep(timeout_ms))).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(failed(TransportFault::Timeout(timeout_ms))),
        }
    }
}

/// Returns the error of a call to the RPC.
fn failed(fault: TransportFault) -> TransportError {
    TransportError::new("the RPC", fault)
}

async fn exchange(url: &str, body: String) -> Result<HttpAnswer, TransportError> {
    let request = Request::builder()
        .method(Method::Post)
        .uri(url)
        .header("content-type", "application/json")
        // Without this header the host sends the body in chunks, which some nodes refuse.
        .header("content-length", body.len().to_string())
        .body(body)
        .build();
    let unreachable = |words: String| failed(TransportFault::Unreachable(words));
    let response: IncomingResponse =
        spin_sdk::http::send(request).await.map_err(|error| unreachable(error.to_string()))?;
    let status = response.status();
    let mut stream = pin!(response.take_body_stream());
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        body.extend(chunk.map_err(|error| unreachable(error.to_string()))?);
        if body.len() > MAX_ANSWER {
            return Err(failed(TransportFault::TooLong));
        }
    }
    Ok(HttpAnswer { status, body })
}

/// What is known about the tables.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Tables {
    /// No statement was run yet.
    #[default]
    Unknown,
    /// They exist.
    Made,
    /// They could not be created, or have another version.
    Refused,
}

/// The database of an instance. The tables are created before the first statement, so a request that needs
/// none opens no database.
#[derive(Default)]
pub(crate) struct Database {
    sqlite: SpinSqlite,
    state: Cell<Tables>,
}

impl Database {
    async fn prepare(&self) -> Result<(), PortError> {
        if self.state.get() == Tables::Made {
            return Ok(());
        }
        let made = SqlJournal::new(&self.sqlite, String::new()).prepare().await;
        self.state.set(if made.is_ok() { Tables::Made } else { Tables::Refused });
        made
    }
}

impl Sql for Database {
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        self.prepare().await.map_err(|error| {
            // The caller adds by itself that it was the database.
            let words = error.to_string();
            SqlError::Other(words.strip_prefix("database: ").unwrap_or(&words).to_owned())
        })?;
        (&self.sqlite).run(statement, parameters).await
    }
}

/// Spin's SQLite, with one connection for each instance, which is opened when it is needed.
#[derive(Default)]
pub(crate) struct SpinSqlite {
    connection: RefCell<Option<Connection>>,
}

impl SpinSqlite {
    fn execute(&self, statement: &str, parameters: &[SpinValue]) -> Result<Vec<Vec<Value>>, Error> {
        let mut connection = self.connection.borrow_mut();
        let open = match connection.as_ref() {
            Some(open) => open,
            None => connection.insert(Connection::open("default")?),
        };
        let result = open.execute(statement, parameters);
        if matches!(result, Err(Error::InvalidConnection)) {
            *connection = None;
        }
        let rows = result?.rows.into_iter().map(|row| row.values.into_iter().map(from_spin).collect());
        rows.collect()
    }
}

fn from_spin(value: SpinValue) -> Result<Value, Error> {
    match value {
        SpinValue::Integer(number) => Ok(Value::Integer(number)),
        SpinValue::Text(text) => Ok(Value::Text(text)),
        SpinValue::Null => Ok(Value::Null),
        // Neither type occurs in the journal, and neither may be read as null.
        SpinValue::Real(_) | SpinValue::Blob(_) => {
            Err(Error::Io("a value is neither a number, text nor null".to_owned()))
        }
    }
}

impl Sql for &SpinSqlite {
    fn run(
        &self,
        statement: &str,
        parameters: &[Value],
    ) -> impl Future<Output = Result<Vec<Vec<Value>>, SqlError>> {
        let parameters: Vec<_> = parameters
            .iter()
            .map(|value| match value {
                Value::Null => SpinValue::Null,
                Value::Integer(number) => SpinValue::Integer(*number),
                Value::Text(text) => SpinValue::Text(text.clone()),
            })
            .collect();
        let result = self.execute(statement, &parameters).map_err(|error| match error {
            Error::Io(message) => SqlError::from_message(&message),
            other => SqlError::Other(other.to_string()),
        });
        std::future::ready(result)
    }
}
