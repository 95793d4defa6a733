//! What the merchant's shard guarantees about fees to the streams that ask it.

use super::books::{covered, payer, payment, reservation};
use super::{Database, now};
use crate::session::fee::{Budget, FeeCheck, Limit};
use crate::sharded::{
    Ended, Fee, Head, MerchantShard, MerchantUpdate, PayerShard, PayerUpdate, Reservation, Reserved,
    SessionRow, ShardHandler as _,
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
fn a_session_earns_once_when_it_is_over_however_often_and_late_its_news_arrive_inv_5() {
    let row = |ended: bool| SessionRow {
        id: "s_1".to_owned(),
        asset: "door-1".to_owned(),
        payer: payer(),
        starts: 1,
        record: format!(r#"{{"session":{{"grant":1}},"ended":{ended}}}"#),
        earned: if ended { 70 } else { 0 },
        budget: ended.then(|| Budget::Newcomers.name().to_owned()),
    };
    let head = Head {
        stream: "main/door-1".to_owned(),
        revision: 1,
        state: "{}".to_owned(),
        due: None,
        unsettled: None,
        unfulfilled: false,
    };
    for news in [vec![false, true, true, false], vec![true, false, true]] {
        let (trust, budgets) = (Database::new(), Database::new());
        let (payers, merchant) = (PayerShard::new(&trust), MerchantShard::new(&budgets));
        now(payers.prepare()).unwrap();
        now(merchant.prepare()).unwrap();
        for number in [2, 3] {
            assert_eq!(now(merchant.reserve(&costing(number, "a", 100, 1_000))), Ok(Reserved::Done));
        }
        for ended in news {
            let sessions = vec![row(ended)];
            let told = PayerUpdate {
                payer: payer(),
                ended: Vec::new(),
                sessions: sessions.clone(),
                owed: Vec::new(),
            };
            now(payers.apply(&told)).unwrap();
            now(merchant.apply(&MerchantUpdate {
                head: head.clone(),
                ended: Vec::new(),
                sessions,
                owed: Vec::new(),
            }))
            .unwrap();
        }
        assert_eq!(trust.number("SELECT sum(lamports) FROM trust"), 70);
        assert_eq!(budgets.number("SELECT spent FROM fee_budget"), 200 - 70);
    }
}

#[test]
fn a_reservation_that_arrives_again_after_the_payments_end_takes_nothing_inv_5() {
    let (balances, budgets) = (Database::new(), Database::new());
    let (payers, merchant) = (PayerShard::new(&balances), MerchantShard::new(&budgets));
    now(payers.prepare()).unwrap();
    now(merchant.prepare()).unwrap();
    let head = Head {
        stream: "main/door-1".to_owned(),
        revision: 1,
        state: "{}".to_owned(),
        due: None,
        unsettled: None,
        unfulfilled: false,
    };
    let ended = vec![Ended { payment: payment(1), failed: None }];
    let told = PayerUpdate { payer: payer(), ended: ended.clone(), sessions: Vec::new(), owed: Vec::new() };
    let update = MerchantUpdate { head, ended, sessions: Vec::new(), owed: Vec::new() };
    for answer in [Reserved::Done, Reserved::HasEnded] {
        assert_eq!(now(payers.reserve(&covered(1, "a", 10, 10))), Ok(answer));
        assert_eq!(now(merchant.reserve(&costing(1, "a", 100, 1_000))), Ok(answer));
        now(payers.apply(&told)).unwrap();
        now(merchant.apply(&update)).unwrap();
    }
    assert_eq!(balances.number("SELECT count(*) FROM in_flight"), 0);
    assert_eq!(budgets.number("SELECT spent FROM fee_budget"), 0);
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
