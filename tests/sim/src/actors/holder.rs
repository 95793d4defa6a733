//! Reserves assets with payments that can't land, because their blockhash is about to die.

use std::rc::Rc;

use super::any_asset;
use super::client::Wallet;
use crate::chain::LIFE;
use crate::world::{MINUTE_PRICE, World};

/// Harms for as long as the world is open.
pub(super) async fn act(world: Rc<World>, number: usize) {
    let wallet = Wallet::new(&world, number, 20 * MINUTE_PRICE);
    while world.is_open.get() {
        world.pause(2_000..30_000).await;
        let path = format!("/api/v1/access/{}", any_asset(&world));
        let Some(offer) = world.price(&path, None).await else { continue };
        let blockhash = {
            let mut chain = world.chain.borrow_mut();
            chain.advance(world.exec.now());
            chain.blocks.of_age(LIFE - world.draws.within(1..4))
        };
        let Some(payment) = offer.pay(&world, &wallet, &path, blockhash) else { continue };
        drop(world.ask(payment.request).await);
    }
}
