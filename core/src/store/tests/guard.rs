//! How much the tables let payments claim from one balance.

use std::sync::LazyLock;

use crate::ids::{PaymentId, StreamId};
use crate::money::Amount;
use crate::ports::{Accounts as _, Appended, PortError, Streams as _};
use crate::session::{Batch, Claim, Event, FundsCheck, Landing, StreamState};
use crate::svm::Address;
use crate::testkit::keys;
use crate::testkit::platform::Platform;
use crate::testkit::world::World;
use crate::time::{Now, Timestamp};

/// SQLite's largest integer.
const I64: u64 = i64::MAX as u64;

/// A claim as a sale makes it, but for a payment without a ticket.
static CLAIM: LazyLock<Claim> = LazyLock::new(|| {
    let world = World::new();
    world.bought(1, "door-1", 1);
    match serde_json::from_value(world.events("door-1")[0].clone()).unwrap() {
        Event::PaymentClaimed(claim) => Claim { ticket: None, ..claim },
        other => panic!("no claim: {other:?}"),
    }
});

fn asset(number: usize) -> StreamId {
    StreamId::parse(&format!("vault-{number}")).unwrap()
}

/// Claims a payment of this amount for this vault. The simulation reports that this much is left of the only balance.
fn claim(world: &World, number: usize, amount: u64, left: u64) -> Result<Appended, PortError> {
    let mut claim = CLAIM.clone();
    claim.payment = PaymentId::of_message(&number.to_be_bytes());
    claim.purchase.price.amount = Amount::new(amount);
    let (source, now) = (claim.rail.source().unwrap(), Now::at(claim.at));
    let events = vec![Event::PaymentClaimed(claim)];
    let batch = Batch::new(&asset(number), &StreamState::default(), events, &now).unwrap();
    let funds = FundsCheck {
        source: Some(source),
        amount: Amount::new(amount),
        remaining: Amount::new(left),
        exclusive: false,
        fee_payer: Some(Address::new([255; 32]).into()),
        slack: None,
        fee: None,
    };
    let journal = Platform::new(world).journal;
    world.run(journal.append(&asset(number), 0, &batch.with_funds(Some(funds)))).unwrap()
}

/// Records that the claim of this vault has landed.
fn landed(world: &World, number: usize) {
    let payment = PaymentId::of_message(&number.to_be_bytes());
    let claim = Claim { payment: payment.clone(), ..CLAIM.clone() };
    let (payer, at) = (claim.payer.clone(), claim.at);
    let before = StreamState { claims: vec![claim], ..StreamState::default() };
    let events = vec![Event::PaymentLanded { payment, payer, landing: Landing::SvmExact { slot: 1 }, at }];
    let batch = Batch::new(&asset(number), &before, events, &Now::at(at)).unwrap();
    let journal = Platform::new(world).journal;
    assert_eq!(world.run(journal.append(&asset(number), 1, &batch)), Some(Ok(Appended::Done)));
}

#[test]
fn what_is_in_flight_has_to_fit_into_what_is_left_to_the_last_unit_inv_5() {
    for most in [2, 1_000_000, I64 - 1] {
        let refused = [(1, most), (most, 1), (most / 2 + 1, most - most / 2)];
        let taken = [(1, most - 1), (most - 1, 1), (most / 2, most - most / 2), (0, most), (most, 0)];
        let cases = refused.map(|case| (case, false)).into_iter().chain(taken.map(|case| (case, true)));
        for ((first, second), fits) in cases {
            let world = World::new();
            // The chain reports the same each time, because none of them has landed.
            assert_eq!(claim(&world, 1, first, most - first), Ok(Appended::Done));
            let expected = if fits { Appended::Done } else { Appended::NotCovered };
            assert_eq!(claim(&world, 2, second, most - second), Ok(expected), "{first} + {second} of {most}");
            assert_eq!(world.count("in_flight"), 1 + u64::from(fits));
        }
    }
}

#[test]
fn what_has_landed_is_taken_off_a_balance_once_written_down_or_not_inv_2() {
    let world = World::new();
    // The balance is 30. Each payment has landed when the next one is simulated.
    assert_eq!(claim(&world, 1, 10, 20), Ok(Appended::Done));
    assert_eq!(claim(&world, 2, 10, 10), Ok(Appended::Done));
    landed(&world, 1);
    assert_eq!(claim(&world, 3, 10, 0), Ok(Appended::Done));
    assert_eq!(claim(&world, 4, 1, 0), Ok(Appended::NotCovered));
    landed(&world, 2);
    assert_eq!(
        (world.count("in_flight"), world.texts("SELECT available FROM source_balance")),
        (1, vec!["Integer(0)".to_owned()])
    );
    landed(&world, 3);
    assert_eq!((world.count("in_flight"), world.count("source_balance")), (0, 0));
    // New money is not counted against what was spent before.
    assert_eq!(claim(&world, 5, 10, 0), Ok(Appended::Done));
}

