//! Honest buyers while others besiege the gateway: wallets that come for the first time, and one that has bought before.

use std::rc::Rc;

use super::client::{Told, Wallet, read};
use super::siege_path;
use crate::executor::OUTSIDE;
use crate::world::{SIEGE_PRICE, World};

/// How long a buyer goes on trying, in milliseconds.
const PATIENCE_MS: u64 = 60_000;

/// Sends a new wallet every few seconds, for as long as the world is open.
pub(super) async fn newcomers(world: Rc<World>, number: usize) {
    let mut wallets = 1_000_000 * number;
    while world.is_open.get() {
        world.pause(2_000..20_000).await;
        wallets += 1;
        let wallet = Wallet::new(&world, wallets, SIEGE_PRICE);
        let inside = Rc::clone(&world);
        world.exec.spawn(OUTSIDE, async move {
            let came = inside.exec.now();
            let served = buys(&inside, &wallet).await;
            inside.economy.borrow_mut().newcomers.push((came, served));
        });
    }
}

/// Buys again and again with one wallet, which has bought for the first time before the siege.
pub(super) async fn regular(world: Rc<World>, number: usize) {
    let wallet = Wallet::new(&world, 1_000_000 * number, 10_000 * SIEGE_PRICE);
    while world.is_open.get() {
        let came = world.exec.now();
        let served = buys(&world, &wallet).await;
        world.economy.borrow_mut().regulars.push((came, served));
        world.pause(5_000..20_000).await;
    }
}

/// Buys, trying again while the gateway takes no payment. Returns how long that took; `None` if patience was over first.
async fn buys(world: &Rc<World>, wallet: &Wallet) -> Option<u64> {
    let came = world.exec.now();
    let until = came + PATIENCE_MS;
    let path = siege_path();
    while world.exec.now() < until {
        let Some(offer) = world.price(&path, None).await else { continue };
        world.pause(500..3_000).await;
        let payment = offer.pay(world, wallet, &path, world.recent_blockhash())?;
        loop {
            let answer = world.ask(payment.request.clone()).await;
            match read(answer.as_ref()) {
                Told::Sold { .. } => return Some(world.exec.now() - came),
                // The same payment is sent again, as long as its blockhash lives.
                Told::Unclear if world.exec.now() < until => {}
                Told::Unclear => return None,
                Told::Uncharged { .. } | Told::Used | Told::Owed => break,
            }
            world.pause(1_000..4_000).await;
        }
    }
    None
}
