//! What payments that fail may cost the owner, and whom that keeps from buying.

use super::request;
use super::theft::doctored;
use crate::gateway::{Gateway, Sale, SaleError};
use crate::money::Decimal;
use crate::ports::{Claims as _, Clock as _};
use crate::quote::Operation;
use crate::svm::Message;
use crate::testkit::platform::Platform;
use crate::testkit::world::World;

const ACCESS: Operation = Operation::Access;
/// What each payment here takes, in atomic units. It is worth 50,000 lamports.
const PRICE: u64 = 10_000;
/// What each payment costs the fee payer, in lamports.
const FEE: u64 = 10_001;
/// How long the pause before a second simulation is in these worlds, in milliseconds.
const FIRST_PAUSE: u64 = 300;

/// Returns a world with this many doors, in which newcomers' payments may cost this many fees at once.
fn world(doors: u32, fees: u64) -> World {
    let mut world = World::with_doors(doors);
    world.deployment.config.settlement.max_fee_lamports_per_day = 52 * fees * FEE;
    world
}

/// Buys one unit, and has the payer's money moved away this many milliseconds after the request.
fn buy_and_move_away(world: &World, who: u8, door: &str, after: u64) -> Result<Sale, SaleError> {
    world.fund(who, PRICE);
    let (ticket, quote) = world.ticket(door, ACCESS, 1);
    let payment = world.pay(who, &ticket, &quote);
    let platform = Platform::new(world);
    let gateway = Gateway::new(&world.deployment, &platform);
    let mut outcomes = world.run_all(vec![
        request(world, &gateway, door, ACCESS, &payment, 0),
        Box::pin(async {
            world.sleep(after).await;
            world.fund(who, 0);
            Err(SaleError::AlreadyUsed)
        }),
    ]);
    outcomes.remove(0).unwrap()
}

/// Has a payment of a wallet land with an error, after it passed as many simulations as it has to.
fn bounce(world: &World, who: u8, door: &str) {
    for after in [15, FIRST_PAUSE + 15, FIRST_PAUSE + 25, FIRST_PAUSE + 35] {
        let before = world.bounced();
        let outcome = buy_and_move_away(world, who, door, after);
        assert!(matches!(outcome, Err(SaleError::Refused { .. })), "{outcome:?}");
        if world.bounced() > before {
            return;
        }
    }
    panic!("it did not bounce");
}

fn buy(world: &World, who: u8, door: &str) -> Result<Sale, SaleError> {
    let (ticket, quote) = world.ticket(door, ACCESS, 1);
    world.buy(door, ACCESS, &world.pay(who, &ticket, &quote)).unwrap()
}

/// What a minute earns for its wallet's trust, and as much for a budget: half of 0.01 USDC, less the fee.
const EARNED: u64 = (50_000 - FEE) / 2;

/// Sells a minute at a door, and lets it pass.
fn become_a_regular(world: &World, who: u8, door: &str) {
    world.bought(who, door, 1);
    world.work_devices();
    assert_eq!(world.trust_of(who), 0, "nothing is earned before the session is over");
    world.advance(60_000);
    world.work_devices();

    assert_eq!(world.trust_of(who), EARNED);
}

fn is_sold(outcome: &Result<Sale, SaleError>) -> bool {
    matches!(outcome, Ok(Sale::Sold(_)))
}

#[test]
fn payments_that_bounce_keep_out_newcomers_for_a_while_and_never_who_has_bought_before_inv_5() {
    let world = world(5, 4);
    become_a_regular(&world, 1, "door-1");
    assert_eq!(
        world.spent_of("newcomers"),
        0,
        "the sale has put its fee back, and could not fill what was full"
    );
    for who in [2, 3, 4, 5] {
        bounce(&world, who, "door-2");
    }
    assert!(world.spent_of("newcomers") > 3 * FEE, "all but what time has put back");
    let prepares = world.prepares.get();
    let until = match buy(&world, 6, "door-2") {
        Err(SaleError::FeeBudget(until)) => until,
        other => panic!("{other:?}"),
    };
    assert_eq!(world.prepares.get(), prepares, "the chain is not asked for what is not sent");
    assert!(is_sold(&buy(&world, 1, "door-3")), "who has bought before buys");
    assert!(until > world.now(), "{until:?}");
    world.advance(until.millis_since(world.now()));
    assert!(is_sold(&buy(&world, 6, "door-2")), "newcomers buy once a fee has come back");
    world.audit();
}

#[test]
fn a_session_puts_half_of_what_it_earned_into_the_budget_once_it_is_over_inv_5() {
    let world = world(6, 4);
    for who in [2, 3, 4] {
        bounce(&world, who, "door-2");
    }
    let before = world.spent_of("newcomers");
    assert!(is_sold(&buy(&world, 5, "door-2")));
    let sold = world.spent_of("newcomers");
    assert!(sold + FEE > before, "{before} and {sold}: only time and its own fee have come back");
    world.work_devices();
    world.advance(60_000);
    world.work_devices();
    let after = world.spent_of("newcomers");
    assert!(after <= sold - EARNED, "{sold} and {after}");
    assert_eq!(world.trust_of(5), EARNED);
}

