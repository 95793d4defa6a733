//! Time that passes at the wrong moment, and clocks that jump.

use super::at_once;
use crate::gateway::{Gateway, Sale};
use crate::ports::Claims as _;
use crate::quote::Operation;
use crate::testkit::gateway::{extend, sold};
use crate::testkit::platform::Platform;
use crate::testkit::world::{Chain, START, World};
use crate::time::Timestamp;

#[test]
fn a_wall_clock_that_jumps_back_holds_no_door_open_inv_4() {
    let world = World::new();
    world.bought(1, "door-1", 1);
    world.jump_back(3_600_000);
    world.advance(60_000);
    assert_eq!(world.unlocked_until("door-1"), None);
}

#[test]
fn a_payment_in_flight_does_not_wait_until_a_clock_that_was_set_back_has_caught_up_inv_2() {
    for (chain, granted) in [(Chain::ShownFrom(START + 40_000), true), (Chain::Drops, false)] {
        let world = World::new();
        world.chain.set(chain);
        let (ticket, quote) = world.ticket("door-1", Operation::Access, 1);
        let payment = world.pay(1, &ticket, &quote);
        let pending = world.buy("door-1", Operation::Access, &payment);
        assert!(matches!(pending, Some(Ok(Sale::Pending(_)))), "{pending:?}");
        world.advance(90_000);
        world.jump_back(1_800_000);
        world.chain.set(Chain::Prompt);
        world.step();
        assert_eq!(world.count("session") > 0, granted || world.charged() > 0);
        assert_eq!(world.count("in_flight"), 0);
    }
}

#[test]
fn a_wall_clock_that_jumps_back_between_two_sessions_moves_no_end_into_the_past_inv_4() {
    let world = World::new();
    let (first, _) = world.bought(1, "door-1", 1);
    world.advance(60_000);
    world.step();
    world.jump_back(3_600_000);
    let (second, _) = world.bought(2, "door-1", 1);
    assert!(second.session.session.starts_at >= first.session.session.ends_at().unwrap());
}

#[test]
fn a_box_whose_clock_is_behind_the_session_opens_for_what_is_left_and_no_longer_inv_4() {
    let world = World::new();
    world.bought(1, "door-1", 1);
    world.advance(20_000);
    // The clock was three days ahead when the session was sold.
    world.jump_back(3 * 86_400_000);
    assert_eq!(world.unlocked_until("door-1"), Some(world.now().plus_millis(40_000)));
    world.advance(30_000);
    assert_eq!(world.unlocked_until("door-1"), Some(world.now().plus_millis(10_000)));
    world.advance(10_000);
    assert_eq!(world.unlocked_until("door-1"), None);
    world.bought(2, "door-1", 1);
}

#[test]
fn a_wall_clock_that_is_set_forward_ends_no_session_early_and_holds_none_open_inv_2_4() {
    for forward in [200_000, 3_600_000, 3 * 86_400_000] {
        let world = World::new();
        let (bought, _) = world.bought(1, "door-1", 2);
        let (other, _) = world.bought(2, "door-2", 10);
        world.advance(20_000);
        let others_left = other.session.session.ends_at().unwrap().millis_since(world.now());
        let left = bought.session.session.ends_at().unwrap().millis_since(world.now());
        world.jump(forward);
        // The device stays open for what is left, and the step after it has nothing overdue.
        assert_eq!(world.unlocked_until("door-1"), Some(world.now().plus_millis(left)), "{forward}");
        // So does one whose end on the wall clock is still to come.
        assert_eq!(world.unlocked_until("door-2"), Some(world.now().plus_millis(others_left)), "{forward}");
        assert!(world.step().unwrap().next.unwrap() > world.now());
        assert_eq!(world.unlocked_until("door-1"), Some(world.now().plus_millis(left)));
        assert!(world.count("session") == 2 && world.now() > bought.session.session.ends_at().unwrap());
        // An extension adds what it sells to what is left.
        let longer = extend(&bought.session.session.id);
        let (ticket, quote) = world.ticket("door-1", longer.clone(), 1);
        sold(world.buy("door-1", longer, &world.pay(1, &ticket, &quote)));
        let until = world.unlocked_until("door-1").unwrap().millis_since(world.now());
        assert!((150_000..=160_000).contains(&until), "{until}");
        world.advance(until - 1);
        assert!(world.unlocked_until("door-1").is_some());
        world.advance(1);
        world.step();
        assert_eq!(world.unlocked_until("door-1"), None);
        world.bought(3, "door-1", 1);
    }
}

