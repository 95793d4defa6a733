//! Prints what the model of the chain did with each transaction, so that the real programs can be asked the same.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::chain::by_hand;
use crate::plan::Plan;
use crate::run::run_in;
use crate::world::World;

/// Prints a line of JSON for each transaction of the worlds of these seeds, and for each that is made by hand.
///
/// A line names its world, or the case. A world that fails is recorded as far as it came: other runs tell of it.
pub(crate) fn print(seeds: Range<u64>, jobs: usize) -> ExitCode {
    let next = AtomicU64::new(seeds.start);
    let worlds = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let entries = play(seed);
                    if let Ok(mut worlds) = worlds.lock() {
                        worlds.insert(seed, entries);
                    }
                }
            });
        }
    });
    let Ok(worlds) = worlds.into_inner() else { return ExitCode::FAILURE };
    let played =
        worlds.into_iter().flat_map(|(seed, entries)| entries.into_iter().map(move |it| (json!(seed), it)));
    let made = by_hand().map(|(case, entry)| (json!(case), entry));
    let mut out = std::io::stdout().lock();
    for (of, mut entry) in played.chain(made) {
        entry["of"] = of;
        if writeln!(out, "{entry}").is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Plays a world, and returns what its chain did.
fn play(seed: u64) -> Vec<Value> {
    let world = World::new(Plan::of(seed));
    world.chain.borrow_mut().start_recording();
    drop(run_in(&world, false));
    world.chain.borrow_mut().stop_recording()
}
