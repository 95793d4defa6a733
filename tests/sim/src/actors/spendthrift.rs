//! Pays for several assets at once from a balance that covers some of them, and twice for one offer.
//!
//! It moves no money away. So none of its payments may land with an error, which would cost the fee payer a fee.

use std::rc::Rc;

use futures::future::{join, join_all};

use super::client::{Payment, Told, Wallet, insist};
use super::{HEALING_MS, any_asset, assets};
use crate::plan::Fault;
use crate::world::{MINUTE_PRICE, World};

/// Buys for as long as the world is open.
pub(super) async fn act(world: Rc<World>, number: usize) {
    while world.is_open.get() {
        world.pause(3_000..40_000).await;
        let fresh = 1_000 * number + usize::try_from(world.draws.within(0..1_000_000)).unwrap_or_default();
        let wallet = Wallet::new(&world, fresh, 2 * MINUTE_PRICE);
        if world.draws.happens(5_000) {
            pay_for_all(&world, &wallet).await;
        } else {
            pay_twice(&world, &wallet).await;
        }
    }
}

/// Pays for every asset at once. The balance covers two.
async fn pay_for_all(world: &Rc<World>, wallet: &Wallet) {
    let mut payments = Vec::new();
    for asset in assets(world) {
        let path = format!("/api/v1/access/{asset}");
        let Some(offer) = world.price(&path, None).await else { continue };
        payments.extend(offer.pay(world, wallet, &path, world.recent_blockhash()));
    }
    join_all(payments.iter().map(|payment| outcome(world, payment))).await;
    // What a node says of a balance may be old or a lie, and storage may forget what is in flight.
    let unsure = [Fault::NodeLags, Fault::NodeLies, Fault::Fork];
    let is_excused =
        unsure.iter().any(|fault| world.plan.rate(*fault) > 0) || world.audit.borrow().is_impaired();
    let chain = world.chain.borrow();
    for Payment { id, .. } in &payments {
        let has_failed = chain.landed(id).is_some_and(|landed| landed.error.is_some());
        assert!(
            !has_failed || is_excused,
            "a payment that its balance did not cover was sent (inv. 5): {id:?}"
        );
    }
}

/// Pays twice with the ticket of one offer, by two transactions.
async fn pay_twice(world: &Rc<World>, wallet: &Wallet) {
    let path = format!("/api/v1/access/{}", any_asset(world));
    let Some(offer) = world.price(&path, None).await else { return };
    // Some clients write a memo of their own.
    let has_own_memo = world.draws.happens(5_000);
    let pay = || {
        let own = coinop_core::encoding::hex(&world.draws.bytes::<16>());
        let memo = if has_own_memo { Some(own.as_str()) } else { offer.memo.as_deref() };
        let bytes = offer.sign(world, wallet, world.recent_blockhash(), memo)?;
        Some(offer.carry(&bytes, &path, None))
    };
    let first = pay();
    world.exec.sleep(2_000).await;
    let (Some(first), Some(second)) = (first, pay()) else { return };
    if first.id == second.id {
        return;
    }
    let told = join(outcome(world, &first), outcome(world, &second)).await;
    let is_sold = |told: &Told| matches!(told, Told::Sold { .. });
    let is_lost = world.audit.borrow().is_impaired();
    assert!(
        is_lost || !is_sold(&told.0) || !is_sold(&told.1),
        "one ticket was paid twice (inv. 1): {:?} {:?}",
        first.id,
        second.id
    );
}

async fn outcome(world: &Rc<World>, payment: &Payment) -> Told {
    insist(world, payment, world.plan.length + HEALING_MS).await
}
