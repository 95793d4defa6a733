//! Pays from one balance for many assets, and takes the money away while the payments travel.

use std::rc::Rc;

use super::assets;
use super::client::Wallet;
use crate::executor::OUTSIDE;
use crate::world::{MINUTE_PRICE, World};

/// Harms for as long as the world is open.
pub(super) async fn act(world: Rc<World>, number: usize) {
    while world.is_open.get() {
        world.pause(5_000..60_000).await;
        let fresh = 1_000 * number + usize::try_from(world.draws.within(0..1_000_000)).unwrap_or_default();
        let wallet = Wallet::new(&world, fresh, 3 * MINUTE_PRICE);
        let haven = Wallet::new(&world, fresh + 500, 0);
        for asset in assets(&world) {
            let path = format!("/api/v1/access/{asset}");
            let Some(offer) = world.price(&path, None).await else { continue };
            let blockhash = world.recent_blockhash();
            let Some(payment) = offer.pay(&world, &wallet, &path, blockhash) else { continue };
            let inside = Rc::clone(&world);
            world.exec.spawn(OUTSIDE, async move { drop(inside.ask(payment.request).await) });
        }
        world.pause(100..2_500).await;
        if world.draws.below(4) == 0 {
            world.chain.borrow_mut().freeze(&wallet.account, true);
            continue;
        }
        let all = 3 * MINUTE_PRICE;
        world.chain.borrow_mut().transfer(wallet.account, haven.account, all, wallet.address);
        // After a fork, what has landed with an error may land again, and then the money is there.
        if world.draws.happens(5_000) {
            world.pause(500..6_000).await;
            world.chain.borrow_mut().transfer(haven.account, wallet.account, all, wallet.address);
        }
    }
}
