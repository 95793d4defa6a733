//! The same sale, with everything ended at each single thing that it does.

use crate::gateway::Sale;
use crate::quote::Operation;
use crate::testkit::world::{Chain, START, World, extend, sold};
use crate::time::Timestamp;

/// Follows a payment as its buyer would: repeats it until it is answered.
fn insist(world: &World, operation: &Operation, payment: &crate::x402::Payment) -> Box<crate::gateway::Sold> {
    for _ in 0..20 {
        match world.buy("door-1", operation.clone(), payment) {
            Some(Ok(Sale::Pending(_))) => {}
            outcome => return sold(outcome),
        }
    }
    panic!("no answer");
}

const CHAINS: [Chain; 3] = [Chain::Prompt, Chain::LandsButErrs, Chain::ShownFrom(START + 40_000)];

#[test]
fn killed_anywhere_in_a_purchase_the_repeat_gets_the_session_for_one_charge_inv_1_2_3() {
    for chain in CHAINS {
        for n in 0.. {
            let world = World::new();
            world.chain.set(chain);
            let (ticket, quote) = world.ticket("door-1", Operation::Access, 1);
            let payment = world.pay(1, &ticket, &quote);
            world.blow_at(n);
            let done = world.buy("door-1", Operation::Access, &payment);
            let session = insist(&world, &Operation::Access, &payment).session.session;
            assert_eq!((world.charged(), world.count("session")), (1, 1), "killed at {n}");
            assert_eq!(world.unlocked_until("door-1"), Some(session.ends_at), "killed at {n}");
            if done.is_some() {
                assert!(n >= 8, "a sale does more than {n} things");
                break;
            }
        }
    }
}

#[test]
fn killed_anywhere_in_a_purchase_recovery_alone_finishes_or_forgets_it_inv_2_3() {
    for chain in CHAINS {
        for n in 0.. {
            let world = World::new();
            world.chain.set(chain);
            let (ticket, quote) = world.ticket("door-1", Operation::Access, 1);
            let payment = world.pay(1, &ticket, &quote);
            world.blow_at(n);
            let done = world.buy("door-1", Operation::Access, &payment);
            // The buyer never comes back.
            for _ in 0..100 {
                world.step();
                world.advance(2_000);
            }
            assert_eq!(world.charged() as u64, world.count("session"), "killed at {n}");
            assert_eq!(world.charged() as u64, world.count("payment"), "killed at {n}");
            if done.is_some() {
                break;
            }
        }
    }
}

#[test]
fn killed_anywhere_in_recovery_too_nothing_is_lost_inv_2_3() {
    for n in 0..12 {
        for m in 0..8 {
            let world = World::new();
            let (ticket, quote) = world.ticket("door-1", Operation::Access, 1);
            let payment = world.pay(1, &ticket, &quote);
            world.blow_at(n);
            world.buy("door-1", Operation::Access, &payment);
            world.advance(6_000);
            world.blow_at(m);
            world.step();
            insist(&world, &Operation::Access, &payment);
            assert_eq!((world.charged(), world.count("session")), (1, 1), "killed at {n}, then at {m}");
        }
    }
}

#[test]
fn killed_anywhere_in_an_extension_the_end_moves_once_for_one_charge_inv_1_2_3() {
    for chain in [Chain::Prompt, Chain::LandsButErrs] {
        for n in 0.. {
            let world = World::new();
            let (first, _) = world.bought(1, "door-1", 5);
            let before = first.session.session;
            world.chain.set(chain);
            let operation = extend(&before.id);
            let (ticket, quote) = world.ticket("door-1", operation.clone(), 1);
            let payment = world.pay(1, &ticket, &quote);
            world.blow_at(n);
            let done = world.buy("door-1", operation.clone(), &payment);
            let after = insist(&world, &operation, &payment).session.session;
            assert_eq!(after.ends_at.millis_since(before.ends_at), 60_000, "killed at {n}");
            assert_eq!((world.charged(), world.count("session")), (2, 1), "killed at {n}");
            if done.is_some() {
                break;
            }
        }
    }
}

#[test]
fn killed_anywhere_while_a_session_ends_it_is_locked_after_the_restart_inv_4() {
    for n in 0.. {
        let world = World::new();
        world.bought(1, "door-1", 1);
        world.advance(60_000);
        world.blow_at(n);
        let done = world.step();
        assert_eq!(world.unlocked_until("door-1"), None, "killed at {n}");
        let ended = world.events("door-1").iter().filter(|event| event["type"] == "session_ended").count();
        assert_eq!(ended, 1, "killed at {n}");
        if done.is_some() {
            assert!(n >= 2);
            break;
        }
    }
}

#[test]
fn a_session_that_ended_while_everything_was_down_is_never_unlocked_again_inv_4() {
    let world = World::new();
    world.bought(1, "door-1", 1);
    assert!(world.unlocked_until("door-1").is_some());
    world.advance(3_600_000);
    assert_eq!(world.unlocked_until("door-1"), None);
    world.bought(2, "door-1", 1);
    assert!(world.unlocked_until("door-1").unwrap() > Timestamp::from_millis(START + 3_600_000));
}
