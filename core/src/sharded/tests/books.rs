//! What the shards of payers, payments and the merchant guarantee to the streams that ask them.

use proptest::prelude::*;

use super::{Database, now};
use crate::account::Account;
use crate::ids::{PaymentId, StreamId};
use crate::money::Amount;
use crate::session::FundsCheck;
use crate::session::failure::EXPIRED;
use crate::sharded::{
    Ended, Failed, Head, MerchantShard, MerchantUpdate, OwedRow, PayerShard, PayerUpdate, PaymentShard,
    PaymentUpdate, Reservation, Reserved, STALE_MS, SessionRow, ShardHandler as _,
};
use crate::svm::Address;
use crate::testkit::keys;
use crate::testkit::platform::execute;
use crate::time::Timestamp;

pub(super) fn payment(number: u8) -> PaymentId {
    PaymentId::of_message(&[number])
}

fn asset(number: u8) -> StreamId {
    StreamId::parse(&format!("door-{number}")).unwrap()
}

pub(super) fn payer() -> Account {
    keys::account(1)
}

/// Returns the reservation of attempt `attempt` to claim payment `number` for the asset with the same number.
pub(super) fn reservation(number: u8, attempt: &str) -> Reservation {
    Reservation {
        payment: payment(number),
        stream: asset(number),
        attempt: attempt.to_owned(),
        at: Timestamp::from_millis(1_000 + u64::from(number)),
        funds: None,
        fee: None,
        seat: None,
    }
}

/// Returns the reservation with a cover; `left` is what this payment alone would leave.
pub(super) fn covered(number: u8, attempt: &str, amount: u64, left: u64) -> Reservation {
    let funds = FundsCheck {
        source: Some(payer()),
        amount: Amount::new(amount),
        remaining: Amount::new(left),
        exclusive: false,
        fee_payer: Some(Address::new([255; 32]).into()),
        slack: None,
        fee: None,
    };
    Reservation { funds: Some(funds), ..reservation(number, attempt) }
}

fn failed(reason: &str) -> Option<Failed> {
    Some(Failed { at: Timestamp::from_millis(5_000), reason: reason.to_owned() })
}

fn told(number: u8, failed: Option<Failed>) -> PayerUpdate {
    PayerUpdate {
        payer: payer(),
        ended: vec![Ended { payment: payment(number), failed }],
        sessions: Vec::new(),
        owed: Vec::new(),
    }
}

#[test]
fn a_payment_without_a_ticket_is_one_assets_until_that_lets_go_inv_1() {
    let database = Database::new();
    let handler = PaymentShard::new(&database);
    now(handler.prepare()).unwrap();
    let at = |number, attempt: &str| Reservation { payment: payment(9), ..reservation(number, attempt) };
    assert_eq!(now(handler.reserve(&at(1, "a"))), Ok(Reserved::Done));
    assert_eq!(now(handler.reserve(&at(2, "b"))), Ok(Reserved::Elsewhere));
    // The same asset may continue after a crash: another attempt reserves again.
    assert_eq!(now(handler.reserve(&at(1, "c"))), Ok(Reserved::Done));
    assert_eq!(now(handler.owner(&payment(9))), Ok(Some(asset(1))));
    // An attempt that takes back its own reservation leaves the other attempt's, which may be about to append.
    now(handler.holds().release(&at(1, "a").release())).unwrap();
    assert_eq!(now(handler.reserve(&at(2, "d"))), Ok(Reserved::Elsewhere));
    now(handler.holds().release(&at(1, "c").release())).unwrap();
    assert_eq!(now(handler.reserve(&at(2, "e"))), Ok(Reserved::Done));
}

#[test]
fn a_payment_that_landed_stays_its_assets_whatever_is_released_inv_1() {
    let database = Database::new();
    let handler = PaymentShard::new(&database);
    now(handler.prepare()).unwrap();
    let landed = PaymentUpdate {
        ended: Ended { payment: payment(1), failed: None },
        stream: asset(1),
        at: Timestamp::from_millis(2_000),
    };
    now(handler.reserve(&reservation(1, "a"))).unwrap();
    for _ in 0..2 {
        now(handler.apply(&landed)).unwrap();
    }
    now(handler.holds().release(&reservation(1, "a").release())).unwrap();
    let other = Reservation { payment: payment(1), ..reservation(2, "b") };
    assert_eq!(now(handler.reserve(&other)), Ok(Reserved::Elsewhere));
    let failed = PaymentUpdate { ended: Ended { payment: payment(1), failed: failed(EXPIRED) }, ..landed };
    now(handler.apply(&failed)).unwrap();
    assert_eq!(now(handler.is_empty()), Ok(true));
}

