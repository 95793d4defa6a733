//! Coinop's benchmarks. Each figure is measured beside the thing to which it should be compared, in the same
//! run, in rounds that take turns. `cargo xtask bench` builds what this needs and runs it.
#![allow(clippy::float_arithmetic, reason = "figures; no money is near")]

mod clients;
#[path = "../guest/src/counter.rs"]
mod counter;
mod history;
mod load;
mod payments;
mod report;
mod servers;
mod spin;
mod verify;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use clients::{Buyer, Getter};
use coinop_core::config::Config;
use history::History;
use load::load;
use report::Report;
use servers::Server;
use verify::Verify;

/// Coinop's benchmarks.
#[derive(clap::Parser)]
struct Args {
    /// The gateway's binary.
    #[arg(long)]
    coinop: Option<PathBuf>,
    /// The component with the settlement stubbed.
    #[arg(long)]
    component: Option<PathBuf>,
    /// The module that verifies payments.
    #[arg(long)]
    guest: Option<PathBuf>,
    #[command(flatten)]
    worker: worker::Programs,
    /// Where to write the figures.
    #[arg(long, required_unless_present_any = ["hello", "spin"])]
    out: Option<PathBuf>,
    /// Measure only this group.
    #[arg(long, value_enum)]
    only: Option<Group>,
    /// How many times each figure is measured.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How long each load lasts, in milliseconds.
    #[arg(long, default_value_t = 3_000)]
    load_ms: u64,
    /// Be the server that the gateway is compared with, on this port.
    #[arg(long, hide = true)]
    hello: Option<u16>,
    /// Be the stand-in for Spin, on this port.
    #[arg(long, hide = true, requires = "component")]
    spin: Option<u16>,
}

/// The things that are measured together.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Group {
    /// Checking a payment.
    Verify,
    /// Requests and sales through the gateway.
    Serve,
    /// Loading assets with a history.
    Load,
    /// Requests on the stand-in for Spin.
    Spin,
    /// Requests to the Cloudflare Worker. Left out if its flags are missing, unless it is named.
    Worker,
}

/// How many clients run at once.
const CLIENTS: u64 = 64;
/// How many assets are for hire. Each purchase lasts a second, so there must be enough for a second's sales.
const LANES: usize = 2048;
/// The past sessions of the two assets that are loaded.
const SESSIONS: (u64, u64) = (10, 100_000);

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let (Some(port), Some(component)) = (args.spin, &args.component) {
        return runtime.block_on(servers::serve_spin(port, component));
    }
    let out = match (args.hello, &args.out) {
        (Some(port), _) => return runtime.block_on(servers::serve_hello(port)),
        (None, out) => out.as_deref().context("--out is missing")?,
    };
    let mut report = Report::default();
    let wanted = |group| args.only.is_none_or(|only| only == group);
    let lasting = Duration::from_millis(args.load_ms);
    if wanted(Group::Verify) {
        let guest = args.guest.as_deref().context("--guest is missing")?;
        verification(&mut report, Verify::new(guest)?, args.rounds)?;
    }
    if wanted(Group::Serve) {
        let coinop = args.coinop.as_deref().context("--coinop is missing")?;
        let component = args.component.as_deref().context("--component is missing")?;
        runtime.block_on(serving(&mut report, coinop, component, args.rounds, lasting))?;
    }
    if wanted(Group::Spin) {
        let component = args.component.as_deref().context("--component is missing")?;
        runtime.block_on(spin::measure(&mut report, component, args.rounds, lasting))?;
    }
    if wanted(Group::Load) {
        runtime.block_on(loading(&mut report, args.rounds))?;
    }
    if args.only == Some(Group::Worker) || wanted(Group::Worker) && args.worker.are_given() {
        runtime.block_on(worker::measure(&mut report, &args.worker, args.rounds, lasting))?;
    }
    report.write(out)
}

