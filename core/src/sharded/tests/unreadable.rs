//! A shard answers what it can't read with an error, never with a guess.

use super::budgets::fee_of;
use super::{Database, now};
use crate::error::{Layer, PortError, StoreError};
use crate::ids::{PaymentId, StreamId};
use crate::session::fee::Limit;
use crate::sharded::{MerchantShard, PayerShard, PaymentShard, Reservation, Reserved, ShardHandler as _};
use crate::testkit::platform::execute;
use crate::time::Timestamp;

fn reservation() -> Reservation {
    Reservation {
        payment: PaymentId::of_message(b"payment"),
        stream: StreamId::parse("door-1").unwrap(),
        attempt: "a".to_owned(),
        at: Timestamp::from_millis(1_000),
        funds: None,
        fee: None,
        seat: None,
    }
}

fn is_broken_rule<T: std::fmt::Debug>(result: Result<T, PortError>) -> bool {
    matches!(result, Err(error) if matches!(error.layer(), Layer::Store(StoreError::Invariant(_))))
}

#[test]
fn a_reservation_that_names_nothing_to_hold_it_against_is_not_made_inv_5() {
    let (payer, merchant) = (Database::new(), Database::new());
    let (payers, merchants) = (PayerShard::new(&payer), MerchantShard::new(&merchant));
    now(payers.prepare()).unwrap();
    now(merchants.prepare()).unwrap();
    assert!(is_broken_rule(now(payers.reserve(&reservation()))));
    assert!(is_broken_rule(now(merchants.reserve(&reservation()))));
    for database in [&payer, &merchant] {
        assert_eq!(database.number("SELECT count(*) FROM hold"), 0);
    }
}

#[test]
fn an_owner_that_cant_be_read_is_not_nobody_inv_1() {
    let database = Database::new();
    let handler = PaymentShard::new(&database);
    now(handler.prepare()).unwrap();
    let payment = reservation().payment;
    assert_eq!(now(handler.owner(&payment)), Ok(None));
    for strange in ["''", "'no asset'", "7"] {
        execute(&database.0, "DELETE FROM hold", &[]).unwrap();
        let hold = format!("INSERT INTO hold VALUES ('{}', 'a', {strange}, 1)", payment.as_str());
        execute(&database.0, &hold, &[]).unwrap();
        let owner = now(handler.owner(&payment));
        // SQLite stores the number 7 as text, which is a valid asset id.
        let is_id = strange == "7";
        assert_eq!(owner.is_err(), !is_id, "{strange}: {owner:?}");
        assert_ne!(owner, Ok(None), "{strange}");
    }
}

#[test]
fn a_moment_that_no_clock_shows_is_not_the_epoch() {
    let database = Database::new();
    let handler = PaymentShard::new(&database);
    now(handler.prepare()).unwrap();
    execute(&database.0, "INSERT INTO hold VALUES ('x', 'a', 'door-1', -1)", &[]).unwrap();
    assert_eq!(now(handler.holds().next_stale()), Err(StoreError::Corrupt("a number").into()));
}

#[test]
fn a_number_beyond_the_databases_integers_is_never_written_as_another_one_inv_5() {
    let database = Database::new();
    let handler = MerchantShard::new(&database);
    now(handler.prepare()).unwrap();
    let limit = Limit { most: u64::MAX, refill: 0, period: 1 };
    let fee = |lamports| fee_of(lamports, limit);
    let costing = |fee| Reservation { fee: Some(fee), ..reservation() };
    let refused = now(handler.reserve(&costing(fee(1 << 63))));
    let unwritten = |error: PortError| matches!(error.layer(), Layer::Store(StoreError::Encode(_)));
    assert!(refused.clone().is_err_and(unwritten), "{refused:?}");
    assert_eq!(database.number("SELECT count(*) FROM hold"), 0);
    // A budget is a bound: the largest possible one is accepted and compared as SQLite's largest integer.
    let most = fee(i64::MAX.unsigned_abs());
    assert_eq!(now(handler.reserve(&costing(most))), Ok(Reserved::Done));
}
