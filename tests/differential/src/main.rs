//! The core as a native program: requests in, answers out, on its own SQLite file.
//!
//! In the differential test it replaces a platform, with nothing in between: a request is a line of JSON on
//! stdin, and its answer a line on stdout. The deployment is that of the other platforms: `COINOP_CONFIG`,
//! `COINOP_SECRET` and `COINOP_FEE_PAYER`. Each request tells the time and the random bytes (`coinop-test-hooks`).
//!
//! It also prints the content of any platform's database, one row per line.

mod platform;
mod sqlite;

use std::io::{BufRead as _, Write as _};
use std::task::{Context, Poll, Waker};

use anyhow::{Context as _, Result, bail};
use coinop_core::config::Config;
use coinop_core::encoding::{base64, from_base64};
use coinop_core::http::{self, MAX_BODY, Problem, Request, Response, with_cors};
use coinop_core::settlement::FeePayers;
use coinop_core::svm::keypair;
use coinop_core::{Deployment, KeyRing, Secret};
use serde::{Deserialize, Serialize};

use platform::Platform;
use sqlite::Sqlite;

/// A request. Its headers' names are in lower case, and its body is base64.
#[derive(Deserialize)]
struct Question {
    method: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: String,
}

/// The answer to a request.
#[derive(Serialize)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", database] => serve(database),
        ["tables", database] => tables(database),
        _ => bail!("write `coinop-native serve DATABASE` or `coinop-native tables DATABASE`"),
    }
}

/// Answers requests until there are no more.
fn serve(database: &str) -> Result<()> {
    let need = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
    let config = Config::from_text(&need("COINOP_CONFIG")?).map_err(|error| anyhow::anyhow!("{error}"))?;
    let secret = Secret::from_base64(&need("COINOP_SECRET")?).context("COINOP_SECRET is no secret")?;
    let keys = keypair::parse_list(&need("COINOP_FEE_PAYER")?).context("COINOP_FEE_PAYER is no key")?;
    let fee_payers = FeePayers::new(keys, &config.merchant.pay_to).map_err(anyhow::Error::msg)?;
    let platform = Platform::new(Sqlite::open(database)?, &config, fee_payers);
    let deployment = Deployment { config, keys: KeyRing::new(&secret, None), epoch: 0 };
    at_once(platform.prepare())??;
    for line in std::io::stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line?)?;
        let answer = answer(&deployment, &platform, question)?;
        println!("{}", serde_json::to_string(&answer)?);
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn answer(deployment: &Deployment, platform: &Platform, question: Question) -> Result<Answer> {
    let Question { method, path, query, headers, body } = question;
    coinop_test_hooks::begin_request(&headers);
    let body = from_base64(&body).context("a body is not base64")?;
    let response = if body.len() > MAX_BODY {
        with_cors(&method, &path, Problem::body_too_large().into())
    } else {
        let request = Request { method, path, query, headers, body };
        at_once(http::handle(&http::Context::new(deployment, platform), &request))?
    };
    let Response { status, headers, body } = response;
    Ok(Answer { status, headers, body: base64(&body) })
}

/// Returns the result of work that never waits, because every port here answers before it returns.
fn at_once<T>(work: impl Future<Output = T>) -> Result<T> {
    match std::pin::pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => bail!("the core waits for something that is no port of this platform"),
    }
}

/// Prints the rows of all tables of a database, each as a list of the table's name and the row.
fn tables(database: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for row in sqlite::rows(database)? {
        writeln!(out, "{}", serde_json::to_string(&row)?)?;
    }
    Ok(())
}
