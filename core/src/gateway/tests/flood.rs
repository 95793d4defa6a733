//! Many payments from one balance at once: a thief's flood, and an honest buyer's basket.

use proptest::prelude::*;

use super::{Outcome, at_once, request};
use crate::gateway::{Gateway, Sale, SaleError};
use crate::ports::Clock as _;
use crate::quote::Operation;
use crate::session::Reject;
use crate::testkit::platform::Platform;
use crate::testkit::world::{Chain, START, World};
use crate::x402::PaymentPayload;

const ACCESS: Operation = Operation::Access;

/// What each payment here takes, in atomic units.
const PRICE: u64 = 10_000;
/// What each payment costs the fee payer, in lamports.
const FEE: u64 = 10_001;

const DOORS: [&str; 8] = ["door-1", "door-2", "door-3", "door-4", "door-5", "door-6", "door-7", "door-8"];

fn door(number: usize) -> String {
    format!("door-{}", number + 1)
}

/// Returns payments of buyer 1 for the first `count` doors.
fn payments(world: &World, count: usize) -> Vec<PaymentPayload> {
    let pay = |number| {
        let (ticket, quote) = world.ticket(&door(number), ACCESS, 1);
        world.pay(1, &ticket, &quote)
    };
    (0..count).map(pay).collect()
}

/// Sends them all at once, each to its door.
fn flood(world: &World, payments: &[PaymentPayload]) -> Vec<Outcome> {
    let doors: Vec<String> = (0..payments.len()).map(door).collect();
    let each = doors.iter().map(String::as_str).zip(payments);
    let buys: Vec<_> = each.map(|(door, payment)| (door, ACCESS, payment)).collect();
    at_once(world, &buys)
}

fn is_short_of_funds(outcome: &Outcome) -> bool {
    matches!(outcome, Err(SaleError::Refused { reason: "insufficient_funds", .. }))
}

fn is_sold(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(Sale::Sold(_)))
}

/// Runs recovery until nothing is in flight.
fn settle(world: &World) {
    for _ in 0..100 {
        if world.count("in_flight") == 0 {
            return;
        }
        world.advance(2_000);
        world.step();
    }
    panic!("something stays in flight");
}

/// Checks what has to be true whenever nothing is in flight.
fn check_books(world: &World) {
    let left = ["in_flight", "source_balance"].map(|table| world.count(table));
    assert_eq!(left, [0, 0], "something is still held against a balance");
    assert_eq!(world.charged() as u64, world.count("session"));
    assert_eq!(world.charged() as u64, world.count("payment"));
    // Each sale here earns far more than its fee, so only what has bounced is spent.
    assert!(world.spent_of("newcomers") <= FEE * world.bounced() as u64);
}

#[test]
fn of_a_hundred_payments_from_a_balance_for_one_a_single_one_is_sent_inv_2_8() {
    for chain in [Chain::Prompt, Chain::LandsButErrs, Chain::ShownFrom(START + 12_000)] {
        let world = World::with_doors(100);
        world.chain.set(chain);
        world.fund(1, PRICE);
        let outcomes = flood(&world, &payments(&world, 100));
        assert_eq!(outcomes.iter().filter(|outcome| is_sold(outcome)).count(), 1);
        let refused = outcomes.iter().filter(|outcome| is_short_of_funds(outcome)).count();
        assert_eq!((refused, world.charged(), world.bounced()), (99, 1, 0));
        // The refused payments take nothing from the fee budget, and leave nothing in the journal.
        assert_eq!((world.spent_of("newcomers"), world.count("journal")), (0, 2));
        check_books(&world);
    }
}

#[test]
fn twenty_payments_from_a_balance_for_twenty_are_all_sold_inv_2() {
    for chain in [Chain::Prompt, Chain::LandsButErrs, Chain::ShownFrom(START + 12_000)] {
        let world = World::with_doors(20);
        world.chain.set(chain);
        world.fund(1, 20 * PRICE);
        let outcomes = flood(&world, &payments(&world, 20));
        assert!(outcomes.iter().all(is_sold), "{outcomes:?}");
        assert_eq!((world.charged(), world.bounced()), (20, 0));
        check_books(&world);
    }
}

