//! What the merchant's shard guarantees about fees to the streams that ask it.

use super::books::{covered, payer, payment, reservation};
use super::{Database, now};
use crate::session::fee::{Budget, FeeCheck, Limit};
use crate::sharded::{
    Ended, Fee, Head, MerchantShard, MerchantUpdate, PayerShard, PayerUpdate, Reservation, Reserved,
    ShardHandler as _,
};
use crate::svm::Address;
use crate::time::Timestamp;

fn costing(number: u8, attempt: &str, lamports: u64, budget: u64) -> Reservation {
    let limit = Limit { most: budget, refill: 0, period: 1 };
    Reservation { fee: Some(fee_of(lamports, limit)), ..reservation(number, attempt) }
}

/// Returns a fee of a payment that earns enough, with this limit for newcomers.
pub(super) fn fee_of(lamports: u64, newcomers: Limit) -> Fee {
    let check = FeeCheck {
        payer: payer(),
        lamports,
        earns: 0,
        at: Timestamp::from_millis(1_000),
        budget: Budget::Newcomers,
        newcomers,
        unprofitable: None,
    };
    Fee { check, is_trusted: false, fee_payer: Address::new([255; 32]).into(), slack: None }
}

#[test]
fn a_budget_for_fees_holds_for_all_assets_and_gets_back_what_never_landed_inv_5() {
    let database = Database::new();
    let handler = MerchantShard::new(&database);
    now(handler.prepare()).unwrap();
    let spent = || database.number("SELECT coalesce(sum(spent), 0) FROM fee_budget");
    assert_eq!(now(handler.reserve(&costing(1, "a", 10, 25))), Ok(Reserved::Done));
    assert_eq!(now(handler.reserve(&costing(1, "b", 10, 25))), Ok(Reserved::Done));
    assert_eq!(now(handler.reserve(&costing(2, "c", 10, 25))), Ok(Reserved::Done));
    assert_eq!(now(handler.reserve(&costing(3, "d", 10, 25))), Ok(Reserved::OverBudget));
    assert_eq!((spent(), database.number("SELECT count(*) FROM hold")), (20, 3));
    // Two attempts hold the first payment, so releasing one of them gives nothing back.
    now(handler.holds().release(&costing(1, "a", 10, 25).release())).unwrap();
    assert_eq!(spent(), 20);
    now(handler.holds().release(&costing(1, "b", 10, 25).release())).unwrap();
    assert_eq!(spent(), 10);
    // A payment that landed with an error has cost its fee. A payment that expired has not.
    now(handler.holds().spend_all(&payment(2))).unwrap();
    now(handler.holds().release_all(&payment(2))).unwrap();
    assert_eq!(spent(), 10);
    now(handler.reserve(&costing(3, "e", 10, 25))).unwrap();
    now(handler.holds().release_all(&payment(3))).unwrap();
    assert_eq!(spent(), 10);
}

#[test]
fn a_payment_earns_once_although_its_reservation_and_its_end_arrive_again_after_the_end_inv_5() {
    let twice = |reservation: &Reservation| {
        let database = Database::new();
        let payers = PayerShard::new(&database);
        now(payers.prepare()).unwrap();
        let ended = vec![Ended { payment: reservation.payment.clone(), failed: None }];
        let update = PayerUpdate { payer: payer(), ended, sessions: Vec::new(), owed: Vec::new() };
        for answer in [Reserved::Done, Reserved::HasEnded] {
            assert_eq!(now(payers.reserve(reservation)), Ok(answer));
            now(payers.apply(&update)).unwrap();
        }
        database.number("SELECT sum(lamports) FROM trust")
    };
    let covered = |number| {
        let mut reservation = covered(number, "a", 10, 10);
        let mut fee = fee_of(10, Limit { most: 1_000, refill: 0, period: 1 });
        fee.check.earns = 70;
        reservation.fee = Some(fee);
        reservation
    };
    assert_eq!(twice(&covered(1)), 70);
    // The budget of newcomers has what its payments have earned, and each once.
    let database = Database::new();
    let merchant = MerchantShard::new(&database);
    now(merchant.prepare()).unwrap();
    for number in [2, 3] {
        assert_eq!(now(merchant.reserve(&costing(number, "a", 100, 1_000))), Ok(Reserved::Done));
    }
    for answer in [Reserved::Done, Reserved::HasEnded] {
        assert_eq!(now(merchant.reserve(&covered(1))), Ok(answer));
        let head = Head {
            stream: "main/door-1".to_owned(),
            revision: 1,
            state: "{}".to_owned(),
            due: None,
            unsettled: None,
            unfulfilled: false,
        };
        let ended = vec![Ended { payment: payment(1), failed: None }];
        now(merchant.apply(&MerchantUpdate { head, ended, sessions: Vec::new() })).unwrap();
    }
    assert_eq!(database.number("SELECT spent FROM fee_budget"), 200 - 70);
}

#[test]
fn claims_that_overtake_each_other_let_time_fill_a_budget_only_once_inv_5() {
    let database = Database::new();
    let handler = MerchantShard::new(&database);
    now(handler.prepare()).unwrap();
    for (number, at) in [(1, 10_000), (2, 5_000), (3, 10_000)] {
        let mut reservation = costing(number, "a", 1_000, 1_000_000);
        let check = &mut reservation.fee.as_mut().unwrap().check;
        check.newcomers = Limit { most: 1_000_000, refill: 1_000, period: 100_000 };
        check.at = Timestamp::from_millis(at);
        assert_eq!(now(handler.reserve(&reservation)), Ok(Reserved::Done));
    }
    assert_eq!(database.number("SELECT spent FROM fee_budget"), 3_000);
}

/// Returns a payment whose guard leaves the fee payer this much to spend, in lamports.
fn with_slack(number: u8, attempt: &str, lamports: u64, slack: u64) -> Reservation {
    let mut reservation = costing(number, attempt, lamports, 1_000_000);
    if let Some(fee) = &mut reservation.fee {
        fee.slack = Some(slack);
    }
    reservation
}

#[test]
fn a_guard_on_the_fee_payer_leaves_room_for_the_fees_in_flight_inv_3() {
    let database = Database::new();
    let handler = MerchantShard::new(&database);
    now(handler.prepare()).unwrap();
    assert_eq!(now(handler.reserve(&costing(1, "a", 100, 1_000_000))), Ok(Reserved::Done));
    assert_eq!(now(handler.reserve(&with_slack(2, "b", 100, 99))), Ok(Reserved::GuardAtRisk));
    assert_eq!(now(handler.reserve(&with_slack(2, "c", 100, 100))), Ok(Reserved::Done));
    // There is one such payment at a time; payments without such a guard continue.
    assert_eq!(now(handler.reserve(&with_slack(3, "d", 100, 1_000))), Ok(Reserved::GuardAtRisk));
    assert_eq!(now(handler.reserve(&with_slack(2, "e", 100, 100))), Ok(Reserved::Done), "the same payment");
    assert_eq!(now(handler.reserve(&costing(4, "f", 100, 1_000_000))), Ok(Reserved::Done));
    // Another fee payer is counted on its own.
    let mut other = with_slack(5, "g", 100, 0);
    if let Some(fee) = &mut other.fee {
        fee.fee_payer = Address::new([254; 32]).into();
    }
    assert_eq!(now(handler.reserve(&other)), Ok(Reserved::Done));
}
