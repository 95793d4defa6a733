use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use super::agreement;
use super::cases::cases;
use super::reference::Stricter;
use crate::svm::TokenProgram;
use crate::svm::lighthouse::tests::allowed_guards;

/// Returns a runner that is the same every time, because the counts below depend on it.
fn runner(cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(402),
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

#[test]
fn what_we_take_solana_takes_and_what_it_takes_we_take_but_for_named_ways_inv_1() {
    let seen = std::cell::RefCell::new(BTreeMap::<String, u32>::new());
    runner(10_000)
        .run(&cases(), |case| {
            let seen_here = agreement::payment(&case.bytes(), &case.wanted());
            *seen.borrow_mut().entry(seen_here).or_default() += 1;
            Ok(())
        })
        .unwrap();
    let seen = seen.into_inner();
    // The test has value only if every kind came up: payments, and each reason alone.
    for (guards, least) in [(0, 500), (1, 100), (2, 100), (3, 100), (4, 100)] {
        assert!(seen[&format!("a payment with {guards} guards")] > least, "{seen:#?}");
    }
    let times = |ways: &[Stricter]| seen.get(&format!("stricter: {ways:?}")).copied().unwrap_or_default();
    for way in Stricter::ALL.into_iter().filter(|way| *way != Stricter::MoreSigners) {
        assert!(times(&[way]) > 0, "{way:?} never was the only reason: {seen:#?}");
    }
    // An additional signer is always an account that no payment has.
    assert!(times(&[Stricter::MemoOfAnother, Stricter::MoreSigners]) > 0, "{seen:#?}");
    let refused = seen.keys().filter(|key| key.starts_with("no payment")).count();
    assert!(refused >= 18, "{seen:#?}");
}

#[test]
fn an_allowed_guard_changed_in_any_byte_is_judged_alike_by_both_readings() {
    let (mut still, mut refused) = (0, 0);
    for token_2022 in [false, true] {
        let program = if token_2022 { TokenProgram::Token2022 } else { TokenProgram::Spl };
        for (account, data) in allowed_guards(program) {
            for (at, byte) in (0..data.len()).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
                let mut data = data.clone();
                data[at] = byte;
                let mine = agreement::guard(account, &data, program);
                *(if mine.is_some() { &mut still } else { &mut refused }) += 1;
            }
        }
    }
    // A hash, an address or a number may have any other value.
    assert!(still > 10_000 && refused > 10_000, "{still} {refused}");
}

#[test]
fn captured_transactions_are_read_alike_inv_7() {
    for bytes in crate::testkit::vectors::transactions() {
        let (mine, ..) = agreement::read_both(&bytes).unwrap();
        assert!(mine.is_some());
    }
}