#[test]
fn a_refusal_says_what_to_do_and_that_nothing_was_charged() {
    let world = World::new();
    world.fund(1, PRICE);
    let outcomes = flood(&world, &payments(&world, 2));
    let Some(Err(SaleError::Refused { detail, .. })) = outcomes.into_iter().find(Result::is_err) else {
        panic!("nothing is refused")
    };
    for words in ["Wait until they have landed", "add funds", "You were not charged."] {
        assert!(detail.contains(words), "{detail}");
    }
}

#[test]
fn a_second_payment_for_the_same_door_is_told_that_it_is_busy_and_not_to_add_funds() {
    let world = World::new();
    world.fund(1, PRICE);
    let pay = |_| {
        let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
        world.pay(1, &ticket, &quote)
    };
    let payments = [1, 2].map(pay);
    let outcomes = at_once(&world, &payments.each_ref().map(|payment| ("door-1", ACCESS, payment)));
    let [first, second] = outcomes.as_slice() else { panic!("two were sent") };
    assert!(is_sold(first), "{first:?}");
    assert!(matches!(second, Err(SaleError::Rejected(Reject::Busy { .. }))), "{second:?}");
}

#[test]
fn once_those_in_flight_have_landed_the_next_ones_are_taken() {
    let world = World::with_doors(4);
    world.fund(1, 2 * PRICE);
    let payments = payments(&world, 4);
    let outcomes = flood(&world, &payments);
    assert_eq!(outcomes.iter().filter(|outcome| is_sold(outcome)).count(), 2);
    let refused: Vec<_> = (0..4).filter(|&number| is_short_of_funds(&outcomes[number])).collect();
    // These are the payments that were refused before. They left nothing behind.
    let again = |number: usize| world.buy(&door(number), ACCESS, &payments[number]).unwrap();
    assert!(is_short_of_funds(&again(refused[0])), "the money is spent");
    world.fund(1, PRICE);
    assert!(is_sold(&again(refused[0])));
    assert!(is_short_of_funds(&again(refused[1])));
    world.fund(1, PRICE);
    assert!(is_sold(&again(refused[1])));
    check_books(&world);
}

#[test]
fn once_those_in_flight_have_expired_the_next_ones_are_taken_inv_3() {
    let world = World::with_doors(2);
    world.fund(1, PRICE);
    world.chain.set(Chain::Drops);
    let payments = payments(&world, 2);
    assert!(matches!(world.buy("door-1", ACCESS, &payments[0]), Some(Ok(Sale::Pending(_)))));
    // Unknown is not failed: the money is held for the payment until it is dead.
    while world.count("in_flight") == 1 {
        assert!(is_short_of_funds(&world.buy("door-2", ACCESS, &payments[1]).unwrap()));
        world.advance(2_000);
        world.step();
    }
    world.chain.set(Chain::Prompt);
    let (ticket, quote) = world.ticket("door-2", ACCESS, 1);
    assert!(is_sold(&world.buy("door-2", ACCESS, &world.pay(1, &ticket, &quote)).unwrap()));
    assert_eq!((world.charged(), world.bounced()), (1, 0));
    check_books(&world);
}

#[test]
fn money_that_comes_while_others_are_in_flight_counts() {
    let world = World::with_doors(3);
    world.fund(1, PRICE);
    world.chain.set(Chain::Drops);
    let payments = payments(&world, 3);
    assert!(matches!(world.buy("door-1", ACCESS, &payments[0]), Some(Ok(Sale::Pending(_)))));
    assert!(is_short_of_funds(&world.buy("door-2", ACCESS, &payments[1]).unwrap()));
    world.fund(1, 2 * PRICE);
    world.chain.set(Chain::Prompt);
    assert!(is_sold(&world.buy("door-2", ACCESS, &payments[1]).unwrap()));
    assert!(is_short_of_funds(&world.buy("door-3", ACCESS, &payments[2]).unwrap()));
    settle(&world);
    assert_eq!((world.charged(), world.bounced()), (2, 0));
    check_books(&world);
}

