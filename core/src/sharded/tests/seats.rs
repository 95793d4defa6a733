//! The seats of a shared asset with limited capacity, which the merchant's shard keeps.

use super::budgets::fee_of;
use super::cluster::{Cluster, FAULTS, Fault, door};
use super::{Database, now};
use crate::capacity::Capacity;
use crate::gateway::{Sale, SaleError};
use crate::ids::{PaymentId, SessionId, StreamId};
use crate::ports::Accounts as _;
use crate::quote::Operation;
use crate::session::fee::Limit;
use crate::session::{Reject, failure};
use crate::sharded::request::Count;
use crate::sharded::updates::Seat;
use crate::sharded::{
    Ended, Failed, Head, MerchantShard, MerchantUpdate, Reservation, Reserved, STALE_MS, ShardHandler as _,
    ShardKey, ShardedJournal,
};
use crate::testkit::world::Chain;
use crate::time::Timestamp;
use crate::x402::PaymentPayload;

/// Returns a merchant whose first asset has this many seats.
fn with_seats(seats: u64) -> Cluster {
    let mut cluster = Cluster::new();
    let asset = &mut cluster.world.deployment.config.assets[0];
    (asset.capacity, asset.device) = (Capacity::Limited(seats), None);
    cluster
}

/// Returns a buyer's payment for one minute, and the stream of the session that it buys.
fn payment(cluster: &Cluster, who: u8) -> (StreamId, PaymentPayload) {
    let (ticket, quote) = cluster.world.ticket("door-1", Operation::Access, 1);
    let payment = cluster.world.pay(who, &ticket, &quote);
    (StreamId::of_session(quote.asset, ticket.session()), payment)
}

fn buy(cluster: &Cluster, who: u8) -> Option<Result<Sale, SaleError>> {
    let (stream, payment) = payment(cluster, who);
    cluster.buy_in(&stream, &payment)
}

/// Returns how many seats are taken, as any shard would learn it.
fn taken(cluster: &Cluster) -> u64 {
    let ports = cluster.ports(&ShardKey::Stream(door(1)));
    let journal = ShardedJournal::of_stream(ports, "main".to_owned());
    cluster.world.run(journal.seats_taken(door(1).asset())).unwrap().unwrap()
}

fn is_sold(outcome: &Option<Result<Sale, SaleError>>) -> bool {
    matches!(outcome, Some(Ok(Sale::Sold(_))))
}

#[test]
fn no_more_share_an_asset_on_many_databases_than_may_and_an_end_makes_room_inv_1_5() {
    let cluster = with_seats(2);
    assert!(is_sold(&buy(&cluster, 1)) && is_sold(&buy(&cluster, 2)));
    let refused = buy(&cluster, 3);
    assert!(matches!(refused, Some(Err(SaleError::Rejected(Reject::Full { .. })))), "{refused:?}");
    assert_eq!((taken(&cluster), cluster.world.charged()), (2, 2));
    // A refused purchase leaves no reservation.
    assert_eq!(cluster.number(&ShardKey::Merchant, "SELECT count(*) FROM hold"), 0);
    cluster.world.advance(60_000);
    cluster.rest();
    assert_eq!(taken(&cluster), 0);
    assert_eq!(
        cluster.number(&ShardKey::Merchant, "SELECT count(*) FROM head"),
        0,
        "nothing is left of them"
    );
    assert!(is_sold(&buy(&cluster, 3)));
}

