//! In which order a device takes grants, whatever became of the journal.

use super::*;
use crate::grant::{GRANT_TYP, Grant};
use crate::jws;
use crate::keys::Purpose;
use crate::quote::Operation;
use crate::testkit::gateway::extend;

/// Buys a minute at the first door, or one more for a session, and returns the grant's claims.
fn granted(world: &World, who: u8, more_for: Option<&Grant>) -> Grant {
    let operation = more_for.map_or(Operation::Access, |grant| extend(&grant.sub));
    let (ticket, quote) = world.ticket("door-1", operation.clone(), 1);
    let payment = world.pay(who, &ticket, &quote);
    let sold = crate::testkit::gateway::sold(world.buy("door-1", operation, &payment));
    let answer = views::granted(&world.deployment, &sold.session, &sold.session.session.purchase, None);
    read(world, answer.unwrap()["grant"].as_str().unwrap())
}

fn read(world: &World, grant: &str) -> Grant {
    let key = world.deployment.keys.signing(Purpose::Grant).key.verifying_key();
    jws::verify(grant, GRANT_TYP, &key).unwrap()
}

/// Returns what a device that keeps the highest grant compares.
fn order(grant: &Grant) -> (u64, u64) {
    (grant.epoch, grant.seq)
}

#[test]
fn grants_of_one_journal_have_one_epoch_and_rising_numbers() {
    let world = World::new();
    let first = granted(&world, 1, None);
    let longer = granted(&world, 1, Some(&first));
    world.advance(180_000);
    world.step();
    let next = granted(&world, 2, None);
    assert!(order(&first) < order(&longer) && order(&longer) < order(&next));
    assert_eq!((first.epoch, longer.epoch), (next.epoch, next.epoch));
    assert!(first.epoch > 0 && first.epoch <= first.nbf);
}

#[test]
fn a_grant_of_a_new_journal_comes_after_all_of_the_lost_one_inv_2() {
    let lost = World::new();
    let first = granted(&lost, 1, None);
    let second = granted(&lost, 1, Some(&first));
    let anew = World::new();
    anew.advance(3_600_000);
    let next = granted(&anew, 2, None);
    assert!(next.seq < second.seq && order(&next) > order(&second), "{next:?} {second:?}");
}

#[test]
fn a_grant_after_a_restore_comes_after_all_that_the_copy_does_not_know_inv_2() {
    let mut world = World::new();
    let first = granted(&world, 1, None);
    // What the copy does not have: the session was extended twice.
    let forgotten = Grant { seq: first.seq + 2, ..first.clone() };
    world.deployment.epoch = world.now().seconds() + 1;
    let again = granted(&world, 1, Some(&first));
    assert!(again.seq < forgotten.seq && order(&again) > order(&forgotten), "{again:?} {forgotten:?}");
}
