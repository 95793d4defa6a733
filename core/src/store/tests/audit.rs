//! What is found if the ledger does not follow from the events.

use crate::quote::Operation;
use crate::store::OnTheBooks;
use crate::testkit::gateway::{extend, sold};
use crate::testkit::platform::Platform;
use crate::testkit::world::World;

/// Checks the ledger. Returns what is wrong, and what the chain should have.
fn audit(world: &World) -> (Vec<String>, Vec<OnTheBooks>) {
    let platform = Platform::new(world);
    let (mut found, mut on_chain) = (Vec::new(), Vec::new());
    let audit = platform.journal.audit_ledger(|fault| found.push(fault), |payment| on_chain.push(payment));
    world.run(audit).unwrap().unwrap();
    (found, on_chain)
}

/// Returns a world in which a session was extended and is over, and another one runs.
fn traded() -> World {
    let world = World::new();
    let (first, _) = world.bought(1, "door-1", 1);
    let operation = extend(&first.session.session.id);
    let (ticket, quote) = world.ticket("door-1", operation.clone(), 1);
    sold(world.buy("door-1", operation, &world.pay(1, &ticket, &quote)));
    world.work_devices();
    world.advance(130_000);
    world.work_devices();
    world.bought(2, "door-2", 5);
    world
}

#[test]
fn the_ledger_of_real_sales_is_right_and_names_each_payment_that_the_chain_has_inv_5() {
    let world = traded();
    let (found, on_chain) = audit(&world);
    assert_eq!(found, Vec::<String>::new());
    let paid: Vec<_> = on_chain.iter().map(|it| it.paid.as_ref().unwrap().amount.atomic()).collect();
    assert_eq!(paid, [10_000, 10_000, 50_000]);
    // A payment whose outcome is unknown has moved nothing yet.
    let (ticket, quote) = world.ticket("door-1", Operation::Access, 1);
    world.blow_at(12);
    let _ = world.buy("door-1", Operation::Access, &world.pay(3, &ticket, &quote));
    assert_eq!(audit(&world).0, Vec::<String>::new());
}

#[test]
fn every_altered_missing_or_added_entry_is_found_inv_5() {
    for (change, faults) in [
        ("UPDATE entry SET amount = '10001' WHERE amount = '10000' AND revision = 2 AND number = 0", 1),
        ("UPDATE entry SET to_book = 'owed' WHERE to_book = 'earned'", 1),
        ("UPDATE entry SET cause = 'x' WHERE stream = 'main/door-2' AND number = 0", 1),
        ("UPDATE entry SET at = at + 1 WHERE to_book = 'earned'", 1),
        ("UPDATE entry SET session = 'other' WHERE to_book = 'earned'", 1),
        ("DELETE FROM entry WHERE to_book = 'fees'", 3),
        (
            "INSERT INTO entry SELECT stream, revision, 7, session, 'owed', 'earned', network, token, decimals, amount,
                cause, at FROM entry WHERE to_book = 'earned'",
            1,
        ),
        (
            "INSERT INTO entry SELECT stream, 700, number, session, 'owed', 'earned', network, token, decimals, amount,
                cause, at FROM entry WHERE to_book = 'earned'",
            1,
        ),
    ] {
        let world = traded();
        assert!(world.database.execute(change, []).unwrap() > 0, "{change}");
        let (found, _) = audit(&world);
        assert_eq!(found.len(), faults, "{change}: {found:#?}");
    }
}