#[test]
fn a_payment_that_is_tried_for_another_asset_too_takes_no_seat_for_ever_inv_5() {
    let database = Database::new();
    let merchant = MerchantShard::new(&database);
    now(merchant.prepare()).unwrap();
    let seats = || database.number("SELECT count(*) FROM seat");
    let reservation = |stream: &str, attempt: &str, seat: Option<Seat>| Reservation {
        payment: PaymentId::of_message(b"one"),
        stream: StreamId::parse(stream).unwrap(),
        attempt: attempt.to_owned(),
        at: Timestamp::from_millis(1_000),
        funds: None,
        fee: Some(fee_of(10, Limit { most: 1_000, refill: 0, period: 1 })),
        seat,
    };
    let session = format!("api/{}", SessionId::from_bytes([7; 16]));
    let seat = Seat { asset: "main/api".to_owned(), stream: format!("main/{session}"), of: 2 };
    let at_door = reservation("door-1", "a", None);
    let seated = reservation(&session, "b", Some(seat));
    for (one, two) in [(&at_door, &seated), (&seated, &at_door)] {
        assert_eq!(now(merchant.reserve(one)), Ok(Reserved::Done));
        assert_eq!(now(merchant.reserve(two)), Ok(Reserved::Done));
        assert_eq!(seats(), 1);
        // The payment is claimed for the door. The other attempt takes back what it reserved.
        now(merchant.holds().release(&seated.release())).unwrap();
        assert_eq!((seats(), database.number("SELECT count(*) FROM reserved_seat")), (0, 0));
        assert_eq!(database.number("SELECT spent FROM fee_budget"), 10);
        now(merchant.holds().release(&at_door.release())).unwrap();
        assert_eq!(database.number("SELECT spent FROM fee_budget"), 0);
    }
}

#[test]
fn a_seat_that_two_payments_for_one_session_reserved_is_kept_for_the_one_that_has_it_inv_1() {
    let session = format!("api/{}", SessionId::from_bytes([7; 16]));
    let key = format!("main/{session}");
    let reservation = |payment: &[u8], attempt: &str| Reservation {
        payment: PaymentId::of_message(payment),
        stream: StreamId::parse(&session).unwrap(),
        attempt: attempt.to_owned(),
        at: Timestamp::from_millis(1_000),
        funds: None,
        fee: Some(fee_of(10, Limit { most: 1_000, refill: 0, period: 1 })),
        seat: Some(Seat { asset: "main/api".to_owned(), stream: key.clone(), of: 1 }),
    };
    let (one, two) = (reservation(b"one", "a"), reservation(b"two", "b"));
    let update = |payment: &Reservation, revision, is_seated: bool, failed| MerchantUpdate {
        head: Head {
            stream: key.clone(),
            revision,
            state: format!("{{\"is_seated\":{is_seated}}}"),
            due: is_seated.then_some(9_000),
            unsettled: None,
            unfulfilled: false,
        },
        ended: vec![Ended { payment: payment.payment.clone(), failed }],
        sessions: Vec::new(),
        owed: Vec::new(),
    };
    // Of two payments for one ticket either may be the one that buys, and be the first or the second to reserve.
    for (buys, other, is_told_first) in
        [(&one, &two, true), (&one, &two, false), (&two, &one, true), (&two, &one, false)]
    {
        let database = Database::new();
        let merchant = MerchantShard::new(&database);
        now(merchant.prepare()).unwrap();
        let seats = || database.number("SELECT count(*) FROM seat");
        for payment in [&one, &two] {
            assert_eq!(now(merchant.reserve(payment)), Ok(Reserved::Done));
        }
        if is_told_first {
            now(merchant.apply(&update(buys, 1, true, None))).unwrap();
        }
        now(merchant.holds().release(&other.release())).unwrap();
        assert_eq!(seats(), 1);
        now(merchant.apply(&update(buys, 2, true, None))).unwrap();
        assert_eq!((seats(), database.number("SELECT count(*) FROM reserved_seat")), (1, 0));
        now(merchant.apply(&update(buys, 3, false, None))).unwrap();
        assert_eq!(seats(), 0, "its session is over");
    }
    // If the first one fails, the seat stays reserved for the second.
    let database = Database::new();
    let merchant = MerchantShard::new(&database);
    now(merchant.prepare()).unwrap();
    let seats = || database.number("SELECT count(*) FROM seat");
    for payment in [&one, &two] {
        assert_eq!(now(merchant.reserve(payment)), Ok(Reserved::Done));
    }
    let expired = Failed { at: Timestamp::from_millis(2_000), reason: failure::EXPIRED.to_owned() };
    now(merchant.apply(&update(&one, 1, false, Some(expired)))).unwrap();
    assert_eq!(seats(), 1);
    now(merchant.holds().release(&two.release())).unwrap();
    assert_eq!((seats(), database.number("SELECT count(*) FROM reserved_seat")), (0, 0));
}

