//! Opens a door for the grant on standard input, and locks it at the end of the paid time. It fails closed.
//!
//! ```text
//! cargo run -p coinop --example door -- ASSET KEYS ISSUER UNLOCK LOCK < grant
//! ```
//!
//! KEYS is a file: `curl -so jwks.json https://coinop.example/.well-known/jwks.json`. UNLOCK and LOCK are commands.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coinop_core::grant::{GRANT_TYP, Grant, key};
use coinop_core::jws;
use serde_json::Value;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until, timeout};

/// A clock that is behind this moment is wrong: 2025-01-01. Write the day here on which you set the door up.
const EARLIEST: u64 = 1_735_689_600_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args, || {
        let mut grant = String::new();
        std::io::stdin().take(65_536).read_to_string(&mut grant).map(|_| grant)
    }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("the door stays shut: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Locks the door, opens it for the grant's time, and locks it again however this ends.
pub(crate) fn run(args: &[String], read: impl FnOnce() -> std::io::Result<String>) -> Result<(), String> {
    let [asset, keys, issuer, unlock, lock] = args else {
        return Err("door ASSET KEYS ISSUER UNLOCK LOCK < grant".to_owned());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(command(lock))?;
    let done = read().map_err(|error| error.to_string()).and_then(|grant| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
        let known = std::fs::read_to_string(keys).map_err(|error| format!("{keys}: {error}"))?;
        let known = serde_json::from_str(&known).map_err(|error| format!("{keys}: {error}"))?;
        let left = time_left(&grant, asset, &known, issuer, now)?;
        runtime.block_on(open_for(left, unlock))
    });
    runtime.block_on(command(lock)).and(done)
}

/// Returns how long the door may be open. Everything that is not certain is an error.
pub(crate) fn time_left(
    grant: &str,
    asset: &str,
    keys: &Value,
    issuer: &str,
    now: Duration,
) -> Result<Duration, String> {
    let now = u64::try_from(now.as_millis()).unwrap_or(0);
    if now < EARLIEST {
        return Err("the clock is wrong".to_owned());
    }
    let grant = grant.trim();
    let header = jws::header(grant).ok_or("this is not a grant")?;
    let key = key(keys, &header.kid).ok_or("the grant names a key that is not among the gateway's")?;
    let grant: Grant =
        jws::verify(grant, GRANT_TYP, &key).ok_or("the gateway has not signed this as a grant")?;
    if grant.aud.as_str() != asset || grant.iss != issuer {
        return Err("the grant is for another door".to_owned());
    }
    let has_begun = grant.nbf.saturating_mul(1000) <= now;
    let left = grant.ends_at_ms.checked_sub(now).filter(|left| has_begun && *left > 0);
    left.map(Duration::from_millis).ok_or_else(|| "the grant is not in force now".to_owned())
}

/// Opens the door and waits, until its time is over or a signal comes.
async fn open_for(left: Duration, unlock: &str) -> Result<(), String> {
    let end = Instant::now() + left;
    let on = |kind| signal(kind).map_err(|error| error.to_string());
    let (mut stop, mut interrupt, mut hangup, mut quit) = (
        on(SignalKind::terminate())?,
        on(SignalKind::interrupt())?,
        on(SignalKind::hangup())?,
        on(SignalKind::quit())?,
    );
    command(unlock).await?;
    tokio::select! {
        () = sleep_until(end) => Ok(()),
        _ = stop.recv() => Err("stopped".to_owned()),
        _ = interrupt.recv() => Err("interrupted".to_owned()),
        _ = hangup.recv() => Err("hung up".to_owned()),
        _ = quit.recv() => Err("told to quit".to_owned()),
    }
}

/// Runs a command, which has to succeed within ten seconds.
async fn command(line: &str) -> Result<(), String> {
    let mut command = Command::new("sh");
    command.args(["-c", line]).stdin(std::process::Stdio::null()).kill_on_drop(true);
    match timeout(Duration::from_secs(10), command.status()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("`{line}` ended with {status}")),
        Ok(Err(error)) => Err(format!("`{line}`: {error}")),
        Err(_) => Err(format!("`{line}` took too long")),
    }
}