fn verification(report: &mut Report, mut verify: Verify, rounds: u32) -> Result<()> {
    for _ in 0..rounds {
        let round = verify.round()?;
        let signature = round.signature.as_secs_f64();
        report.add("verify_native_over_signature", round.native.as_secs_f64() / signature);
        report.add("verify_wasm_over_signature", round.wasm.as_secs_f64() / signature);
        report.add("signature_us", signature * 1e6);
    }
    Ok(())
}

async fn serving(
    report: &mut Report,
    coinop: &std::path::Path,
    component: &std::path::Path,
    rounds: u32,
    lasting: Duration,
) -> Result<()> {
    let json = payments::config(LANES);
    let config = Config::from_json(&json).map_err(|error| anyhow::anyhow!("{error}"))?;
    let config = Arc::new(config);
    let hello = Server::hello()?;
    let gateway = Server::coinop(coinop, component, json)?;
    let (mut greeters, mut askers, mut buyers) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..CLIENTS {
        greeters.push(Getter::open(&hello.address, "/", 200).await?);
        askers.push(Getter::open(&gateway.address, "/api/v1/access/lane-0?quantity=1", 402).await?);
        let lanes = (0..LANES).skip(usize::try_from(number)?).step_by(usize::try_from(CLIENTS)?);
        buyers.push(Buyer::open(&gateway.address, &config, number, lanes).await?);
    }
    // The first run does not count, because caches fill and instances start.
    let warm = lasting / 4;
    greeters = load(greeters, warm).await?.0;
    askers = load(askers, warm).await?.0;
    buyers = load(buyers, warm).await?.0;
    for _ in 0..rounds {
        let (greeted, asked, bought);
        let mut computed = hello.computed()?;
        (greeters, greeted) = load(greeters, lasting).await?;
        report.add("hyper_cpu_us", each_us(hello.computed()? - computed, &greeted));
        computed = gateway.computed()?;
        (askers, asked) = load(askers, lasting).await?;
        report.add("challenge_cpu_us", each_us(gateway.computed()? - computed, &asked));
        report.most("rss_mb", mega(gateway.rss()?));
        computed = gateway.computed()?;
        let written = gateway.written()?;
        (buyers, bought) = load(buyers, lasting).await?;
        report.add("paid_cpu_us", each_us(gateway.computed()? - computed, &bought));
        let written = mega(gateway.written()? - written) * 1e3;
        report.add("paid_written_kb", written / count(&bought));
        report.most("rss_mb", mega(gateway.rss()?));
        report.add("challenge_over_hyper", asked.per_second / greeted.per_second);
        report.add("paid_over_hyper", bought.per_second / greeted.per_second);
        let (median, slow) = (bought.percentile(0.5).as_secs_f64(), bought.percentile(0.99).as_secs_f64());
        report.add("paid_p99_over_p50", slow / median);
        report.add("hyper_per_second", greeted.per_second);
        report.add("challenge_per_second", asked.per_second);
        report.add("paid_per_second", bought.per_second);
        report.add("paid_p50_ms", median * 1e3);
    }
    Ok(())
}

async fn loading(report: &mut Report, rounds: u32) -> Result<()> {
    let history = History::new(SESSIONS.0, SESSIONS.1).await?;
    for _ in 0..rounds {
        let round = history.round().await?;
        report.add("load_100k_over_10", round.many.as_secs_f64() / round.few.as_secs_f64());
        report.add("load_us", round.few.as_secs_f64() * 1e6);
    }
    Ok(())
}

/// Returns the server's computing time for each request, in microseconds.
fn each_us(computed: Duration, outcome: &load::Outcome) -> f64 {
    computed.as_secs_f64() * 1e6 / count(outcome)
}

/// Returns how many requests were made.
#[allow(clippy::cast_precision_loss, reason = "a count")]
fn count(outcome: &load::Outcome) -> f64 {
    outcome.took.len().max(1) as f64
}

#[allow(clippy::cast_precision_loss, reason = "megabytes")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
