//! Plays worlds in the program itself.

use std::process::Command;

/// For how many seconds worlds are played.
const SECONDS: &str = "COINOP_SIM_SECONDS";
/// The seed of the first world. It is the same in each run, so that a run fails only because of what was changed.
const FROM: &str = "COINOP_SIM_FROM";
/// How many sieges are played.
const SIEGES: &str = "COINOP_SIM_SIEGES";

/// Runs the simulator, and returns whether all worlds held, with what it printed.
fn sim(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_coinop-sim")).args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_first_worlds_hold_every_invariant_inv_1_2_3_4_5() {
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let (from, seconds) = (setting(FROM, "0"), setting(SECONDS, "20"));
    let (held, told) = sim(&["--from", &from, "--seeds", "1000000", "--seconds", &seconds]);
    println!("{told}");
    assert!(held, "{told}");
}

#[test]
fn the_first_sieges_keep_no_shop_closed_and_cost_no_more_than_is_allowed_inv_5() {
    let sieges = std::env::var(SIEGES).unwrap_or_else(|_| "4".to_owned());
    let (held, told) = sim(&["--sieges", "--seeds", &sieges]);
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