#[test]
fn one_balance_says_nothing_of_another() {
    let world = World::with_doors(3);
    world.fund(1, 0);
    world.fund(2, PRICE);
    world.chain.set(Chain::Drops);
    for (who, asset, taken) in [(1, "door-1", false), (2, "door-2", true), (3, "door-3", true)] {
        let (ticket, quote) = world.ticket(asset, ACCESS, 1);
        let outcome = world.buy(asset, ACCESS, &world.pay(who, &ticket, &quote)).unwrap();
        assert_eq!(outcome.is_ok(), taken, "{outcome:?}");
    }
}

#[test]
fn an_extension_is_held_against_the_same_balance_inv_2() {
    let world = World::with_doors(2);
    let (bought, _) = world.bought(1, "door-1", 9);
    world.fund(1, PRICE);
    world.chain.set(Chain::Drops);
    let operation = crate::testkit::gateway::extend(&bought.session.session.id);
    let (ticket, quote) = world.ticket("door-1", operation.clone(), 1);
    let outcome = world.buy("door-1", operation, &world.pay(1, &ticket, &quote));
    assert!(matches!(outcome, Some(Ok(Sale::Pending(_)))), "{outcome:?}");
    let (ticket, quote) = world.ticket("door-2", ACCESS, 1);
    assert!(is_short_of_funds(&world.buy("door-2", ACCESS, &world.pay(1, &ticket, &quote)).unwrap()));
}

#[test]
fn money_that_is_moved_away_makes_its_payer_wait_on_every_asset() {
    let world = World::with_doors(5);
    world.fund(1, 3 * PRICE);
    let payments = payments(&world, 3);
    let platform = Platform::new(&world);
    let gateway = Gateway::new(&world.deployment, &platform);
    let request = |number: usize| request(&world, &gateway, DOORS[number], ACCESS, &payments[number], 0);
    let mut requests: Vec<_> = (0..3).map(request).collect();
    // The account is emptied after the payments were simulated and before any of them is executed.
    requests.push(Box::pin(async {
        world.sleep(15).await;
        world.fund(1, 0);
        Err(SaleError::AlreadyUsed)
    }));
    world.run_all(requests);
    settle(&world);
    assert_eq!((world.charged(), world.bounced()), (0, 3));
    // The payer has money again, but has to wait, even at doors that it has never paid for.
    world.fund(1, 9 * PRICE);
    for asset in ["door-1", "door-4", "door-5"] {
        let (ticket, quote) = world.ticket(asset, ACCESS, 1);
        let outcome = world.buy(asset, ACCESS, &world.pay(1, &ticket, &quote)).unwrap();
        let Err(SaleError::Rejected(Reject::BackOff { until })) = outcome else { panic!("{outcome:?}") };
        assert!(until > world.now() && until <= world.now().plus_seconds(16 * 60));
    }
    // Other payers do not wait, and this one waits sixteen minutes.
    world.bought(2, "door-4", 1);
    world.advance(16 * 60_000);
    world.bought(1, "door-5", 1);
    check_books(&world);
}

