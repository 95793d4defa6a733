//! A payment that landed and that the journal has lost: its buyer shows the ticket, and a thief has none.

use serde_json::json;

use super::sales::{ACCESS, without_ticket};
use crate::gateway::{Gateway, Sale, SaleError};
use crate::ids::AssetId;
use crate::keys::{KeyRing, Secret};
use crate::quote::{Quote, Ticket};
use crate::session::index::PaymentStatus;
use crate::session::{LockState, Report, ReportedState};
use crate::store::{Verdict, Word};
use crate::testkit::gateway::{extend, sold};
use crate::testkit::keys;
use crate::testkit::platform::Platform;
use crate::testkit::world::World;
use crate::x402::{Accepted, PaymentPayload};

/// The tables whose rows are lost with the journal's file.
const TABLES: [&str; 9] =
    ["journal", "head", "payment", "session", "sale", "owed", "entry", "in_flight", "seat"];

/// Loses the journal, as if its file was deleted.
fn lose(world: &World) {
    for table in TABLES {
        world.database.execute(&format!("DELETE FROM {table}"), []).unwrap();
    }
}

fn owed(outcome: Option<Result<Sale, SaleError>>) -> String {
    match outcome {
        Some(Err(SaleError::NotDelivered(record))) => {
            assert_eq!(record.status, PaymentStatus::Owed);
            record.payment.as_str().to_owned()
        }
        other => panic!("expected a payment that bought nothing: {other:?}"),
    }
}

#[test]
fn a_buyer_with_the_ticket_gets_the_session_back_that_a_lost_journal_had_inv_1_2() {
    let world = World::new();
    let (first, payment) = world.bought(1, "door-1", 60);
    world.advance(60_000);
    lose(&world);
    let again = sold(world.buy("door-1", ACCESS, &payment));
    assert_eq!(again.session.session.id, first.session.session.id);
    assert_eq!(again.payment.transaction, first.payment.transaction);
    assert_eq!(world.unlocked_until("door-1"), again.session.session.ends_at());
    // Then it is a repeat like any other.
    let repeat = sold(world.buy("door-1", ACCESS, &payment));
    assert_eq!(repeat.session.session, again.session.session);
    assert_eq!((world.charged(), world.sends.get(), world.finds.get()), (1, 1, 1));
    assert_eq!((world.count("session"), world.count("payment"), world.count("in_flight")), (1, 1, 0));
}

#[test]
fn what_a_lost_journal_had_long_ago_is_the_owners_to_decide_and_starts_nothing_inv_2_3() {
    let world = World::new();
    let (_, payment) = world.bought(1, "door-1", 1);
    lose(&world);
    for days in [0, 1, 30] {
        // The quote has expired by then.
        world.advance(400_000 + days * 86_400_000);
        owed(world.buy("door-1", ACCESS, &payment));
    }
    let reason = world.texts("SELECT record ->> '$.owed.reason' || ' ' || (record ->> '$.status') FROM owed");
    assert_eq!(reason, ["Text(\"journal_lost unclear\")"]);
    assert_eq!((world.count("session"), world.count("sale"), world.finds.get()), (0, 0, 1));
    // Nothing is owed by itself: the money is held until the owner has decided.
    assert_eq!(
        world.texts("SELECT from_book || ' ' || to_book FROM entry WHERE token <> 'SOL'"),
        ["Text(\"paid held\")"]
    );
}

#[test]
fn without_its_ticket_a_lost_payment_gives_nothing_back_inv_1() {
    let world = World::new();
    let (_, payment) = world.bought(1, "door-1", 3);
    lose(&world);
    let (fresh, quote) = world.ticket("door-1", ACCESS, 3);
    let with_fresh_ticket = PaymentPayload { accepted: quote.accepted(&fresh), ..payment.clone() };
    let forged = forged_ticket(&world, &payment);
    let as_v1 = PaymentPayload { accepted: Accepted::V1, ..payment.clone() };
    for age in [0, 400_000] {
        world.advance(age);
        for thief in [&without_ticket(&payment), &with_fresh_ticket, &forged, &as_v1] {
            for asset in ["door-1", "door-2"] {
                let outcome = world.buy(asset, ACCESS, thief);
                assert!(matches!(outcome, Some(Err(_))), "{outcome:?}");
            }
        }
        // The ticket is for one door and for one purpose.
        let session = crate::ids::SessionId::from_bytes([1; 16]);
        for (asset, operation) in [("door-2", ACCESS), ("door-1", extend(&session))] {
            let outcome = world.buy(asset, operation, &payment);
            assert!(matches!(outcome, Some(Err(_))), "{outcome:?}");
        }
    }
    assert_eq!((world.finds.get(), world.count("journal"), world.count("payment")), (0, 0, 0));
}

/// Returns the payment with a ticket that has its own nonce and that another secret has sealed.
fn forged_ticket(world: &World, payment: &PaymentPayload) -> PaymentPayload {
    let deployment = &world.deployment;
    let quote = Quote::open(
        payment.ticket().unwrap(),
        &deployment.keys,
        &deployment.config,
        &[keys::address(&keys::fee_payer())],
    )
    .unwrap();
    let ticket: Ticket = quote.seal(&KeyRing::new(&Secret::new([77; 32]), None), &deployment.config).unwrap();
    PaymentPayload { accepted: quote.accepted(&ticket), ..payment.clone() }
}