#[test]
fn a_balance_covers_all_assets_payments_or_the_last_is_refused_inv_5() {
    let database = Database::new();
    let handler = PayerShard::new(&database);
    now(handler.prepare()).unwrap();
    // From a balance of 25, each payment of 10 alone would leave 15.
    assert_eq!(now(handler.reserve(&covered(1, "a", 10, 15))), Ok(Reserved::Done));
    assert_eq!(now(handler.reserve(&covered(2, "b", 10, 15))), Ok(Reserved::Done));
    assert_eq!(now(handler.reserve(&covered(3, "c", 10, 15))), Ok(Reserved::NotCovered));
    // The refused one has left nothing behind. A second attempt for a payment that is in takes nothing more.
    assert_eq!(database.number("SELECT count(*) FROM hold"), 2);
    assert_eq!(now(handler.reserve(&covered(1, "d", 10, 15))), Ok(Reserved::Done));
    now(handler.holds().release(&covered(1, "a", 10, 15).release())).unwrap();
    assert_eq!(now(handler.reserve(&covered(3, "e", 10, 15))), Ok(Reserved::NotCovered));
    // A payment that fails, or that all its attempts take back, makes room.
    now(handler.apply(&told(2, failed(EXPIRED)))).unwrap();
    assert_eq!(now(handler.reserve(&covered(3, "f", 10, 15))), Ok(Reserved::Done));
}

