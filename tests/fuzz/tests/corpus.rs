//! Plays the committed inputs, without a fuzzer.
#![allow(clippy::unwrap_used, reason = "it is a test")]

use std::path::{Path, PathBuf};

use coinop_fuzz::TARGETS;

/// The most bytes of a committed input.
const LARGEST: usize = 2_048;

fn inputs(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn every_committed_input_of_every_target_passes() {
    for (target, check) in TARGETS {
        let inputs = inputs(target);
        assert!(inputs.len() >= 5, "{target} has only {} inputs", inputs.len());
        for input in inputs {
            let bytes = std::fs::read(&input).unwrap();
            assert!(bytes.len() <= LARGEST, "{}", input.display());
            println!("{}", input.display());
            check(&bytes);
        }
        check(&[]);
    }
}
