//! Several wallets that pay for one asset at the same moment, each with money for one minute.

use std::rc::Rc;

use futures::future::join_all;

use super::client::{Payment, Told, Wallet, insist};
use super::{HEALING_MS, any_asset};
use crate::world::{MINUTE_PRICE, World, doors, shared};

/// Comes again and again for as long as the world is open.
pub(super) async fn act(world: Rc<World>, number: usize) {
    while world.is_open.get() {
        world.pause(3_000..40_000).await;
        let fresh = 1_000 * number + usize::try_from(world.draws.within(0..1_000_000)).unwrap_or_default();
        let count = 2 + world.draws.below(2);
        let wallets: Vec<_> = (0..count).map(|at| Wallet::new(&world, fresh + at, MINUTE_PRICE)).collect();
        let asset = match shared(&world.plan).first() {
            Some(asset) if world.draws.happens(7_000) => asset.clone(),
            _ => any_asset(&world),
        };
        let path = format!("/api/v1/access/{asset}");
        let mut paid = Vec::new();
        for wallet in &wallets {
            let Some(offer) = world.price(&path, None).await else { continue };
            let payment = offer.pay(&world, wallet, &path, world.recent_blockhash());
            paid.extend(payment.map(|payment| (wallet, payment)));
        }
        join_all(paid.iter().map(|(wallet, payment)| comes(&world, wallet, payment))).await;
    }
}

/// Pays. Who is told that nothing was charged pays for something else.
async fn comes(world: &Rc<World>, wallet: &Wallet, payment: &Payment) {
    let told = insist(world, payment, world.plan.length + HEALING_MS).await;
    if !matches!(told, Told::Uncharged { .. }) || !world.plan.faults.is_empty() {
        return;
    }
    world.pause(500..3_000).await;
    let Some(door) = world.draws.one_of(&doors(&world.plan)).cloned() else { return };
    let path = format!("/api/v1/access/{door}");
    let Some(offer) = world.price(&path, None).await else { return };
    let Some(payment) = offer.pay(world, wallet, &path, world.recent_blockhash()) else { return };
    let told = insist(world, &payment, world.plan.length + HEALING_MS).await;
    // Others may have the door. But the wallet has all of its money.
    let is_short = matches!(&told, Told::Uncharged { code } if code == "insufficient_funds");
    assert!(!is_short, "money that was not charged can't be spent (inv. 3): {:?}", payment.id);
}