#[test]
fn failures_are_remembered_once_and_sessions_never_go_back() {
    let database = Database::new();
    let handler = PayerShard::new(&database);
    now(handler.prepare()).unwrap();
    for _ in 0..2 {
        now(handler.apply(&told(1, failed("x")))).unwrap();
    }
    assert_eq!(database.number("SELECT count(*) FROM failure"), 1);
    let record = |sequence: u64, ended: bool| SessionRow {
        id: "s_1".to_owned(),
        asset: "door-1".to_owned(),
        payer: payer(),
        starts: 1,
        record: format!(r#"{{"session":{{"grant":{sequence}}},"ended":{ended}}}"#),
        earned: 0,
        budget: None,
    };
    let merchants = Database::new();
    let merchant = MerchantShard::new(&merchants);
    now(merchant.prepare()).unwrap();
    let head = Head {
        stream: "main/door-1".to_owned(),
        revision: 1,
        state: r#"{"last":1}"#.to_owned(),
        due: None,
        unsettled: None,
        unfulfilled: false,
    };
    let notify = |row: SessionRow| {
        let update = MerchantUpdate {
            head: head.clone(),
            ended: Vec::new(),
            sessions: vec![row.clone()],
            owed: Vec::new(),
        };
        now(merchant.apply(&update)).unwrap();
        let update = PayerUpdate { payer: payer(), ended: Vec::new(), sessions: vec![row], owed: Vec::new() };
        now(handler.apply(&update)).unwrap();
    };
    for (row, sequence, ended) in [
        (record(1, false), 1, 0),
        (record(3, false), 3, 0),
        (record(1, false), 3, 0),
        (record(3, true), 3, 1),
        (record(3, false), 3, 1),
    ] {
        notify(row);
        for database in [&database, &merchants] {
            assert_eq!(database.number("SELECT count(*) FROM session"), 1);
            assert_eq!(database.number("SELECT record ->> '$.session.grant' FROM session"), sequence);
            assert_eq!(database.number("SELECT record ->> '$.ended' FROM session"), ended);
        }
    }
}

#[test]
fn what_is_left_behind_is_asked_about_when_it_is_old_and_no_sooner() {
    let database = Database::new();
    let handler = PayerShard::new(&database);
    now(handler.prepare()).unwrap();
    let holds = handler.holds();
    assert_eq!(now(holds.next_stale()), Ok(None));
    for number in [2, 1] {
        now(handler.reserve(&covered(number, "a", 1, 100))).unwrap();
    }
    assert_eq!(now(holds.next_stale()), Ok(Some(Timestamp::from_millis(1_001 + STALE_MS))));
    assert_eq!(now(holds.stale(Timestamp::from_millis(1_000))), Ok(vec![]));
    assert_eq!(now(holds.stale(Timestamp::from_millis(1_001))), Ok(vec![(payment(1), asset(1))]));
    now(holds.renew(&payment(1), Timestamp::from_millis(9_000))).unwrap();
    assert_eq!(now(holds.stale(Timestamp::from_millis(1_002))), Ok(vec![(payment(2), asset(2))]));
    // An asset that does not know a payment does not speak for another asset.
    let elsewhere = Reservation { stream: asset(3), ..covered(2, "b", 1, 100) };
    now(handler.reserve(&elsewhere)).unwrap();
    now(handler.holds().expire_stale(&payment(2), &asset(3))).unwrap();
    assert_eq!(database.number("SELECT count(*) FROM in_flight"), 2);
    now(handler.holds().expire_stale(&payment(2), &asset(2))).unwrap();
    assert_eq!(database.number("SELECT count(*) FROM in_flight"), 1);
}

/// One thing that happens to a payer's shard.
#[derive(Clone, Debug)]
enum Step {
    Reserve { number: u8, attempt: u8 },
    Release { number: u8, attempt: u8 },
    Fail { number: u8 },
    Land { number: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let (number, attempt) = (0u8..6, 0u8..3);
    prop_oneof![
        4 => (number.clone(), attempt.clone()).prop_map(|(number, attempt)| Step::Reserve { number, attempt }),
        3 => (number.clone(), attempt).prop_map(|(number, attempt)| Step::Release { number, attempt }),
        1 => number.clone().prop_map(|number| Step::Fail { number }),
        1 => number.prop_map(|number| Step::Land { number }),
    ]
}

proptest! {
    /// Whatever is reserved, released, landed or failed in whatever order, what is in flight never exceeds
    /// the balance, and whatever an attempt holds is in flight (invariants 1, 5).
    #[test]
    fn never_more_is_in_flight_than_the_balance_covers(steps in proptest::collection::vec(step(), 1..60)) {
        let database = Database::new();
        let handler = PayerShard::new(&database);
        now(handler.prepare()).unwrap();
        let mut balance = 35u64;
        for step in steps {
            match step {
                Step::Reserve { number, attempt } => {
                    // The payment passes its simulation alone.
                    if balance >= 10 {
                        let _ = now(handler.reserve(&covered(number, &attempt.to_string(), 10, balance - 10))).unwrap();
                    }
                }
                Step::Release { number, attempt } => {
                    now(handler.holds().release(&reservation(number, &attempt.to_string()).release())).unwrap();
                }
                Step::Fail { number } => now(handler.apply(&told(number, failed(EXPIRED)))).unwrap(),
                Step::Land { number } => {
                    let in_flight = format!(
                        "SELECT count(*) FROM in_flight WHERE payment = '{}'", payment(number).as_str());
                    if database.number(&in_flight) == 1 {
                        balance -= 10;
                        now(handler.apply(&told(number, None))).unwrap();
                    }
                }
            }
            let in_flight = database.number("SELECT coalesce(sum(amount), 0) FROM in_flight");
            prop_assert!(u64::try_from(in_flight).unwrap() <= balance, "{in_flight} of {balance}");
            let held = database.number("SELECT count(DISTINCT payment) FROM hold");
            prop_assert_eq!(held, database.number("SELECT count(*) FROM in_flight"));
        }
    }
}

/// Returns the reservation of a payment with a wallet guard on its source account.
fn guarded(number: u8, attempt: &str) -> Reservation {
    let mut reservation = covered(number, attempt, 10, 1_000);
    if let Some(funds) = &mut reservation.funds {
        funds.exclusive = true;
    }
    reservation
}

#[test]
fn a_payment_with_a_guard_on_its_account_is_alone_in_flight_from_there_inv_3() {
    let database = Database::new();
    let handler = PayerShard::new(&database);
    now(handler.prepare()).unwrap();
    assert_eq!(now(handler.reserve(&guarded(1, "a"))), Ok(Reserved::Done));
    for other in [guarded(2, "b"), covered(3, "c", 10, 1_000)] {
        assert_eq!(now(handler.reserve(&other)), Ok(Reserved::GuardAtRisk));
    }
    // A second attempt for the same payment is not another payment.
    assert_eq!(now(handler.reserve(&guarded(1, "d"))), Ok(Reserved::Done));
    assert_eq!(database.number("SELECT count(*) FROM hold"), 2);
    now(handler.apply(&told(1, None))).unwrap();
    // A payment with a guard can't join others either.
    assert_eq!(now(handler.reserve(&covered(3, "e", 10, 1_000))), Ok(Reserved::Done));
    assert_eq!(now(handler.reserve(&guarded(2, "f"))), Ok(Reserved::GuardAtRisk));
    assert_eq!(now(handler.reserve(&covered(4, "g", 10, 1_000))), Ok(Reserved::Done));
}

#[test]
fn what_the_owner_has_decided_stays_so_in_every_list_however_late_older_news_arrive_inv_5() {
    let row = |status: &str, is_open: bool| OwedRow {
        id: "o_1".to_owned(),
        payer: payer(),
        at: 1,
        is_open,
        record: format!(r#"{{"status":"{status}"}}"#),
    };
    let news = [("unclear", true), ("owed", true), ("refunded", false)];
    for order in [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1]] {
        let (payers, merchants) = (Database::new(), Database::new());
        let (payers_shard, merchant) = (PayerShard::new(&payers), MerchantShard::new(&merchants));
        now(payers_shard.prepare()).unwrap();
        now(merchant.prepare()).unwrap();
        let mut seen = 0;
        for n in order {
            let owed = vec![row(news[n].0, news[n].1)];
            let told =
                PayerUpdate { payer: payer(), ended: Vec::new(), sessions: Vec::new(), owed: owed.clone() };
            now(payers_shard.apply(&told)).unwrap();
            let head = Head {
                stream: "main/door-1".to_owned(),
                revision: 1,
                state: r#"{"last":1}"#.to_owned(),
                due: None,
                unsettled: None,
                unfulfilled: false,
            };
            let update = MerchantUpdate { head, ended: Vec::new(), sessions: Vec::new(), owed };
            now(merchant.apply(&update)).unwrap();
            seen = seen.max(n);
            for database in [&payers, &merchants] {
                let (status, is_open) = news[seen];
                let like = format!("record = '{{\"status\":\"{status}\"}}' AND is_open = {is_open}");
                assert_eq!(
                    database.number(&format!("SELECT count(*) FROM owed WHERE {like}")),
                    1,
                    "{order:?}"
                );
            }
        }
    }
}

#[test]
fn the_merchants_list_has_the_latest_five_million_sessions_and_grows_no_further() {
    let database = Database::new();
    let merchant = MerchantShard::new(&database);
    now(merchant.prepare()).unwrap();
    let tell = |starts: u64, ended: bool| {
        let session = SessionRow {
            id: format!("s_{starts}"),
            asset: "door-1".to_owned(),
            payer: payer(),
            starts,
            record: format!(r#"{{"session":{{"grant":1}},"ended":{ended}}}"#),
            earned: 0,
            budget: None,
        };
        let state = r#"{"last":1}"#.to_owned();
        let stream = "main/door-1".to_owned();
        let head = Head { stream, revision: 1, state, due: None, unsettled: None, unfulfilled: false };
        now(merchant.apply(&MerchantUpdate {
            head,
            ended: Vec::new(),
            sessions: vec![session],
            owed: Vec::new(),
        }))
        .unwrap();
    };
    let kept = || {
        (database.number("SELECT count(*) FROM session"), database.number("SELECT min(starts) FROM session"))
    };
    let counted = || database.number("SELECT sessions FROM session_count");
    for starts in 1..=3 {
        tell(starts, false);
        // Its end is no further session.
        tell(starts, true);
    }
    assert_eq!((kept(), counted()), ((3, 1), 3));
    // As if there were that many.
    execute(&database.0, "UPDATE session_count SET sessions = 4999999", &[]).unwrap();
    tell(4, false);
    assert_eq!((kept(), counted()), ((4, 1), 5_000_000));
    tell(5, false);
    tell(6, false);
    assert_eq!((kept(), counted()), ((4, 3), 5_000_000));
    // What is told of a session that is gone does not bring it back.
    tell(1, true);
    assert_eq!((kept(), counted()), ((4, 3), 5_000_000));
}
