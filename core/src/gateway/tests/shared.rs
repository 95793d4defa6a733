//! Shared assets: many sessions at once, each in its own stream.

use super::at_once;
use super::sales::ACCESS;
use crate::capacity::Capacity;
use crate::gateway::{BuyRequest, Gateway, Sale, SaleError};
use crate::ids::{AssetId, StreamId};
use crate::keys::{KeyRing, Secret};
use crate::ports::Accounts as _;
use crate::session::Reject;
use crate::testkit::gateway::{extend, sold};
use crate::testkit::platform::Platform;
use crate::testkit::world::{Chain, World};
use crate::x402::PaymentPayload;

const FILM: &str = "door-1";

/// Returns a world whose first asset is shared.
fn shared(capacity: Capacity) -> World {
    let mut world = World::new();
    let asset = &mut world.deployment.config.assets[0];
    (asset.capacity, asset.device) = (capacity, None);
    world
}

/// Returns the payments of this many buyers, each for one minute.
fn payments(world: &World, buyers: u8) -> Vec<PaymentPayload> {
    let payment = |who| {
        let (ticket, quote) = world.ticket(FILM, ACCESS, 1);
        world.pay(who, &ticket, &quote)
    };
    (1..=buyers).map(payment).collect()
}

/// Sends all these payments at once, and returns their outcomes.
fn all_at_once(world: &World, payments: &[PaymentPayload]) -> Vec<Result<Sale, SaleError>> {
    at_once(world, &payments.iter().map(|payment| (FILM, ACCESS, payment)).collect::<Vec<_>>())
}

fn seats(world: &World) -> u64 {
    let platform = Platform::new(world);
    world.run(platform.journal.seats_taken(&world.asset(FILM).id)).unwrap().unwrap()
}

#[test]
fn as_many_as_pay_share_an_unlimited_asset_each_in_a_stream_of_its_own_inv_1_2_5() {
    let world = shared(Capacity::Unlimited);
    let payments = payments(&world, 40);
    for outcome in all_at_once(&world, &payments) {
        assert!(matches!(outcome, Ok(Sale::Sold(_))), "{outcome:?}");
    }
    world.audit_settled();
    assert_eq!(world.charged(), 40);
    assert_eq!(world.count("(SELECT DISTINCT stream FROM journal)"), 40);
    assert_eq!(
        world.count(&format!("journal WHERE stream = 'main/{FILM}'")),
        0,
        "nobody asks the asset's own"
    );
    assert_eq!((seats(&world), world.count("journal WHERE revision > 2")), (0, 0), "no stream is contended");
    // Each session ends by itself.
    world.advance(60_000);
    world.step();
    world.audit_settled();
    assert_eq!(world.count("session WHERE record ->> '$.ended' = 1"), 40);
}

