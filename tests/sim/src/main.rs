//! Plays the gateway in worlds that are made from a seed.
//!
//! A world has assets, buyers, thieves, those who only want to harm, an owner, devices, a chain with forks, a node that
//! lags and lies, storage that fails, and processes that die. After each append the books are checked. Then all faults
//! end, and everything must come to its end. A seed makes the same world each time.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a world that is not as it should be fails, and says so"
)]

mod actors;
mod audit;
mod chain;
mod clock;
mod devices;
mod economy;
mod executor;
mod gateway;
mod machine;
mod node;
mod plan;
mod promises;
mod random;
mod record;
mod run;
mod shrink;
mod storage;
mod trace;
mod world;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;

use plan::Plan;
use run::{Broken, Ran, run};

#[derive(Parser)]
#[command(about = "Plays the gateway in worlds that are made from a seed")]
struct Cli {
    /// How many worlds to play
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The seed of the first world
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Stop after this many seconds, however many worlds were played
    #[arg(long)]
    seconds: Option<u64>,
    /// How many worlds to play at once
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Play only sieges, and print what each has cost
    #[arg(long)]
    sieges: bool,
    /// Print everything that happens; for one world
    #[arg(long)]
    trace: bool,
    /// Go on after a world has failed, and print one seed of each kind of failure
    #[arg(long)]
    keep_going: bool,
    /// Do not make the plan of a world that has failed smaller, which takes long
    #[arg(long)]
    quick: bool,
    /// Only print what the model of the chain did with each transaction of this many worlds, and of cases made by
    /// hand: lines of JSON
    #[arg(long, value_name = "WORLDS")]
    record: Option<u64>,
}

impl Cli {
    fn plan(&self, seed: u64) -> Plan {
        if self.sieges { Plan::siege(seed) } else { Plan::of(seed) }
    }
}

/// What all worlds came to.
#[derive(Default)]
struct Sum {
    worlds: u64,
    ran: Ran,
    broken: BTreeMap<String, (u64, u64, String)>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(worlds) = cli.record {
        return record::print(cli.from..cli.from.saturating_add(worlds), cli.jobs);
    }
    // A world that fails says so itself.
    std::panic::set_hook(Box::new(|_| {}));
    if cli.trace {
        return trace(&cli.plan(cli.from));
    }
    let started = Instant::now();
    let next = AtomicU64::new(cli.from);
    let sum = Mutex::new(Sum::default());
    let is_over = |sum: &Sum| {
        let late = cli.seconds.is_some_and(|seconds| started.elapsed() >= Duration::from_secs(seconds));
        late || (!cli.keep_going && !sum.broken.is_empty())
    };
    std::thread::scope(|scope| {
        for _ in 0..cli.jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= cli.from.saturating_add(cli.seeds) || sum.lock().is_ok_and(|sum| is_over(&sum))
                    {
                        return;
                    }
                    let ran = run(&cli.plan(seed), false);
                    if let Ok(Ran { siege: Some(line), .. }) = &ran
                        && cli.sieges
                    {
                        println!("{seed}: {line}");
                    }
                    if let Ok(mut sum) = sum.lock() {
                        sum.add(seed, ran);
                    }
                }
            });
        }
    });
    let Ok(sum) = sum.into_inner() else { return ExitCode::FAILURE };
    sum.print(&cli, started.elapsed());
    if sum.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Sum {
    fn add(&mut self, seed: u64, ran: Result<Ran, Broken>) {
        self.worlds += 1;
        match ran {
            Ok(ran) => {
                self.ran.steps += ran.steps;
                self.ran.appends += ran.appends;
                self.ran.grants += ran.grants;
                self.ran.calls += ran.calls;
            }
            Err(Broken { why, .. }) => {
                let entry = self.broken.entry(shrink::kind(&why)).or_insert((seed, 0, why));
                entry.1 += 1;
            }
        }
    }

    fn print(&self, cli: &Cli, took: Duration) {
        let Ran { steps, appends, grants, calls, .. } = self.ran;
        println!(
            "{} worlds in {} s: {steps} steps, {calls} calls of the node, {appends} appends, {grants} payments granted",
            self.worlds,
            took.as_secs()
        );
        for (seed, count, why) in self.broken.values() {
            println!("\nBROKEN in {count} worlds, first seed {seed}: {why}");
            if !cli.quick {
                println!("smallest: {:?}", shrink::shrink(&cli.plan(*seed), why));
            }
        }
    }
}

/// Plays one world, and prints what happens in it.
fn trace(plan: &Plan) -> ExitCode {
    println!("{plan:?}");
    let smallest = match run(plan, true) {
        Ok(ran) => {
            println!("{ran:?}");
            return ExitCode::SUCCESS;
        }
        Err(Broken { why, .. }) => shrink::shrink(plan, &why),
    };
    println!("smaller: {smallest:?}");
    if let Err(Broken { why, trace }) = run(&smallest, true) {
        for line in trace {
            println!("{line}");
        }
        println!("BROKEN: {why}");
    }
    ExitCode::FAILURE
}
