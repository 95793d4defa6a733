//! Measures the Cloudflare Worker beside a plain one that only says hello, in one workerd.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use coinop_core::bench;
use coinop_core::config::Config;
use coinop_core::x402::PAYMENT_SIGNATURE;
use hyper::Request;
use serde_json::{Value, json};

use crate::clients::{Getter, Payer, Refusal, price};
use crate::load::{Client, Connection, Outcome, load};
use crate::payments::{self, address, fee_payer, header, key, sign};
use crate::report::Report;
use crate::servers::Server;
use crate::{CLIENTS, each_us};

/// How many payments each client has, with as many payers and tickets.
const PAYMENTS: u64 = 32;
/// The number of the key that buys. The payers' numbers are below it.
const BUYER: u64 = 1_000_000;
/// How long a preparation may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A key of the merchant's API, and its hash as in a configuration.
const API_KEY: &str = "coinop_api_of-the-benchmarks";
const API_KEY_HASH: &str = "sha256:ccbcebf4b7acbe9e635a44ec813cdd175f3b34b1e65a9e0eb182cb4ee0e5bf60";

/// An asset of the configuration, for hire.
const FREE: &str = "/api/v1/access/lane-0?quantity=1";
/// An asset of the configuration, taken for an hour.
const TAKEN: &str = "/api/v1/access/booth?quantity=1";
/// An asset made by API, for hire. It is in KV.
const LISTED: &str = "/api/v1/access/kiosk?quantity=1";

/// What is needed to run it.
#[derive(Clone, clap::Args)]
pub(crate) struct Programs {
    /// The folder of the built worker.
    #[arg(long)]
    worker: Option<PathBuf>,
    /// The bytes of its script when compressed.
    #[arg(long)]
    worker_gzip: Option<u32>,
    /// The script for Node that runs it.
    #[arg(long)]
    miniflare: Option<PathBuf>,
    /// The local chain.
    #[arg(long)]
    chain: Option<PathBuf>,
}

impl Programs {
    /// Tells whether there is a worker to measure.
    pub(crate) const fn are_given(&self) -> bool {
        self.worker.is_some()
    }
}

/// One kind of request to workerd, and its name in the figures.
struct Load<C> {
    name: &'static str,
    clients: Vec<C>,
}

impl<C: Client> Load<C> {
    const fn new(name: &'static str) -> Self {
        Self { name, clients: Vec::new() }
    }

    /// Sends requests for this long.
    async fn run(&mut self, lasting: Duration) -> Result<Outcome> {
        let (clients, outcome) = load(std::mem::take(&mut self.clients), lasting).await?;
        self.clients = clients;
        Ok(outcome)
    }

    /// Sends requests for this long, and reports the result. Returns the requests per second.
    async fn measure(&mut self, report: &mut Report, server: &Server, lasting: Duration) -> Result<f64> {
        let computed = server.computed()?;
        let outcome = self.run(lasting).await?;
        let figure = |unit: &str| format!("worker_{}_{unit}", self.name);
        report.add(&figure("cpu_us"), each_us(server.computed()? - computed, &outcome));
        report.add(&figure("per_second"), outcome.per_second);
        Ok(outcome.per_second)
    }

    /// Measures too, and also reports the ratio to the plain worker's requests per second.
    async fn compare(
        &mut self,
        report: &mut Report,
        server: &Server,
        lasting: Duration,
        hello: f64,
    ) -> Result<()> {
        let per_second = self.measure(report, server, lasting).await?;
        report.add(&format!("worker_{}_over_js", self.name), per_second / hello);
        Ok(())
    }
}

impl Load<Payer> {
    /// Gives all clients new payments.
    async fn prepare(&mut self) -> Result<()> {
        let preparing: Vec<_> = std::mem::take(&mut self.clients)
            .into_iter()
            .map(|payer| tokio::spawn(payer.prepare()))
            .collect();
        for payer in preparing {
            self.clients.push(payer.await??);
        }
        Ok(())
    }
}