#[test]
fn killed_anywhere_in_a_flood_no_payment_bounces_and_the_books_are_empty_in_the_end_inv_2_3_5() {
    for chain in [Chain::Prompt, Chain::LandsButErrs, Chain::Drops] {
        for n in 0.. {
            let world = World::with_doors(4);
            world.chain.set(chain);
            world.fund(1, 2 * PRICE);
            let payments = payments(&world, 4);
            world.blow_at(n);
            let platform = Platform::new(&world);
            let gateway = Gateway::new(&world.deployment, &platform);
            let requests = DOORS
                .iter()
                .zip(&payments)
                .map(|(door, pay)| request(&world, &gateway, door, ACCESS, pay, 0));
            let done = world.run_all(requests.collect()).iter().all(Option::is_some);
            // The buyers do not come back, and recovery is killed once too.
            world.advance(6_000);
            world.blow_at(n % 7);
            world.step();
            settle(&world);
            assert_eq!(world.bounced(), 0, "killed at {n}");
            assert!(world.charged() <= 2, "killed at {n}");
            check_books(&world);
            if done {
                assert_eq!(world.charged(), if chain == Chain::Drops { 0 } else { 2 });
                assert!(n >= 12, "a flood does more than {n} things");
                break;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whenever_they_come_as_many_are_sold_as_the_balance_is_for_and_none_bounces_inv_2_5(
        funds in 1usize..9,
        starts in proptest::collection::vec(0u64..1_500, 1..9),
        shown_after in prop_oneof![Just(0u64), 1u64..4_000],
    ) {
        let world = World::with_doors(8);
        world.chain.set(Chain::ShownFrom(START + shown_after));
        world.fund(1, funds as u64 * PRICE);
        let payments = payments(&world, starts.len());
        let platform = Platform::new(&world);
        let gateway = Gateway::new(&world.deployment, &platform);
        let requests = DOORS.iter().zip(&payments).zip(&starts);
        let requests = requests.map(|((door, pay), start)| request(&world, &gateway, door, ACCESS, pay, *start));
        let outcomes: Vec<_> = world.run_all(requests.collect()).into_iter().map(Option::unwrap).collect();
        let sold = outcomes.iter().filter(|outcome| is_sold(outcome)).count();
        prop_assert_eq!(sold, funds.min(starts.len()), "{:?}", outcomes);
        prop_assert!(outcomes.iter().all(|outcome| is_sold(outcome) || is_short_of_funds(outcome)));
        prop_assert_eq!(world.bounced(), 0);
        check_books(&world);
    }
}

#[test]
fn the_fee_budget_holds_for_payments_at_once_inv_5() {
    let mut world = World::with_doors(8);
    // The budget for newcomers bears three fees at once.
    world.deployment.config.settlement.max_fee_lamports_per_day = 52 * 3 * FEE;
    let payments: Vec<_> = (0..8)
        .map(|number| {
            let (ticket, quote) = world.ticket(DOORS[number], ACCESS, 1);
            world.pay(u8::try_from(number).unwrap() + 1, &ticket, &quote)
        })
        .collect();
    world.chain.set(Chain::ShownFrom(START + 12_000));
    let outcomes = flood(&world, &payments);
    let (sold, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(is_sold);
    assert_eq!((sold.len(), refused.len(), world.charged()), (3, 5, 3));
    assert!(refused.iter().all(|refused| matches!(refused, Err(SaleError::FeeBudget(_)))), "{refused:?}");
    assert_eq!(world.spent_of("newcomers"), 0, "what has landed puts its fee back");
}

#[test]
fn a_balance_that_was_moved_away_covers_nothing_any_more_inv_5() {
    let world = World::with_doors(8);
    world.fund(1, 100 * PRICE);
    world.chain.set(Chain::Drops);
    let payments = payments(&world, 8);
    // This payment stays in flight. It was claimed while there was enough money.
    assert!(matches!(world.buy(DOORS[0], ACCESS, &payments[0]), Some(Ok(Sale::Pending(_)))));
    world.chain.set(Chain::Prompt);
    world.fund(1, 2 * PRICE);
    let doors = DOORS.iter().zip(&payments).skip(1);
    let buys: Vec<_> = doors.map(|(door, payment)| (*door, ACCESS, payment)).collect();
    let outcomes = at_once(&world, &buys);
    // As many are sold as the present balance pays for, and no more.
    assert_eq!(outcomes.iter().filter(|outcome| is_sold(outcome)).count(), 2);
    assert!(outcomes.iter().all(|outcome| is_sold(outcome) || is_short_of_funds(outcome)));
    assert_eq!((world.charged(), world.bounced()), (2, 0));
}
