//! Plays worlds in the program itself: always other ones, from a seed that follows from the day.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// For how many seconds worlds are played.
const SECONDS: &str = "COINOP_SIM_SECONDS";
/// How many seeds each day has.
const SEEDS_OF_A_DAY: u64 = 1_000_000;
/// How many seconds a day has.
const DAY: u64 = 86_400;

/// Runs the simulator, and returns whether all worlds held, with what it printed.
fn sim(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_coinop-sim")).args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn todays_worlds_hold_every_invariant_inv_1_2_3_4_5() {
    let seconds = std::env::var(SECONDS).unwrap_or_else(|_| "20".to_owned());
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / DAY;
    let from = (today * SEEDS_OF_A_DAY).to_string();
    let most = SEEDS_OF_A_DAY.to_string();
    let (held, told) = sim(&["--from", &from, "--seeds", &most, "--seconds", &seconds]);
    println!("{told}");
    assert!(held, "{told}");
}

#[test]
fn a_seed_makes_the_same_world_each_time() {
    for seed in ["3", "17", "40"] {
        let play = || sim(&["--from", seed, "--trace"]);
        assert_eq!(play(), play());
    }
}
