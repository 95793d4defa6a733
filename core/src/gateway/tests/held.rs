//! Requests that a host does not let wait, because it holds the buyer's connection and asks again.

use crate::gateway::{BuyRequest, Gateway, Sale, SaleError, Wait};
use crate::ids::AssetId;
use crate::quote::Operation::Access as ACCESS;
use crate::testkit::gateway::sold;
use crate::testkit::platform::Platform;
use crate::testkit::world::{Chain, START, World};
use crate::x402::PaymentPayload;

/// Sends this payment for the first door, with this patience.
fn buy(world: &World, payment: &PaymentPayload, wait: Wait) -> Option<Result<Sale, SaleError>> {
    let platform = Platform::new(world);
    let gateway = Gateway::new(&world.deployment, &platform);
    let asset = AssetId::parse("door-1").unwrap();
    let buy = BuyRequest { wait, ..BuyRequest::new(&asset, ACCESS, payment) };
    world.run(gateway.buy(&buy))
}

/// Returns a payment for the first door that shows its ticket.
fn with_ticket(world: &World) -> PaymentPayload {
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    world.pay(1, &ticket, &quote)
}

/// Returns a payment for the first door that shows nothing but its transaction.
fn without_ticket(world: &World) -> PaymentPayload {
    let (_, quote) = world.ticket("door-1", ACCESS, 1);
    world.pay_v1(1, quote.amount.atomic())
}

#[test]
fn a_payment_is_sent_and_looked_for_even_if_its_request_may_not_wait() {
    let world = World::new();
    let payment = with_ticket(&world);
    sold(buy(&world, &payment, Wait::UpTo(0)));
    assert_eq!((world.charged(), world.sends.get()), (1, 1));
}

#[test]
fn a_request_waits_no_longer_than_its_host_lets_it() {
    for (wait, longest) in [(0, 1_000), (2_000, 3_500)] {
        let world = World::new();
        world.chain.set(Chain::ShownFrom(START + 60_000));
        let outcome = buy(&world, &with_ticket(&world), Wait::UpTo(wait)).unwrap();
        assert!(matches!(outcome, Ok(Sale::Pending(_))), "{outcome:?}");
        let waited = world.now().millis_since(crate::time::Timestamp::from_millis(START));
        assert!((wait..longest).contains(&waited), "{waited} ms of {wait}");
    }
}

#[test]
fn a_repeat_that_may_not_wait_is_answered_at_once() {
    let world = World::new();
    world.chain.set(Chain::ShownFrom(START + 60_000));
    let payment = with_ticket(&world);
    assert!(matches!(buy(&world, &payment, Wait::UpTo(0)), Some(Ok(Sale::Pending(_)))));
    let before = (world.now(), world.sends.get());
    assert!(matches!(buy(&world, &payment, Wait::UpTo(0)), Some(Ok(Sale::Pending(_)))));
    assert_eq!((world.now(), world.sends.get()), before);
}

#[test]
fn a_host_that_asks_again_gets_the_session_once_the_payment_has_landed_inv_1_2() {
    for payment in [with_ticket, without_ticket] {
        let world = World::new();
        world.chain.set(Chain::ShownFrom(START + 8_000));
        let payment = payment(&world);
        let first = buy(&world, &payment, Wait::UpTo(2_000));
        assert!(matches!(first, Some(Ok(Sale::Pending(_)))), "{first:?}");
        assert!(matches!(buy(&world, &payment, Wait::Again), Some(Ok(Sale::Pending(_)))));
        world.advance(8_000);
        // Nobody else has looked for it.
        let session = sold(buy(&world, &payment, Wait::Again)).session.session.id;
        assert_eq!(sold(buy(&world, &payment, Wait::Again)).session.session.id, session);
        assert_eq!((world.charged(), world.count("session")), (1, 1));
        world.audit_settled();
    }
}

#[test]
fn only_a_host_that_asks_again_can_vouch_for_a_buyer_without_a_ticket_inv_1() {
    let world = World::new();
    let payment = without_ticket(&world);
    sold(buy(&world, &payment, Wait::UpTo(2_000)));
    for wait in [Wait::default(), Wait::UpTo(2_000), Wait::UpTo(0)] {
        assert!(matches!(buy(&world, &payment, wait), Some(Err(SaleError::AlreadyUsed))), "{wait:?}");
    }
    sold(buy(&world, &payment, Wait::Again));
}

#[test]
fn a_host_that_asks_again_sends_the_same_bytes_until_they_land_inv_3() {
    let world = World::new();
    world.chain.set(Chain::Drops);
    let payment = with_ticket(&world);
    assert!(matches!(buy(&world, &payment, Wait::UpTo(0)), Some(Ok(Sale::Pending(_)))));
    assert_eq!(world.sends.get(), 1);
    world.chain.set(Chain::Prompt);
    world.advance(1_000);
    buy(&world, &payment, Wait::Again);
    assert_eq!(world.sends.get(), 2);
    world.advance(1_000);
    sold(buy(&world, &payment, Wait::Again));
    assert_eq!((world.charged(), world.count("session")), (1, 1));
}

#[test]
fn a_payment_that_has_failed_is_not_taken_a_second_time_when_a_host_asks_again_inv_1_3() {
    let world = World::new();
    world.chain.set(Chain::Drops);
    let payment = with_ticket(&world);
    assert!(matches!(buy(&world, &payment, Wait::UpTo(0)), Some(Ok(Sale::Pending(_)))));
    while world.count("payment") == 1 {
        world.step();
        world.advance(2_000);
    }
    world.chain.set(Chain::Prompt);
    let (sends, prepares) = (world.sends.get(), world.prepares.get());
    let outcome = buy(&world, &payment, Wait::Again);
    let Some(Err(SaleError::Refused { reason, .. })) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason, "invalid_exact_svm_transaction_failed");
    assert_eq!((world.sends.get(), world.prepares.get(), world.charged()), (sends, prepares, 0));
}