#[test]
fn of_three_at_once_on_many_databases_two_get_the_two_seats_inv_1() {
    let cluster = with_seats(2);
    let outcomes = cluster.buy_at_once(&[1, 2, 3].map(|who| payment(&cluster, who)));
    let (sold, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(is_sold);
    assert_eq!((sold.len(), taken(&cluster), cluster.world.charged()), (2, 2, 2));
    assert!(
        matches!(refused.as_slice(), [Some(Err(SaleError::Rejected(Reject::Full { .. })))]),
        "{refused:?}"
    );
}

#[test]
fn a_seat_whose_payment_never_landed_is_free_again_inv_3_5() {
    let cluster = with_seats(2);
    cluster.world.chain.set(Chain::Drops);
    let (stream, payment) = payment(&cluster, 1);
    assert!(matches!(cluster.buy_in(&stream, &payment), Some(Ok(Sale::Pending(_)))));
    assert_eq!(taken(&cluster), 1);
    cluster.world.advance(600_000);
    cluster.rest();
    assert_eq!((taken(&cluster), cluster.world.charged()), (0, 0));
}

#[test]
fn whatever_goes_wrong_with_a_message_a_seat_is_taken_by_who_is_inside_and_by_nobody_else_inv_1_5() {
    for fault in FAULTS {
        for n in 0.. {
            let cluster = with_seats(2);
            let (stream, payment) = payment(&cluster, 1);
            cluster.spoil(move |at, _, _| (at == n).then_some(fault));
            let _ = cluster.buy_in(&stream, &payment);
            let reached = cluster.count() > n;
            cluster.mend();
            cluster.let_late_ones_arrive();
            // The repeat gets what was paid for, whatever became of the first request.
            let repeat = cluster.buy_in(&stream, &payment);
            assert!(is_sold(&repeat), "{fault:?} at {n}: {repeat:?}");
            assert_eq!((taken(&cluster), cluster.world.charged()), (1, 1), "{fault:?} at {n}");
            cluster.world.advance(60_000 + STALE_MS);
            cluster.rest();
            assert_eq!(taken(&cluster), 0, "{fault:?} at {n}");
            if !reached {
                assert!(n >= 4, "a sale sends more than {n} messages");
                break;
            }
        }
    }
}

#[test]
fn a_seat_that_was_reserved_and_never_claimed_is_given_back_after_ten_minutes_inv_5() {
    let cluster = with_seats(2);
    let (stream, payment) = payment(&cluster, 1);
    // Everything is cut off after the merchant's shard has made its reservation.
    cluster.spoil(|_, key, request| {
        (*key == ShardKey::Merchant && request == "reserve").then_some(Fault::CutOffBehind)
    });
    assert!(cluster.buy_in(&stream, &payment).is_none());
    cluster.mend();
    assert_eq!(taken(&cluster), 1);
    cluster.world.advance(STALE_MS + 1_000);
    cluster.rest();
    assert_eq!((taken(&cluster), cluster.world.charged()), (0, 0));
}

#[test]
fn a_session_of_a_shared_asset_is_kept_for_as_long_as_its_token_works_and_then_forgotten_inv_1() {
    let cluster = with_seats(2);
    let (stream, payment) = payment(&cluster, 1);
    assert!(is_sold(&cluster.buy_in(&stream, &payment)));
    let shard = ShardKey::Stream(stream.clone());
    cluster.world.advance(60_000);
    cluster.go_off_if_due();
    cluster.world.advance(7 * 86_400_000);
    cluster.go_off_if_due();
    assert!(is_sold(&cluster.buy_in(&stream, &payment)), "a repeat is answered as long as the token works");
    cluster.rest();
    assert!(!cluster.has_tables(&shard), "nothing is left of it");
    // Its quote has long expired, and the chain remembers the payment, so it buys nothing again.
    let again = cluster.buy_in(&stream, &payment);
    assert!(matches!(again, Some(Err(SaleError::Refused { .. }))), "{again:?}");
    assert_eq!((cluster.world.charged(), taken(&cluster)), (1, 0));
    // The stream of an exclusive asset stays.
    let cluster = Cluster::new();
    let (ticket, quote) = cluster.world.ticket("door-1", Operation::Access, 1);
    assert!(is_sold(&cluster.buy(&cluster.world.pay(1, &ticket, &quote))));
    cluster.world.advance(60_000 + 9 * 86_400_000);
    cluster.rest();
    assert!(cluster.has_tables(&ShardKey::Stream(door(1))));
}

#[test]
fn a_ticket_of_a_shared_asset_is_worth_one_session_on_many_databases_too_inv_1() {
    let cluster = with_seats(3);
    let (ticket, quote) = cluster.world.ticket("door-1", Operation::Access, 1);
    let stream = StreamId::of_session(quote.asset.clone(), ticket.session());
    let pay = |who| cluster.buy_in(&stream, &cluster.world.pay(who, &ticket, &quote));
    assert!(is_sold(&pay(1)));
    let again = pay(2);
    assert!(matches!(again, Some(Err(SaleError::QuoteUsed))), "{again:?}");
    assert_eq!((cluster.world.charged(), taken(&cluster)), (1, 1));
}

/// Returns an attempt's request for the only seat.
fn seat_of(payment: u8, attempt: &str) -> Reservation {
    Reservation {
        payment: PaymentId::of_message(&[payment]),
        stream: StreamId::parse("film/s_01010101010101010101010101010101").unwrap(),
        attempt: attempt.to_owned(),
        at: Timestamp::from_millis(1_000),
        funds: None,
        fee: None,
        seat: Some(Seat { asset: "main/film".to_owned(), stream: KEY.to_owned(), of: 1 }),
    }
}

const KEY: &str = "main/film/s_01010101010101010101010101010101";

/// Returns the stream's update about itself and about the payment that started its session.
fn told(revision: u64, is_seated: bool) -> MerchantUpdate {
    let head = Head {
        stream: KEY.to_owned(),
        revision,
        state: format!(r#"{{"last":1,"is_seated":{is_seated}}}"#),
        due: is_seated.then_some(9),
        unsettled: None,
        unfulfilled: false,
    };
    MerchantUpdate {
        head,
        ended: vec![Ended { payment: PaymentId::of_message(&[1]), failed: None }],
        sessions: Vec::new(),
        owed: Vec::new(),
    }
}

#[test]
fn a_reservation_that_comes_late_takes_no_seat_away_and_leaves_none_behind_inv_1_5() {
    let database = Database::new();
    let handler = MerchantShard::new(&database);
    now(handler.prepare()).unwrap();
    let seats = || now(handler.look_up(&Count::SeatsTaken("main/film".to_owned()))).unwrap();
    assert_eq!(now(handler.reserve(&seat_of(1, "a"))), Ok(Reserved::Done));
    assert_eq!(now(handler.reserve(&seat_of(2, "b"))), Ok(Reserved::Done), "of the same stream");
    now(handler.holds().release(&seat_of(2, "b").release())).unwrap();
    now(handler.apply(&told(1, true))).unwrap();
    assert_eq!(seats(), 1);
    // Another attempt for the landed payment reserves nothing; the session keeps its seat.
    assert_eq!(now(handler.reserve(&seat_of(1, "c"))), Ok(Reserved::HasEnded));
    now(handler.holds().release(&seat_of(1, "c").release())).unwrap();
    assert_eq!(seats(), 1);
    now(handler.apply(&told(2, false))).unwrap();
    assert_eq!(seats(), 0);
    // One that arrives after its payment has ended takes nothing.
    assert_eq!(now(handler.reserve(&seat_of(1, "d"))), Ok(Reserved::HasEnded));
    assert_eq!((seats(), database.number("SELECT count(*) FROM hold")), (0, 0));
    // One whose end was never told is asked about once it is stale. Its payment is granted, and no session is left.
    assert_eq!(now(handler.reserve(&seat_of(3, "d"))), Ok(Reserved::Done));
    assert_eq!(seats(), 1);
    now(handler.holds().spend_all(&PaymentId::of_message(&[3]))).unwrap();
    assert_eq!(seats(), 0);
}
