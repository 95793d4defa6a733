//! What an append agrees on with other shards before it claims a payment: everything or nothing, whatever fails.

use super::budgets::fee_of;
use crate::session::fee::Limit;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::cluster::{AppendFault, Cluster, FAULTS, Fault, asset, door, payer};
use crate::ids::PaymentId;
use crate::money::Amount;
use crate::ports::{Appended, PortError, Streams as _};
use crate::session::{Batch, Claim, Event, FundsCheck, Rail, StreamState};
use crate::sharded::{STALE_MS, ShardKey};
use crate::svm::Address;
use crate::testkit::world::World;
use crate::time::Now;

/// A claim as in a sale to the first buyer, but for a payment without a ticket.
static CLAIM: LazyLock<Claim> = LazyLock::new(|| {
    let world = World::new();
    world.bought(1, "door-1", 1);
    match serde_json::from_value(world.events("door-1")[0].clone()).unwrap() {
        Event::PaymentClaimed(claim) => Claim { ticket: None, ..claim },
        other => panic!("no claim: {other:?}"),
    }
});

fn payment(number: u8) -> PaymentId {
    PaymentId::of_message(&[number])
}

/// Returns the batch that claims a payment for a door, with this balance left after it and this budget for the day.
pub(super) fn claiming(cluster: &Cluster, number: u8, at: u8, left: u64, budget: u64) -> Batch {
    let now = Now::at(cluster.world.now());
    let claim = Claim { payment: payment(number), at: now.wall, ..CLAIM.clone() };
    let (source, amount) = (claim.rail.source().unwrap(), claim.purchase.price.amount);
    let events = vec![Event::PaymentClaimed(claim)];
    let batch = Batch::new(&door(at), &StreamState::default(), events, &now).unwrap();
    let fee_payer = Some(Address::new([255; 32]).into());
    let left = Amount::new(left);
    let source = Some(source);
    batch.with_funds(Some(FundsCheck {
        source,
        amount,
        remaining: left,
        exclusive: false,
        fee_payer,
        slack: None,
        fee: Some(fee_of(10_001, Limit { most: budget, refill: 0, period: 1 }).check),
    }))
}

/// Appends that batch to the door's journal. Returns `None` if everything was cut off.
pub(super) fn append(
    cluster: &Cluster,
    number: u8,
    at: u8,
    left: u64,
    budget: u64,
) -> Option<Result<Appended, PortError>> {
    append_batch(cluster, at, &claiming(cluster, number, at, left, budget))
}

/// Appends this batch to the door's journal. Returns `None` if everything was cut off.
pub(super) fn append_batch(cluster: &Cluster, at: u8, batch: &Batch) -> Option<Result<Appended, PortError>> {
    let (journal, door) = (cluster.journal(at), door(at));
    cluster.world.run(journal.append(&door, 0, batch))
}

/// Appends with more than enough balance and budget.
fn claim(cluster: &Cluster, number: u8, at: u8) -> Option<Result<Appended, PortError>> {
    append(cluster, number, at, 1_000_000, u64::MAX)
}

/// Returns the other shards in which the payment with this number makes reservations.
fn others(number: u8) -> [ShardKey; 3] {
    [ShardKey::Payment(payment(number)), payer(1), ShardKey::Merchant]
}

/// Returns how many attempts hold something in each of them.
fn held(cluster: &Cluster, number: u8) -> [i64; 3] {
    others(number).map(|key| cluster.holds(&key))
}

/// Returns how many payments have taken from the balance, and how many from the budget.
fn taken(cluster: &Cluster) -> [i64; 2] {
    [
        cluster.number(&payer(1), "SELECT count(*) FROM in_flight"),
        cluster.number(&ShardKey::Merchant, "SELECT count(*) FROM reserved"),
    ]
}

/// Returns whether a door's journal has claimed anything.
pub(super) fn has_claimed(cluster: &Cluster, at: u8) -> bool {
    cluster.has_tables(&asset(at)) && cluster.number(&asset(at), "SELECT count(*) FROM payment") > 0
}

