//! Prepares everything that can fail before the first request. Each failure is one line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coinop_core::config::Config;
use coinop_core::svm::Address;
use tokio::net::TcpListener;

use super::Args;
use super::startup::StartupContext;
use crate::check;
use crate::clock::Boot;
use crate::db::{self, Db, Known};
use crate::failpoint;
use crate::guest::{Component, Host, Limits, RefusalLog, Rpc, Variables};
use crate::http::PublicOrigin;
use crate::settings::{Settings, keypair, public_url, secret};

/// A gateway that only has to be started.
pub(super) struct Prepared {
    pub(super) component: Component,
    pub(super) host: Arc<Host>,
    pub(super) listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) origin: PublicOrigin,
    pub(super) fee_payers: Vec<Address>,
    /// The fee payers that may belong to another journal, because the RPC has not answered yet.
    pub(super) unanswered: Vec<Address>,
    /// How many buyers may wait without an instance.
    pub(super) held: usize,
}

pub(super) async fn prepare(args: &Args, startup: &StartupContext) -> Result<Prepared, String> {
    let StartupContext { settings, clock, metrics, .. } = startup;
    let module = module(args.module.as_deref())?;
    let (mut variables, fee_payers) = variables(settings)?;
    failpoint::reach("start.secret");
    judge_public_url(settings)?;
    let origin = PublicOrigin::new(&settings.config.public_url)
        .ok_or("public_url must be an origin without a path, such as http://127.0.0.1:8402")?;
    let listener = listen(&settings.config.listen).await?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let rpc = Rpc::new(&settings.config.rpc_url, metrics.clone())
        .ok_or_else(|| settings.mistake("solana.rpc_url", "must be an http:// or https:// URL"))?;
    let limits = Limits { reuse: args.reuse, ..Limits::default() };
    let cache = settings.data_dir.join("compiled");
    let component = tokio::task::spawn_blocking(move || Component::load(&module, &cache, limits))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| {
            let error = format!("{error:#}");
            let words: Vec<&str> = error.split_whitespace().collect();
            format!("{}; run `cargo xtask build`", words.join(" "))
        })?;
    let unanswered = refuse_foreign_fee_payers(settings, &fee_payers).await?;
    let db = Db::open(&settings.data_dir, metrics.clone()).map_err(|refused| refused.0)?;
    variables.insert("coinop_epoch", db::epoch(&settings.data_dir, clock.now_ms() / 1000).to_string().into());
    failpoint::reach("start.database");
    let (clock, metrics) = (clock.clone(), metrics.clone());
    let host = Arc::new(Host {
        db,
        clock,
        variables,
        boot_id: boot_id()?,
        rpc,
        metrics,
        refusals: RefusalLog::default(),
    });
    Ok(Prepared { component, host, listener, address, origin, fee_payers, unanswered, held: args.held })
}

/// Refuses a public address that buyers cannot use, and warns of one that they should not.
fn judge_public_url(settings: &Settings) -> Result<(), String> {
    let Config { public_url: url, listen, .. } = &settings.config;
    let reach = public_url::reach(url).map_err(|mistake| settings.mistake("public_url", mistake))?;
    if let Some(warning) = public_url::warning(url, &reach, Some(listen)) {
        tracing::warn!("public_url: {warning}");
    }
    Ok(())
}

/// Refuses a fee payer of another journal. Returns those that the RPC gave no answer about.
///
/// The RPC is not asked about fee payers that have signed for this journal, so a gateway at a door starts
/// without a network too.
async fn refuse_foreign_fee_payers(
    settings: &Settings,
    fee_payers: &[Address],
) -> Result<Vec<Address>, String> {
    let known = Known::open(&settings.data_dir)?;
    let mut new = Vec::new();
    for address in fee_payers {
        if !known.has_fee_payer(address)? {
            new.push(*address);
        }
    }
    refuse_foreign(settings.config.rpc_url.clone(), settings.data_dir.clone(), new).await
}

/// Does the same for these fee payers on a blocking thread, beside everything else that runs.
pub(super) async fn refuse_foreign(
    rpc_url: String,
    data_dir: PathBuf,
    fee_payers: Vec<Address>,
) -> Result<Vec<Address>, String> {
    tokio::task::spawn_blocking(move || check::fee_payers::refuse_foreign(&rpc_url, &data_dir, &fee_payers))
        .await
        .map_err(|error| error.to_string())?
}

fn module(given: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(file) = given {
        return if file.is_file() {
            Ok(file.to_owned())
        } else {
            Err(format!(
                "there is no component at {}; build one with `cargo xtask build`, or name another with \
                 --module FILE",
                file.display()
            ))
        };
    }
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let file = program.with_file_name("coinop.wasm");
    if file.is_file() {
        Ok(file)
    } else {
        Err(format!(
            "there is no component at {}; build one with `cargo xtask build`, or name one with --module FILE",
            file.display()
        ))
    }
}

fn variables(settings: &Settings) -> Result<(Variables, Vec<Address>), String> {
    let environment = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let mut variables = Variables::new();
    variables.insert("coinop_config", settings.json.to_string().into());
    let secret = secret::load(environment("COINOP_SECRET"), &settings.data_dir)?;
    variables.insert("coinop_secret", secret);
    if let Some(previous) = secret::previous(environment("COINOP_SECRET_PREVIOUS"))? {
        variables.insert("coinop_secret_previous", previous);
    }
    let keys = keypair::fee_payers(settings, environment("COINOP_FEE_PAYER"))?;
    variables.insert("coinop_fee_payer", keys.text);
    Ok((variables, keys.addresses))
}

async fn listen(address: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("{address} is in use by another program; stop it, or change `listen`")
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("this user may not listen on {address}; use a port above 1023 in `listen`")
        }
        _ => format!("cannot listen on {address}: {error}; change `listen`"),
    })
}

/// Returns the id of the run to which the monotonic clock belongs: that of the machine, or else that of this
/// process.
fn boot_id() -> Result<String, String> {
    if let Some(boot) = Boot::present() {
        return Ok(boot.id);
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| format!("cannot get random numbers: {error}"))?;
    Ok(bs58::encode(bytes).into_string())
}