#[test]
fn a_session_whose_wall_clock_was_set_has_a_grant_that_fits_that_clock_inv_2() {
    let world = World::new();
    let (bought, _) = world.bought(1, "door-1", 2);
    world.advance(20_000);
    let left = bought.session.session.ends_at().unwrap().millis_since(world.now());
    world.jump(3_600_000);
    world.step();
    let journal = Platform::new(&world).journal;
    let record = world.run(journal.session(&bought.session.session.id)).unwrap().unwrap().unwrap();
    assert_eq!(record.session.ends_at(), Some(world.now().plus_millis(left)));
    assert!(record.session.grant > bought.session.session.grant);
    // Once is enough.
    let written = world.count("journal");
    world.step();
    assert_eq!(world.count("journal"), written);
}

#[test]
fn a_session_whose_time_nobody_can_tell_is_over_and_blocks_nobody_inv_4() {
    let world = World::new();
    world.bought(1, "door-1", 1);
    world.jump_back(3 * 86_400_000);
    world.reboot();
    assert_eq!(world.unlocked_until("door-1"), None);
    world.bought(2, "door-1", 1);
    assert_eq!(world.unlocked_until("door-1"), Some(world.now().plus_millis(60_000)));
}

#[test]
fn a_reboot_alone_ends_no_session_inv_2() {
    let world = World::new();
    let (sold, _) = world.bought(1, "door-1", 1);
    world.jump_back(30_000);
    world.reboot();
    assert!(world.unlocked_until("door-1").is_some());
    assert!(world.now() < sold.session.session.ends_at().unwrap());
    world.advance(100_000);
    assert_eq!(world.unlocked_until("door-1"), None);
    world.bought(2, "door-1", 1);
}

#[test]
fn an_extension_that_lands_after_the_end_goes_on_from_its_landing_inv_2_4() {
    let world = World::new();
    let (first, _) = world.bought(1, "door-1", 1);
    let session = first.session.session;
    world.advance(50_000);
    // It is sent ten seconds before the end, and the chain shows it thirty seconds after the end.
    let shown = world.now().millis() + 40_000;
    world.chain.set(Chain::ShownFrom(shown));
    let (ticket, quote) = world.ticket("door-1", extend(&session.id), 2);
    let payment = world.pay(1, &ticket, &quote);
    let outcome = world.buy("door-1", extend(&session.id), &payment);
    assert!(matches!(outcome, Some(Ok(Sale::Pending(_)))), "{outcome:?}");
    // The door is locked until the payment is known to have landed, and stays reserved for its payer.
    assert!(world.now() > session.ends_at().unwrap());
    assert_eq!(world.unlocked_until("door-1"), None);
    let (other, price) = world.ticket("door-1", Operation::Access, 1);
    assert!(world.buy("door-1", Operation::Access, &world.pay(2, &other, &price)).unwrap().is_err());
    let longer = sold(world.buy("door-1", extend(&session.id), &payment)).session.session;
    assert!(longer.ends_at().unwrap() >= Timestamp::from_millis(shown + 120_000), "all that was bought");
    assert_eq!(world.unlocked_until("door-1"), longer.ends_at());
}