#[test]
fn amounts_beyond_what_the_database_counts_to_are_never_let_through_too_many_inv_5() {
    let amounts = [1, I64 / 2, I64 - 1, I64, I64 + 1, u64::MAX / 2 + 2, u64::MAX - 1, u64::MAX];
    for balance in [I64 - 1, I64, I64 + 1, u64::MAX - 1, u64::MAX] {
        for first in amounts {
            for second in amounts {
                let world = World::new();
                let mut taken = 0_u128;
                for (number, amount) in [first, second, I64 / 2 + 1, 1].into_iter().enumerate() {
                    let Some(left) = balance.checked_sub(amount) else { continue };
                    let outcome = claim(&world, number, amount, left).unwrap();
                    // A payment alone is always accepted, because it passed its simulation.
                    assert!(outcome == Appended::Done || taken > 0, "{amount} of {balance}");
                    taken += if outcome == Appended::Done { u128::from(amount) } else { 0 };
                }
                assert!(taken <= u128::from(balance), "{first}, {second}: {taken} of {balance}");
            }
        }
    }
}

#[test]
fn a_claim_that_is_not_covered_leaves_nothing_inv_8() {
    let world = World::new();
    assert_eq!(claim(&world, 1, 10, 0), Ok(Appended::Done));
    let tables =
        ["journal", "head", "payment", "in_flight", "source_balance", "failure", "trust", "fee_budget"];
    let dump = || tables.map(|table| world.texts(&format!("SELECT * FROM {table}")));
    let before = dump();
    assert_eq!(claim(&world, 2, 10, 0), Ok(Appended::NotCovered));
    assert_eq!(dump(), before);
    assert_eq!(world.texts("SELECT available FROM source_balance"), ["Integer(0)"]);
}

#[test]
fn failures_are_told_of_their_payer_the_latest_first_and_forgotten_after_a_day_inv_8() {
    let world = World::new();
    let payers = [1, 2].map(keys::account);
    let fail = |revision: u64, payer: usize, at: u64| {
        let at = Timestamp::from_millis(at);
        let payment = PaymentId::of_message(&revision.to_be_bytes());
        let reason = "transaction_expired".to_owned();
        let claim = Claim { payment: payment.clone(), payer: payers[payer].clone(), ..CLAIM.clone() };
        let before = StreamState { claims: vec![claim], ..StreamState::default() };
        let events = vec![Event::PaymentFailed { payment, payer: payers[payer].clone(), reason, at }];
        let batch = Batch::new(&asset(1), &before, events, &Now::at(at)).unwrap();
        let journal = Platform::new(&world).journal;
        assert_eq!(world.run(journal.append(&asset(1), revision, &batch)), Some(Ok(Appended::Done)));
    };
    let failures = |payer: usize, limit| {
        let journal = Platform::new(&world).journal;
        let found = world.run(journal.history_of(&payers[payer], limit)).unwrap().unwrap().failures;
        found.into_iter().map(|failure| failure.at.millis()).collect::<Vec<_>>()
    };
    for (revision, at) in [(0, 1_000), (1, 3_000), (2, 2_000), (3, 2_000)] {
        fail(revision, 0, at);
    }
    fail(4, 1, 5_000);
    assert_eq!(
        (failures(0, 9), failures(0, 3)),
        (vec![3_000, 2_000, 2_000, 1_000], vec![3_000, 2_000, 2_000])
    );
    assert_eq!(failures(1, 9), [5_000]);
    fail(5, 1, 86_402_001);
    assert_eq!((failures(0, 9), failures(1, 9)), (vec![3_000], vec![86_402_001, 5_000]));
    fail(6, 1, 199_999_999);
    assert_eq!(world.count("failure"), 1);
}

#[test]
fn what_an_append_looks_for_is_found_by_an_index() {
    let world = World::new();
    for statement in [
        "SELECT sum(amount) FROM in_flight WHERE source = ?1",
        "SELECT 1 FROM in_flight WHERE source = ?1",
        "DELETE FROM in_flight WHERE stream = ?1 AND payment IN (SELECT ?2)",
        "SELECT available FROM source_balance WHERE source = ?1 AND available < 0",
        "DELETE FROM failure WHERE at < ?1",
    ] {
        let plan = world.query_plan(statement);
        assert!(plan.starts_with("SEARCH"), "{statement}: {plan}");
    }
}