#[test]
fn a_wallet_may_cost_half_of_what_it_has_earned_and_is_a_newcomer_after_that_inv_5() {
    let world = world(8, 4);
    become_a_regular(&world, 1, "door-1");
    bounce(&world, 1, "door-2");
    // Its wait grows, up to 64 minutes.
    world.advance(64 * 60_000);
    assert_eq!((world.trust_of(1), world.spent_of("newcomers")), (EARNED - FEE, 0));
    bounce(&world, 1, "door-2");
    assert_eq!((world.trust_of(1), world.spent_of("newcomers")), (EARNED - FEE, FEE));
    world.audit();
}

#[test]
fn once_half_is_spent_money_that_moves_away_is_seen_before_anything_is_claimed_inv_5() {
    let world = world(6, 4);
    for who in [2, 3] {
        bounce(&world, who, "door-2");
    }
    let (prepares, written) = (world.prepares.get(), world.count("journal"));
    let outcome = buy_and_move_away(&world, 4, "door-2", 15);
    assert!(matches!(outcome, Err(SaleError::Refused { reason: "insufficient_funds", .. })), "{outcome:?}");
    assert_eq!((world.prepares.get(), world.count("journal")), (prepares + 2, written));
    assert_eq!(world.bounced(), 2);
    assert!(is_sold(&buy(&world, 5, "door-2")), "an honest newcomer only waits a little longer");
}

#[test]
fn newcomers_that_come_at_once_never_cost_more_than_their_budget_inv_5() {
    let mut most = 0;
    let all = (10..200).step_by(20).chain([u32::MAX]);
    for (killed, after) in all.flat_map(|killed| [5, 15, 25, 35].map(|after| (killed, after))) {
        let world = world(8, 3);
        world.blow_at(killed);
        let platform = Platform::new(&world);
        let gateway = Gateway::new(&world.deployment, &platform);
        let doors: Vec<_> = (1..=8).map(|number| format!("door-{number}")).collect();
        let payments: Vec<_> = doors
            .iter()
            .zip(2..)
            .map(|(door, who)| {
                world.fund(who, PRICE);
                let (ticket, quote) = world.ticket(door, ACCESS, 1);
                world.pay(who, &ticket, &quote)
            })
            .collect();
        let mut requests: Vec<_> = doors
            .iter()
            .zip(&payments)
            .map(|(door, payment)| request(&world, &gateway, door, ACCESS, payment, 0))
            .collect();
        // They all move their money away once some have passed the second simulation.
        requests.push(Box::pin(async {
            world.sleep(FIRST_PAUSE + after).await;
            (2..10).for_each(|who| world.fund(who, 0));
            Err(SaleError::AlreadyUsed)
        }));
        world.run_all(requests);
        assert!(world.bounced() <= 3, "{} killed at {killed}, {after}", world.bounced());
        most = most.max(world.bounced());
        world.audit();
    }
    assert_eq!(most, 3, "all that may bounce do");
}

#[test]
fn a_sale_that_earns_less_than_twice_its_fee_is_bounded_by_a_budget_of_its_own_inv_5() {
    let mut world = world(2, 4);
    world.deployment.config.assets[0].tariff.price = Decimal::parse("0.001").unwrap();
    let most = world.deployment.config.settlement.max_fee_lamports_per_day / 6;
    let mut sold = 0;
    let refused = loop {
        match buy(&world, 1, "door-1") {
            Ok(_) => sold += 1,
            refused => break refused,
        }
        world.advance(61_000);
        world.step();
        assert!(sold < 1_000);
    };
    assert!(matches!(refused, Err(SaleError::FeeBudget(_))), "{refused:?}");
    let least = most / FEE;
    assert!((least..=least + 3).contains(&sold), "{sold} of {least}");
    assert!(is_sold(&buy(&world, 2, "door-2")), "what earns enough is sold");
}

#[test]
fn a_newcomer_may_not_ask_for_as_high_a_fee_as_who_has_bought_before() {
    let world = World::new();
    // 20,000 units at this price: 10,000 lamports for the signatures, and 2,001.
    let dear = |who| {
        doctored(&world, who, |message: &mut Message| {
            message.instructions[1].data[1..].copy_from_slice(&100_050_u64.to_le_bytes());
        })
    };
    let outcome = world.buy("door-1", ACCESS, &dear(1)).unwrap();
    let Err(SaleError::Refused { reason, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(reason.ends_with("compute_price_instruction_too_high"), "{reason}");
    assert_eq!(world.count("journal"), 0);
    become_a_regular(&world, 1, "door-2");
    assert!(is_sold(&world.buy("door-1", ACCESS, &dear(1)).unwrap()));
}

#[test]
fn money_that_is_owed_back_earns_no_trust_inv_5() {
    let world = world(1, 100);
    let Ok(Sale::Sold(sold)) = buy(&world, 1, "door-1") else { panic!("a sale") };
    world.work_devices();
    let session = sold.session.session;
    let platform = Platform::new(&world);
    let gateway = Gateway::new(&world.deployment, &platform);
    let stream = sold.session.stream.clone();
    assert!(world.run(gateway.stop(&stream, &session.id)).unwrap().is_ok());
    world.work_devices();
    // All but the first moment is owed.
    let record = world.run(platform.journal.session(&session.id)).unwrap().unwrap().unwrap();
    assert!(record.ended);
    let owed = record.session.delivery.owed.atomic();
    assert_eq!(world.trust_of(1), ((10_000 - owed) * 5 - FEE) / 2);
    assert_eq!(owed, 10_000 - (2 * FEE).div_ceil(5), "all but twice the network fee");
    world.audit_settled();
}