#[test]
fn an_extension_whose_session_was_extended_while_it_was_made_ready_is_not_refused_as_too_late_inv_2() {
    let world = World::new();
    let (first, _) = world.bought(1, "door-1", 1);
    let session = first.session.session;
    world.advance(55_000);
    let operation = extend(&session.id);
    let payments = [1, 2].map(|who| {
        let (ticket, quote) = world.ticket("door-1", operation.clone(), 1);
        world.pay(who, &ticket, &quote)
    });
    // The end that both buyers have seen passes while one payment is prepared. The other one moves the end before that.
    world.slow_first.set(Some(10_000));
    let outcomes =
        at_once(&world, &payments.each_ref().map(|payment| ("door-1", operation.clone(), payment)));
    assert!(world.now() > session.ends_at().unwrap());
    let ends: Vec<_> =
        outcomes.into_iter().map(|outcome| sold(Some(outcome)).session.session.ends_at().unwrap()).collect();
    assert_eq!(
        ends,
        [session.ends_at().unwrap().plus_millis(120_000), session.ends_at().unwrap().plus_millis(60_000)]
    );
}

#[test]
fn an_extension_that_never_lands_ends_the_session_it_kept_inv_2_4() {
    let world = World::new();
    let (first, _) = world.bought(1, "door-1", 1);
    let id = first.session.session.id;
    world.advance(50_000);
    world.chain.set(Chain::Drops);
    let (ticket, quote) = world.ticket("door-1", extend(&id), 2);
    world.buy("door-1", extend(&id), &world.pay(1, &ticket, &quote));
    for _ in 0..60 {
        world.step();
        world.advance(2_000);
    }
    assert_eq!((world.charged(), world.count("payment")), (1, 1));
    world.chain.set(Chain::Prompt);
    world.bought(2, "door-1", 1);
}

#[test]
fn a_door_does_not_wait_behind_somebody_elses_payment_inv_3_4() {
    let world = World::new();
    world.chain.set(Chain::Drops);
    let (ticket, quote) = world.ticket("door-1", Operation::Access, 1);
    world.buy("door-1", Operation::Access, &world.pay(1, &ticket, &quote));
    world.chain.set(Chain::Prompt);
    let (sold, _) = world.bought(2, "door-2", 1);
    // A step returns what doors should do without asking the chain, whatever is in flight.
    let (sends, before) = (world.sends.get(), world.now());
    let plan = world.doors();
    assert_eq!((world.sends.get(), world.now()), (sends, before));
    assert_eq!(plan.states[1].state.unlocked_until(), sold.session.session.ends_at());
    assert_eq!(plan.next, sold.session.session.ends_at());
}

#[test]
fn the_next_step_is_due_when_the_paid_time_ends_inv_4() {
    let world = World::new();
    let (sold, _) = world.bought(1, "door-1", 1);
    assert_eq!(world.step().unwrap().next, sold.session.session.ends_at());
    world.advance(60_000);
    let plan = world.step().unwrap();
    assert_eq!(plan.next, None);
    assert!(plan.states.iter().all(|planned| planned.state.unlocked_until().is_none()));
    assert!(world.now() > Timestamp::from_millis(START));
}

#[test]
fn a_door_does_not_wait_behind_things_that_no_box_works_inv_2_4() {
    let mut world = World::with_doors(80);
    for asset in world.deployment.config.assets.iter_mut().take(79) {
        asset.device = None;
    }
    for number in 1..=80 {
        world.bought(1, &format!("door-{number}"), 1);
    }
    let platform = Platform::new(&world);
    let gateway = Gateway::new(&world.deployment, &platform);
    let plan = world.run(gateway.step(false, Vec::new())).unwrap().unwrap();
    let doors: Vec<_> = plan.states.iter().map(|planned| planned.asset.as_str()).collect();
    assert_eq!(doors, ["door-80"]);
}

#[test]
fn broken_devices_keep_no_other_from_its_turn_inv_2() {
    let world = World::with_doors(100);
    for number in 1..=100 {
        world.bought(1, &format!("door-{number}"), 1);
    }
    let platform = Platform::new(&world);
    let gateway = Gateway::new(&world.deployment, &platform);
    // None of these devices ever reports.
    let plan = world.run(gateway.step(false, Vec::new())).unwrap().unwrap();
    assert!(plan.states.iter().any(|planned| planned.asset.as_str() == "door-99"));
}