/// Advances ten minutes and lets the alarms of the shards with reservations go off.
fn expire_stale(cluster: &Cluster, number: u8) {
    cluster.world.advance(STALE_MS);
    for key in others(number) {
        cluster.go_off(&key);
    }
}

#[test]
fn a_claim_is_agreed_with_its_payments_its_payers_and_the_merchants_shard_inv_1_5() {
    let cluster = Cluster::new();
    assert_eq!(claim(&cluster, 1, 1), Some(Ok(Appended::Done)));
    assert_eq!(*cluster.sent.borrow(), ["payment reserve", "payer reserve", "merchant reserve"]);
    assert_eq!((held(&cluster, 1), taken(&cluster)), ([1, 1, 1], [1, 1]));
    assert!(has_claimed(&cluster, 1));
    // A batch that claims nothing sends no request.
    let cluster = Cluster::new();
    let mut batch = claiming(&cluster, 1, 1, 0, 0);
    batch.index.clear();
    let (journal, door) = (cluster.journal(1), door(1));
    assert_eq!(cluster.world.run(journal.append(&door, 0, &batch)), Some(Ok(Appended::Done)));
    assert_eq!(cluster.count(), 0);
}

#[test]
fn what_one_shard_refuses_stays_reserved_at_no_other_and_is_not_claimed_inv_1_5() {
    let cluster = Cluster::new();
    // Another payment from a balance that covers one and a half, and the first of the fees.
    assert_eq!(append(&cluster, 9, 2, 5_000, u64::MAX), Some(Ok(Appended::Done)));
    for (number, left, budget, refusal) in [
        (1, 5_000, u64::MAX, Appended::NotCovered),
        (2, 1_000_000, 15_000, Appended::OverBudget),
        (9, 1_000_000, u64::MAX, Appended::Elsewhere),
    ] {
        let before = (held(&cluster, 9), taken(&cluster), cluster.fees());
        assert_eq!(append(&cluster, number, 1, left, budget), Some(Ok(refusal)));
        assert_eq!((held(&cluster, 9), taken(&cluster), cluster.fees()), before, "{refusal:?}");
        assert_eq!(cluster.holds(&ShardKey::Payment(payment(number))), i64::from(number == 9));
        assert!(!has_claimed(&cluster, 1));
    }
}

#[test]
fn what_its_own_journal_refuses_is_taken_back_everywhere_inv_5() {
    let cluster = Cluster::new();
    assert_eq!(claim(&cluster, 1, 1), Some(Ok(Appended::Done)));
    // The revision is taken.
    assert_eq!(claim(&cluster, 2, 1), Some(Ok(Appended::Conflict)));
    assert_eq!(cluster.holds(&ShardKey::Payment(payment(2))), 0);
    assert_eq!((held(&cluster, 1), taken(&cluster)), ([1, 1, 1], [1, 1]));
    // A second attempt for the claimed payment leaves the first attempt's reservation alone.
    assert_eq!(claim(&cluster, 1, 1), Some(Ok(Appended::Conflict)));
    assert_eq!((held(&cluster, 1), taken(&cluster)), ([1, 1, 1], [1, 1]));
}

#[test]
fn whatever_happens_to_a_message_a_claim_is_reserved_everywhere_or_in_the_end_nowhere_inv_1_5() {
    for fault in FAULTS {
        // The three reservations, and the messages that take them back.
        for nth in 0..7 {
            let cluster = Cluster::new();
            cluster.spoil(move |n, _, _| (n == nth).then_some(fault));
            let appended = claim(&cluster, 1, 1);
            let told = format!("{fault:?} of {nth}: {appended:?}");
            let done = appended == Some(Ok(Appended::Done));
            assert_eq!(has_claimed(&cluster, 1), done, "{told}");
            assert_eq!(done, nth >= 3 || fault == Fault::Twice, "{told}");
            if done {
                assert_eq!((held(&cluster, 1), taken(&cluster)), ([1, 1, 1], [1, 1]), "{told}");
                continue;
            }
            // If nothing was cut off, everything is taken back at once, without waiting for an alarm.
            if matches!(fault, Fault::Lost | Fault::AnswerLost) {
                assert_eq!((held(&cluster, 1), taken(&cluster)), ([0, 0, 0], [0, 0]), "{told}");
            }
            cluster.let_late_ones_arrive();
            cluster.mend();
            expire_stale(&cluster, 1);
            assert_eq!((held(&cluster, 1), taken(&cluster)), ([0, 0, 0], [0, 0]), "{told}");
            assert_eq!(cluster.fees(), 0, "{told}");
            assert!(!cluster.has_tables(&others(1)[0]), "{told}");
            // Any stream can claim it.
            assert_eq!(claim(&cluster, 1, 2), Some(Ok(Appended::Done)), "{told}");
        }
    }
}

