//! What the journal says was sold.

use proptest::prelude::*;

use crate::ids::AssetId;
use crate::quote::Operation;
use crate::store::{Sale, SalesTotal};
use crate::testkit::gateway::{extend, sold};
use crate::testkit::keys;
use crate::testkit::platform::Platform;
use crate::testkit::world::World;
use crate::time::Timestamp;

fn sales(world: &World, after: u64, since: Timestamp, asset: Option<&str>, limit: u32) -> Vec<Sale> {
    let platform = Platform::new(world);
    let asset = asset.map(|id| AssetId::parse(id).unwrap());
    world.run(platform.journal.sales(after, since, asset.as_ref(), limit)).unwrap().unwrap()
}

fn totals(world: &World, after: u64) -> (u64, Vec<SalesTotal>) {
    world.run(Platform::new(world).journal.sales_totals(after)).unwrap().unwrap()
}

fn amount(totals: &[SalesTotal]) -> u128 {
    totals.iter().map(|total| total.amount).sum()
}

fn of_asset(totals: &[SalesTotal], asset: &str) -> (u64, u128) {
    let own = totals.iter().filter(|total| total.asset.as_str() == asset);
    own.fold((0, 0), |(sales, amount), total| (sales + total.sales, amount + total.amount))
}

#[test]
fn each_payment_that_bought_something_is_listed_once_with_its_details_inv_1() {
    let world = World::new();
    let (first, payment) = world.bought(1, "door-1", 2);
    let began = world.now();
    // A repeat of the payment is no sale.
    sold(world.buy("door-1", Operation::Access, &payment));
    world.advance(1_000);
    let session = &first.session.session.id;
    let (ticket, quote) = world.ticket("door-1", extend(session), 3);
    let more = sold(world.buy("door-1", extend(session), &world.pay(1, &ticket, &quote)));
    world.bought(2, "door-2", 1);

    let everything = sales(&world, 0, Timestamp::default(), None, 9);
    let numbers: Vec<u64> = everything.iter().map(|sale| sale.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let [one, two, three] = everything.as_slice() else { panic!("{everything:?}") };
    assert_eq!(
        (one.asset.as_str(), one.quantity, one.seconds, one.is_extension),
        ("door-1", 2, Some(120), false)
    );
    assert_eq!((&one.price, &one.payer), (&first.payment.purchase.price, &keys::account(1)));
    assert_eq!((&one.session, &one.transaction), (session, &first.payment.transaction));
    assert_eq!((&two.session, two.quantity, two.is_extension), (session, 3, true));
    assert_eq!(two.transaction, more.payment.transaction);
    assert_ne!(two.transaction, one.transaction);
    assert_eq!((three.asset.as_str(), &three.payer), ("door-2", &keys::account(2)));
    // Pages, an asset, and a time.
    assert_eq!(sales(&world, 0, Timestamp::default(), None, 2), everything[..2]);
    assert_eq!(sales(&world, 2, Timestamp::default(), None, 2), everything[2..]);
    assert_eq!(sales(&world, 0, Timestamp::default(), Some("door-2"), 9), everything[2..]);
    assert_eq!(sales(&world, 0, began.plus_millis(1), None, 9), everything[1..]);
    assert_eq!(sales(&world, 0, Timestamp::from_millis(u64::MAX), None, 9), []);
}

#[test]
fn a_payment_that_bought_nothing_is_no_sale_inv_2() {
    let world = World::new();
    world.fund(1, 10_000);
    let (ticket, quote) = world.ticket("door-1", Operation::Access, 2);
    let refused = world.buy("door-1", Operation::Access, &world.pay(1, &ticket, &quote));
    assert!(refused.unwrap().is_err());
    world.chain.set(crate::testkit::world::Chain::Drops);
    world.fund(1, 1_000_000);
    world.buy("door-1", Operation::Access, &world.pay(1, &ticket, &quote));
    assert_eq!(world.count("head WHERE unsettled IS NOT NULL"), 1);
    assert_eq!((sales(&world, 0, Timestamp::default(), None, 9), totals(&world, 0)), (vec![], (0, vec![])));
}

#[test]
fn a_sale_whose_payment_cannot_be_read_is_an_error_and_not_left_out_inv_2() {
    let world = World::new();
    world.bought(1, "door-1", 1);
    world.database.execute("DELETE FROM payment", []).unwrap();
    let journal = Platform::new(&world).journal;
    let read = world.run(journal.sales(0, Timestamp::default(), None, 9)).unwrap();
    assert!(read.unwrap_err().to_string().contains("the payment of a sale can't be read"));
}

/// An amount that has to be summed up exactly: a small one, one near a power of ten, or one near the largest.
fn atomic() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..2_000_000u64,
        (0..20u32, 0..3u64).prop_map(|(power, more)| 10u64.saturating_pow(power).saturating_add(more) - 1),
        (0..1_000u64).prop_map(|less| u64::MAX - less),
        any::<u64>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// No sum overflows, and no part of an amount is lost to floating point.
    #[test]
    fn totals_are_exact_whatever_the_amounts_are_and_wherever_reading_stopped_inv_5(
        rows in proptest::collection::vec((any::<bool>(), atomic()), 1..40),
        stop in any::<prop::sample::Index>(),
    ) {
        let world = World::new();
        let insert = "INSERT INTO sale (at, asset, payment, network, token, decimals, amount)
            VALUES (1, ?1, ?2, 'solana:x', 'mint', 9, ?3)";
        for (number, (second, amount)) in rows.iter().enumerate() {
            let asset = if *second { "door-2" } else { "door-1" };
            world.database.execute(insert, (asset, number.to_string(), amount.to_string())).unwrap();
        }
        let sum = |second: bool| -> (u64, u128) {
            let own = rows.iter().filter(|row| row.0 == second);
            own.fold((0, 0), |(count, sum), row| (count + 1, sum + u128::from(row.1)))
        };
        let (last, all) = totals(&world, 0);
        prop_assert_eq!(last, u64::try_from(rows.len()).unwrap());
        for (asset, second) in [("door-1", false), ("door-2", true)] {
            prop_assert_eq!(of_asset(&all, asset), sum(second));
        }
        // Who has read up to a number learns what came behind it, and nothing twice.
        let stop = u64::try_from(stop.index(rows.len() + 1)).unwrap();
        let (to, rest) = totals(&world, stop);
        let early: u128 = rows.iter().take(usize::try_from(stop).unwrap()).map(|row| u128::from(row.1)).sum();
        prop_assert_eq!((to, early + amount(&rest)), (last, amount(&all)));
        prop_assert_eq!(totals(&world, last), (last, vec![]));
    }

    #[test]
    fn what_is_listed_as_sold_is_what_the_chain_shows_as_paid_inv_5(
        steps in proptest::collection::vec((0u8..4, 1u64..20, any::<bool>()), 1..12),
    ) {
        let world = World::new();
        let mut running = None;
        for (kind, quantity, wait) in steps {
            match (kind, running.take()) {
                (0, Some(session)) => {
                    let (ticket, quote) = world.ticket("door-1", extend(&session), quantity);
                    world.buy("door-1", extend(&session), &world.pay(1, &ticket, &quote));
                    running = Some(session);
                }
                (1, _) => {
                    world.bought(2, "door-2", quantity);
                    // Longer than the session of the other door can last, with all its extensions.
                    world.advance(300 * 60_000);
                    world.step();
                }
                (_, None) => running = Some(world.bought(1, "door-1", quantity).0.session.session.id),
                (_, Some(session)) => running = Some(session),
            }
            if wait {
                world.advance(300 * 60_000);
                world.step();
                running = None;
            }
        }
        let listed = sales(&world, 0, Timestamp::default(), None, 99);
        let sum: u64 = listed.iter().map(|sale| sale.price.amount.atomic()).sum();
        prop_assert_eq!(sum, world.gained());
        prop_assert_eq!(listed.len(), world.charged());
        prop_assert_eq!(amount(&totals(&world, 0).1), u128::from(world.gained()));
        world.audit_settled();
    }
}