#[test]
fn no_more_share_a_limited_asset_than_may_and_an_end_makes_room_inv_1_5() {
    let world = shared(Capacity::Limited(3));
    for round in 1..=2 {
        let outcomes = all_at_once(&world, &payments(&world, 8));
        let (sold, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((sold.len(), seats(&world), world.charged()), (3, 3, 3 * round));
        for outcome in refused {
            assert!(matches!(outcome, Err(SaleError::Rejected(Reject::Full { .. }))), "{outcome:?}");
        }
        world.audit_settled();
        world.advance(60_000);
        world.step();
        world.audit_settled();
        assert_eq!(seats(&world), 0);
    }
}

#[test]
fn a_repeat_gets_its_own_session_and_more_time_goes_to_the_one_it_is_paid_for_inv_1() {
    let world = shared(Capacity::Limited(2));
    let payments = payments(&world, 2);
    let first: Vec<_> = payments.iter().map(|payment| sold(world.buy(FILM, ACCESS, payment))).collect();
    for (payment, first) in payments.iter().zip(&first) {
        let again = sold(world.buy(FILM, ACCESS, payment));
        assert_eq!(again.session.session, first.session.session);
    }
    let operation = extend(&first[1].session.session.id);
    let (ticket, quote) = world.ticket(FILM, operation.clone(), 2);
    let longer = sold(world.buy(FILM, operation.clone(), &world.pay(2, &ticket, &quote)));
    assert_eq!(longer.session.session.id, first[1].session.session.id);
    let gained =
        longer.session.session.ends_at().unwrap().millis_since(first[1].session.session.ends_at().unwrap());
    assert_eq!((gained, seats(&world)), (120_000, 2), "an extension takes no other seat");
    // The first session's seat is free, and the second one's is not.
    world.advance(60_000);
    world.step();
    world.audit_settled();
    assert_eq!(seats(&world), 1);
    world.advance(120_000);
    world.step();
    assert_eq!(seats(&world), 0);
    let (ticket, quote) = world.ticket(FILM, operation.clone(), 1);
    let late = world.buy(FILM, operation, &world.pay(2, &ticket, &quote)).unwrap();
    assert!(matches!(late, Err(SaleError::Rejected(Reject::SessionOver))), "{late:?}");
}

#[test]
fn a_payment_that_can_not_land_any_more_leaves_its_seat_inv_3_5() {
    let world = shared(Capacity::Limited(2));
    world.chain.set(Chain::Drops);
    for payment in payments(&world, 2) {
        assert!(matches!(world.buy(FILM, ACCESS, &payment), Some(Ok(Sale::Pending(_)))));
    }
    assert_eq!(seats(&world), 2);
    world.advance(600_000);
    world.step();
    world.audit_settled();
    assert_eq!((seats(&world), world.charged()), (0, 0));
}

#[test]
fn killed_anywhere_in_a_purchase_of_a_shared_asset_the_repeat_gets_it_for_one_charge_inv_1_2_5() {
    for n in 0.. {
        let world = shared(Capacity::Limited(2));
        let payment = &payments(&world, 1)[0];
        world.blow_at(n);
        let done = world.buy(FILM, ACCESS, payment);
        world.audit();
        world.advance(10_000);
        sold(world.buy(FILM, ACCESS, payment));
        world.audit_settled();
        assert_eq!((world.charged(), seats(&world), world.count("session")), (1, 1, 1), "killed at {n}");
        if done.is_some() {
            assert!(n >= 8, "two appends and a send have each a before and a behind");
            break;
        }
    }
}

#[test]
fn a_ticket_of_a_shared_asset_is_worth_one_session_however_often_it_is_paid_inv_1() {
    let world = shared(Capacity::Unlimited);
    let (ticket, quote) = world.ticket(FILM, ACCESS, 1);
    let payments: Vec<_> = (1..=6).map(|who| world.pay(who, &ticket, &quote)).collect();
    let outcomes = all_at_once(&world, &payments);
    let sold: Vec<_> = outcomes.into_iter().filter_map(Result::ok).collect();
    let [Sale::Sold(sold)] = sold.as_slice() else { panic!("{sold:?}") };
    // The ticket names the session, so that all these payments meet in one stream, wherever it is.
    assert_eq!(sold.session.session.id, ticket.session());
    assert_eq!(
        world.buy(FILM, ACCESS, &world.pay(9, &ticket, &quote)).unwrap().unwrap_err(),
        SaleError::QuoteUsed
    );
    assert_eq!((world.charged(), world.count("session")), (1, 1));
    world.audit_settled();
}

#[test]
fn a_full_asset_asks_the_chain_nothing_inv_8() {
    let world = shared(Capacity::Limited(2));
    for payment in payments(&world, 2) {
        sold(world.buy(FILM, ACCESS, &payment));
    }
    let asked = world.prepares.get();
    let (ticket, quote) = world.ticket(FILM, ACCESS, 1);
    let refused = world.buy(FILM, ACCESS, &world.pay(3, &ticket, &quote)).unwrap();
    assert!(matches!(refused, Err(SaleError::Rejected(Reject::Full { .. }))), "{refused:?}");
    assert_eq!(world.prepares.get(), asked);
}

#[test]
fn a_payment_for_one_session_of_a_shared_asset_buys_no_second_inv_1() {
    let world = shared(Capacity::Unlimited);
    let payment = &payments(&world, 1)[0];
    let outcomes = all_at_once(&world, &vec![payment.clone(); 12]);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!((world.charged(), world.count("session"), world.count("payment")), (1, 1, 1));
    world.audit_settled();
}

/// Returns the stream in which this payment is claimed, as a gateway decides that has just started.
fn stream_of(world: &World, payment: &PaymentPayload) -> StreamId {
    let platform = Platform::new(world);
    let gateway = Gateway::new(&world.deployment, &platform);
    let asset = AssetId::parse(FILM).unwrap();
    let buy = BuyRequest::new(&asset, ACCESS, payment);
    world.run(gateway.examine(&buy)).unwrap().unwrap().stream().clone()
}

#[test]
fn a_repeat_is_looked_for_where_it_was_claimed_whatever_has_changed_meanwhile_inv_1_2() {
    type Change = fn(&mut World);
    let secret = |n: u8| Secret::new([n; 32]);
    let before = KeyRing::new(&secret(1), None);
    let changes: [(&str, Change); 6] = [
        ("shared no more", |world| world.deployment.config.assets[0].capacity = Capacity::EXCLUSIVE),
        ("fewer seats", |world| world.deployment.config.assets[0].capacity = Capacity::Limited(2)),
        ("sold here no more", |world| {
            world.deployment.config.assets[0].id = AssetId::parse("door-0").unwrap()
        }),
        ("a new secret", |world| {
            world.deployment.keys = KeyRing::new(&Secret::new([2; 32]), Some(&Secret::new([1; 32])));
        }),
        ("a new secret, and the old one forgotten", |world| {
            world.deployment.keys = KeyRing::new(&Secret::new([2; 32]), None);
        }),
        ("the same, and shared no more", |world| {
            world.deployment.keys = KeyRing::new(&Secret::new([2; 32]), None);
            world.deployment.config.assets[0].capacity = Capacity::EXCLUSIVE;
        }),
    ];
    for (what, change) in changes {
        let mut world = shared(Capacity::Unlimited);
        world.deployment.keys = before.clone();
        let (ticket, quote) = world.ticket(FILM, ACCESS, 1);
        let (later, later_quote) = world.ticket(FILM, ACCESS, 1);
        let payment = world.pay(1, &ticket, &quote);
        let first = sold(world.buy(FILM, ACCESS, &payment)).session.session.id;
        let stream = stream_of(&world, &payment);
        assert_eq!(stream.session(), Some(&first), "{what}");
        let unpaid = world.pay(2, &later, &later_quote);
        change(&mut world);
        assert_eq!(stream_of(&world, &payment), stream, "{what}");
        assert_eq!(sold(world.buy(FILM, ACCESS, &payment)).session.session.id, first, "{what}");
        // An open quote buys the asset if the quote still opens and the asset is still shared.
        let bought = matches!(world.buy(FILM, ACCESS, &unpaid), Some(Ok(Sale::Sold(_))));
        assert_eq!(bought, ["fewer seats", "a new secret"].contains(&what), "{what}");
        assert_eq!(
            (world.charged(), world.count("session")),
            (1 + usize::from(bought), 1 + u64::from(bought))
        );
    }
}

#[test]
fn a_ticket_from_before_an_asset_was_shared_buys_nothing_there_inv_1() {
    let mut world = shared(Capacity::EXCLUSIVE);
    let (ticket, quote) = world.ticket(FILM, ACCESS, 1);
    world.deployment.config.assets[0].capacity = Capacity::Unlimited;
    let refused = world.buy(FILM, ACCESS, &world.pay(1, &ticket, &quote)).unwrap();
    assert!(matches!(refused, Err(SaleError::Refused { reason: "ticket_invalid", .. })), "{refused:?}");
    assert_eq!((world.charged(), world.count("journal")), (0, 0));
}