#[test]
fn a_release_that_is_lost_too_is_made_up_for_after_ten_minutes_inv_5() {
    for fault in FAULTS {
        for nth in 3..6 {
            let cluster = Cluster::new();
            // The merchant's shard refuses, and one of the three releases fails.
            cluster.spoil(move |n, _, _| (n == nth).then_some(fault));
            let appended = append(&cluster, 1, 1, 1_000_000, 1);
            assert!(matches!(appended, None | Some(Ok(Appended::OverBudget))), "{appended:?}");
            assert_eq!(cluster.count(), 6, "{fault:?} of {nth}");
            cluster.let_late_ones_arrive();
            cluster.mend();
            expire_stale(&cluster, 1);
            assert_eq!((held(&cluster, 1), taken(&cluster)), ([0, 0, 0], [0, 0]), "{fault:?} of {nth}");
        }
    }
}

#[test]
fn cut_off_before_the_append_it_leaves_only_holds_which_are_cleared_away_after_ten_minutes_inv_5() {
    let cluster = Cluster::new();
    cluster.spoil_append.set(Some(AppendFault::CutOff));
    assert_eq!(claim(&cluster, 1, 1), None);
    assert!(!has_claimed(&cluster, 1));
    assert_eq!((held(&cluster, 1), taken(&cluster)), ([1, 1, 1], [1, 1]));
    for key in others(1) {
        let wakes = cluster.alarm(&key).map(|at| at.millis_since(cluster.world.now()));
        assert_eq!(wakes, Some(STALE_MS), "{key:?} is woken without being asked");
    }
    // It is too early: no stream is asked, and the reservation stays.
    cluster.mend();
    cluster.world.advance(STALE_MS - 1);
    for key in others(1) {
        cluster.go_off(&key);
    }
    assert_eq!((held(&cluster, 1), cluster.count()), ([1, 1, 1], 0));
    cluster.world.advance(AGAIN);
    for key in others(1) {
        cluster.go_off(&key);
        assert_eq!(cluster.alarm(&key), None);
    }
    assert_eq!((held(&cluster, 1), taken(&cluster), cluster.fees()), ([0, 0, 0], [0, 0], 0));
    assert!(!cluster.has_tables(&others(1)[0]), "nothing of a payment is kept for ever");
}

/// How long a shard waits after its alarm went off before the alarm goes off again, in milliseconds.
const AGAIN: u64 = crate::sharded::AGAIN_MS;

#[test]
fn an_append_without_a_clear_answer_keeps_what_it_reserved_as_long_as_it_may_be_claimed_inv_1_3_5() {
    for fault in [AppendFault::WrittenButErrs, AppendFault::Errs] {
        let cluster = Cluster::new();
        cluster.spoil_append.set(Some(fault));
        assert!(claim(&cluster, 1, 1).unwrap().is_err());
        let written = fault == AppendFault::WrittenButErrs;
        assert_eq!(has_claimed(&cluster, 1), written);
        // The outcome is not known yet, so no other asset gets the payment.
        assert_eq!((held(&cluster, 1), taken(&cluster)), ([1, 1, 1], [1, 1]), "{fault:?}");
        assert_eq!(claim(&cluster, 1, 2), Some(Ok(Appended::Elsewhere)), "{fault:?}");
        // The asset itself knows, and is asked. A payment in flight there stays reserved for another ten minutes.
        for _ in 0..2 {
            expire_stale(&cluster, 1);
            let kept = i64::from(written);
            assert_eq!((held(&cluster, 1), taken(&cluster)), ([kept; 3], [kept; 2]), "{fault:?}");
        }
        let again = if written { Appended::Elsewhere } else { Appended::Done };
        assert_eq!(claim(&cluster, 1, 2), Some(Ok(again)), "{fault:?}");
    }
}