#[test]
fn a_lost_payment_without_the_memo_of_its_ticket_is_not_given_back_because_it_may_be_anothers_inv_1() {
    for memo in [None, Some("order 17")] {
        let world = World::new();
        let (ticket, quote) = world.ticket("door-1", ACCESS, 2);
        let payment = world.pay_with_memo(1, &ticket, &quote, memo);
        sold(world.buy("door-1", ACCESS, &payment));
        lose(&world);
        // The thief copies the transaction from the chain, and has a ticket of the same price.
        let (own, its) = world.ticket("door-1", ACCESS, 2);
        for (ticket, quote) in [(&own, &its), (&ticket, &quote)] {
            let shown = PaymentPayload { accepted: quote.accepted(ticket), ..payment.clone() };
            let outcome = world.buy("door-1", ACCESS, &shown);
            assert!(matches!(outcome, Some(Err(SaleError::AlreadyUsed))), "{outcome:?}");
        }
        assert_eq!((world.count("payment"), world.finds.get()), (0, 0));
    }
}

#[test]
fn a_payment_that_never_landed_is_sold_or_refused_as_ever_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(1, &ticket, &quote);
    world.advance(400_000);
    let outcome = world.buy("door-1", ACCESS, &payment);
    assert!(matches!(outcome, Some(Err(SaleError::Refused { reason: "quote_expired", .. }))), "{outcome:?}");
    assert_eq!((world.charged(), world.count("journal"), world.finds.get()), (0, 0, 1));
    // The buyers of a busy door do not make the gateway ask the chain.
    world.bought(2, "door-1", 60);
    world.advance(1_500);
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let outcome = world.buy("door-1", ACCESS, &world.pay(3, &ticket, &quote));
    assert!(matches!(outcome, Some(Err(SaleError::Rejected(_)))), "{outcome:?}");
    assert_eq!((world.finds.get(), world.prepares.get()), (1, 1));
}

#[test]
fn a_door_that_was_sold_again_since_stays_its_buyers_and_the_lost_payment_is_the_owners_to_decide_inv_1_2() {
    let world = World::new();
    let (_, lost) = world.bought(1, "door-1", 60);
    world.advance(10_000);
    lose(&world);
    let (other, _) = world.bought(2, "door-1", 60);
    owed(world.buy("door-1", ACCESS, &lost));
    assert_eq!(world.unlocked_until("door-1"), other.session.session.ends_at());
    assert_eq!((world.count("payment"), world.count("owed"), world.count("session")), (2, 1, 1));
}

#[test]
fn a_lost_payment_with_the_owners_word_or_at_a_door_that_is_out_of_order_starts_nothing_inv_2() {
    for has_word in [true, false] {
        let world = World::new();
        let (first, lost) = world.bought(1, "door-1", 60);
        world.advance(10_000);
        lose(&world);
        let platform = Platform::new(&world);
        if has_word {
            let signature = first.payment.transaction.clone().unwrap();
            let (verdict, at) = (Verdict::Earned, world.now());
            let word = Word { signature: &signature, verdict, reason: "it was open", who: "me", at };
            world.run(platform.journal.decide(&word)).unwrap().unwrap();
        } else {
            // Another buyer has found out that the door does not unlock.
            world.bought(2, "door-1", 60);
            let gateway = Gateway::new(&world.deployment, &platform);
            let seen = ReportedState::of_lock(1, LockState::Locked, world.now()).with_failed(true);
            let report = (AssetId::parse("door-1").unwrap(), Report::Seen(seen));
            world.run(gateway.step(false, vec![report])).unwrap().unwrap();
            world.advance(30_000);
            world.step().unwrap();
        }
        owed(world.buy("door-1", ACCESS, &lost));
        assert_eq!(world.unlocked_until("door-1"), None);
        let unclear = "owed WHERE record ->> '$.status' = 'unclear'";
        assert_eq!(world.count(unclear), 1, "the owner decides");
    }
}

#[test]
fn a_lost_extension_extends_the_session_if_that_runs_and_is_else_the_owners_to_decide_inv_2() {
    for is_restored in [true, false] {
        let world = World::new();
        let (first, payment) = world.bought(1, "door-1", 60);
        let operation = extend(&first.session.session.id);
        let (ticket, quote) = world.ticket("door-1", operation.clone(), 1);
        let more = world.pay(1, &ticket, &quote);
        sold(world.buy("door-1", operation.clone(), &more));
        lose(&world);
        if is_restored {
            sold(world.buy("door-1", ACCESS, &payment));
            let both = sold(world.buy("door-1", operation, &more));
            assert_eq!(both.session.session.purchase.quantity, 61);
        } else {
            owed(world.buy("door-1", operation, &more));
        }
    }
}

#[test]
fn killed_anywhere_a_lost_payment_is_restored_once_inv_1_2() {
    for n in 0.. {
        let world = World::new();
        let (_, payment) = world.bought(1, "door-1", 60);
        world.work_devices();
        lose(&world);
        world.blow_at(n);
        let done = world.buy("door-1", ACCESS, &payment);
        let id = sold(world.buy("door-1", ACCESS, &payment)).session.session.id;
        assert_eq!(sold(world.buy("door-1", ACCESS, &payment)).session.session.id, id, "killed at {n}");
        assert_eq!((world.count("payment"), world.count("session"), world.charged()), (1, 1, 1));
        if done.is_some() {
            return;
        }
    }
}

#[test]
fn many_requests_at_once_restore_a_lost_payment_once_inv_1() {
    let world = World::new();
    let (_, payment) = world.bought(1, "door-1", 60);
    lose(&world);
    let buys: Vec<_> = (0..5).map(|_| ("door-1", ACCESS, &payment)).collect();
    let outcomes = super::at_once(&world, &buys);
    let mut ids: Vec<_> =
        outcomes.into_iter().map(|outcome| sold(Some(outcome)).session.session.id).collect();
    ids.dedup();
    assert_eq!((ids.len(), world.count("payment"), world.count("session")), (1, 1, 1));
    assert_eq!(json!(world.events("door-1").len()), json!(4), "claimed, landed, started and ordered");
}
