//! The line that each sale leaves in the operator's log.

use crate::gateway::SaleError;
use crate::quote::Operation;
use crate::testkit::gateway::{extend, sold};
use crate::testkit::keys;
use crate::testkit::world::{Chain, World};

/// Returns the lines about sales.
fn sales(world: &World) -> Vec<String> {
    world.logged.borrow().iter().filter(|line| line.starts_with("sold ")).cloned().collect()
}

#[test]
fn a_sale_is_one_line_an_extension_another_and_a_repeat_none_inv_1() {
    let world = World::new();
    let (bought, payment) = world.bought(1, "door-1", 2);
    let session = &bought.session.session.id;
    let transaction = bought.payment.transaction.as_deref().unwrap();
    let first = format!("sold door-1 for 0.02 USDC: session {session}, transaction {transaction}");
    assert_eq!(sales(&world), [first.as_str()]);
    sold(world.buy("door-1", Operation::Access, &payment));
    assert_eq!(sales(&world).len(), 1, "a repeat is no sale");
    let (ticket, quote) = world.ticket("door-1", extend(session), 5);
    let more = sold(world.buy("door-1", extend(session), &world.pay(1, &ticket, &quote)));
    let transaction = more.payment.transaction.as_deref().unwrap();
    let second =
        format!("sold an extension of door-1 for 0.05 USDC: session {session}, transaction {transaction}");
    assert_eq!(sales(&world), [first, second]);
}

#[test]
fn a_sales_line_names_no_buyer_and_shows_nothing_that_opens_a_session_inv_9() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", Operation::Access, 2);
    sold(world.buy("door-1", Operation::Access, &world.pay(1, &ticket, &quote)));
    let line = sales(&world).concat();
    let payer = keys::account(1).to_string();
    for secret in [payer.as_str(), ticket.as_str(), "eyJ"] {
        assert!(!line.contains(secret), "{line}");
    }
}

#[test]
fn a_payment_that_is_refused_or_in_flight_has_no_line_yet() {
    let world = World::new();
    world.fund(1, 10_000);
    let (ticket, quote) = world.ticket("door-1", Operation::Access, 2);
    let refused = world.buy("door-1", Operation::Access, &world.pay(1, &ticket, &quote));
    assert!(matches!(refused, Some(Err(SaleError::Refused { .. }))), "{refused:?}");
    world.fund(1, 1_000_000);
    world.chain.set(Chain::ShownFrom(world.now().plus_millis(40_000).millis()));
    let payment = world.pay(1, &ticket, &quote);
    world.buy("door-1", Operation::Access, &payment);
    assert_eq!(sales(&world), [""; 0]);
    world.advance(10_000);
    world.step();
    assert_eq!(sales(&world).len(), 1, "recovery has finished it");
    sold(world.buy("door-1", Operation::Access, &payment));
    assert_eq!(sales(&world).len(), 1);
}

/// If the process dies between the append and its line, the line is missing; the list of sales has the sale.
#[test]
fn killed_anywhere_a_sale_has_one_line_unless_its_grant_was_already_written_inv_2() {
    for at in 0.. {
        let world = World::new();
        let (ticket, quote) = world.ticket("door-1", Operation::Access, 1);
        let payment = world.pay(1, &ticket, &quote);
        world.blow_at(at);
        if world.buy("door-1", Operation::Access, &payment).is_some() {
            assert!(at > 8, "{at}");
            return;
        }
        let before = (world.count("sale"), sales(&world).len());
        for _ in 0..40 {
            world.advance(5_000);
            world.step();
        }
        let after = (world.count("sale"), sales(&world).len());
        match before {
            (0, lines) => {
                assert_eq!(lines, 0, "killed at {at}: a line before the grant is durable");
                assert!(after.0 == after.1 as u64, "killed at {at}: {after:?}");
            }
            _ => assert_eq!(after, before, "killed at {at}"),
        }
        world.audit_settled();
    }
}