#[test]
fn an_asset_that_does_not_answer_keeps_what_is_reserved_and_is_asked_again_inv_1_5() {
    for fault in [Fault::Lost, Fault::AnswerLost] {
        let cluster = Cluster::new();
        cluster.spoil_append.set(Some(AppendFault::CutOff));
        assert_eq!(claim(&cluster, 1, 1), None);
        cluster.spoil(move |_, _, request| (request == "payment").then_some(fault));
        expire_stale(&cluster, 1);
        assert_eq!((held(&cluster, 1), taken(&cluster)), ([1, 1, 1], [1, 1]));
        for key in others(1) {
            let wakes = cluster.alarm(&key).map(|at| at.millis_since(cluster.world.now()));
            assert_eq!(wakes, Some(AGAIN), "{key:?}");
        }
        cluster.mend();
        expire_stale(&cluster, 1);
        assert_eq!((held(&cluster, 1), taken(&cluster)), ([0, 0, 0], [0, 0]));
    }
}

#[test]
fn one_asset_that_knows_nothing_of_a_payment_does_not_speak_for_another_inv_1_5() {
    let cluster = Cluster::new();
    // The first door's attempt is cut off. Its hold at the payment's shard is lost, so another door gets the payment.
    cluster.spoil(|_, key, _| matches!(key, ShardKey::Payment(_)).then_some(Fault::CutOff));
    assert_eq!(claim(&cluster, 1, 1), None);
    cluster.mend();
    assert_eq!(claim(&cluster, 1, 2), Some(Ok(Appended::Done)));
    expire_stale(&cluster, 1);
    assert_eq!((held(&cluster, 1), taken(&cluster)), ([1, 1, 1], [1, 1]));
}

#[test]
fn what_takes_no_money_asks_only_whose_payment_it_is_inv_1() {
    let cluster = Cluster::new();
    let now = Now::at(cluster.world.now());
    let claim = Claim { payment: payment(1), at: now.wall, rail: Rail::Unpaid, ..CLAIM.clone() };
    let events = vec![Event::PaymentClaimed(claim)];
    let batch = Batch::new(&door(1), &StreamState::default(), events, &now).unwrap();
    let (journal, door) = (cluster.journal(1), door(1));
    assert_eq!(cluster.world.run(journal.append(&door, 0, &batch)), Some(Ok(Appended::Done)));
    assert_eq!(*cluster.sent.borrow(), ["payment reserve"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Two assets claim one payment at once, and messages overtake each other in any order. One of them gets
    /// it, and only its reservation is left (invariants 1, 5).
    #[test]
    fn of_two_assets_that_claim_one_payment_at_once_one_has_it_inv_1_5(delays in prop::collection::vec(0u64..5, 12)) {
        let cluster = Cluster::new();
        cluster.delays.replace(delays);
        let doors = [1, 2];
        let batches = doors.map(|at| claiming(&cluster, 1, at, 1_000_000, u64::MAX));
        let (journals, ids) = (doors.map(|at| cluster.journal(at)), doors.map(door));
        let appends = (0..2).map(|n| -> crate::sharded::Boxed<'_, _> {
            Box::pin(journals[n].append(&ids[n], 0, &batches[n]))
        });
        let mut appended: Vec<_> = cluster.world.run_all(appends.collect()).into_iter().map(Option::unwrap).collect();
        let claimed = doors.map(|at| has_claimed(&cluster, at));
        prop_assert_eq!(claimed.map(|claimed| if claimed { Ok(Appended::Done) } else { Ok(Appended::Elsewhere) }).to_vec(), appended.clone());
        appended.sort_by_key(|appended| *appended != Ok(Appended::Done));
        prop_assert_eq!(appended, [Ok(Appended::Done), Ok(Appended::Elsewhere)]);
        prop_assert_eq!((held(&cluster, 1), taken(&cluster)), ([1, 1, 1], [1, 1]));
    }
}