/// Measures in this many rounds, with loads that each last this long.
pub(crate) async fn measure(
    report: &mut Report,
    programs: &Programs,
    rounds: u32,
    lasting: Duration,
) -> Result<()> {
    let (Some(worker), Some(script), Some(chain)) = (&programs.worker, &programs.miniflare, &programs.chain)
    else {
        anyhow::bail!("the worker's benchmark needs --worker, --miniflare and --chain");
    };
    if let Some(bytes) = programs.worker_gzip {
        report.add("worker_gzip_kb", f64::from(bytes) / 1024.0);
    }
    let funds =
        [(fee_payer(), 0), (key(u64::MAX - 1), 0), (key(BUYER), 1)].map(|(key, usdc)| (address(&key), usdc));
    let chain = Server::chain(chain, &funds)?;
    let json = config(&chain);
    let config = Arc::new(Config::from_json(&json).map_err(|error| anyhow::anyhow!("{error}"))?);
    let server = Server::miniflare(script, worker, &json)?;
    list(&server).await?;
    take(&server, &chain, &config).await?;

    let unsigned = Refusal { status: 402, reason: bench::Refusal::Signature.reason() };
    let busy = Refusal { status: 409, reason: "asset_busy" };
    let (mut hello, mut challenge, mut listed) =
        (Load::new("js"), Load::new("challenge"), Load::new("listed"));
    let (mut verify, mut taken) = (Load::new("verify"), Load::new("taken"));
    let at = &server.address;
    for number in 0..CLIENTS {
        hello.clients.push(Getter::open(at, "/hello", 200).await?);
        challenge.clients.push(Getter::open(at, FREE, 402).await?);
        listed.clients.push(Getter::open(at, LISTED, 402).await?);
        let keys = number * PAYMENTS..(number + 1) * PAYMENTS;
        verify.clients.push(Payer::open(at, &config, FREE, keys.clone(), spoil, unsigned.clone()).await?);
        taken.clients.push(Payer::open(at, &config, TAKEN, keys, |_| (), busy.clone()).await?);
    }
    for round in 0..=rounds {
        verify.prepare().await?;
        taken.prepare().await?;
        if round == 0 {
            // The first round does not count, because caches fill, and code that runs often is compiled
            // again.
            hello.run(lasting / 2).await?;
            challenge.run(lasting / 2).await?;
            verify.run(lasting / 2).await?;
            listed.run(lasting / 2).await?;
            taken.run(lasting / 2).await?;
            continue;
        }
        let plain = hello.measure(report, &server, lasting).await?;
        challenge.compare(report, &server, lasting, plain).await?;
        verify.compare(report, &server, lasting, plain).await?;
        listed.compare(report, &server, lasting, plain).await?;
        taken.compare(report, &server, lasting, plain).await?;
    }
    Ok(())
}

/// Makes a valid signature invalid so that it takes as long to check: it flips the least bit of the second
/// half, which is a number.
const fn spoil(signature: &mut [u8; 64]) {
    signature[32] ^= 1;
}

/// Returns a configuration with two assets for hire, on this chain.
fn config(chain: &Server) -> Value {
    let mut json = payments::config(1);
    json["solana"]["rpc_url"] = format!("http://{}", chain.address).into();
    json["merchant"]["api_keys"] = json!([API_KEY_HASH]);
    if let Some(assets) = json["asset"].as_array_mut() {
        assets.push(json!({"id": "booth", "price": "0.01", "unit": "hour"}));
    }
    json
}

/// Makes an asset by the API, and waits until buyers find it.
async fn list(server: &Server) -> Result<()> {
    let mut connection = Connection::open(&server.address).await?;
    let asset = json!({"id": "kiosk", "price": "0.01", "unit": "second"}).to_string();
    let request = Request::post("/api/v1/assets").header("authorization", format!("Bearer {API_KEY}"));
    let answer = connection.send(request, asset).await?;
    ensure!(answer.status() == 201, "no asset was made: {}", String::from_utf8_lossy(answer.body()));
    let begun = Instant::now();
    while connection.get(LISTED, None).await?.status() != 402 {
        ensure!(begun.elapsed() < PATIENCE, "the asset that was made is not for sale");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Buys an asset, so that others cannot have it.
async fn take(server: &Server, chain: &Server, config: &Config) -> Result<()> {
    let mut connection = Connection::open(&server.address).await?;
    let offer = price(&mut connection, TAKEN).await?;
    let signed = sign(config, &offer, &key(BUYER), blockhash(chain).await?)?;
    let payment = header(&offer, &signed.encode()?);
    let begun = Instant::now();
    loop {
        let answer = connection.get(TAKEN, Some((PAYMENT_SIGNATURE, &payment))).await?;
        match answer.status().as_u16() {
            200 => return Ok(()),
            // The payment is pending.
            202 if begun.elapsed() < PATIENCE => {}
            status => anyhow::bail!("{status} for a payment: {}", String::from_utf8_lossy(answer.body())),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn blockhash(chain: &Server) -> Result<[u8; 32]> {
    let question = json!({"jsonrpc": "2.0", "id": 1, "method": "getLatestBlockhash", "params": []});
    let request = Request::post("/").header("content-type", "application/json");
    let answer = Connection::open(&chain.address).await?.send(request, question.to_string()).await?;
    let answer: Value = serde_json::from_slice(answer.body())?;
    let text = answer["result"]["value"]["blockhash"].as_str().context("no blockhash")?;
    coinop_core::encoding::from_base58(text).context("a blockhash that is none")
}
