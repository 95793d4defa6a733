//! Has payments of ever new wallets land with an error, to use up what newcomers may cost the owner.

use std::cell::Cell;
use std::rc::Rc;

use super::client::{Offer, Told, Wallet, read};
use super::siege_path;
use crate::chain::SIGNATURE_LAMPORTS;
use crate::executor::OUTSIDE;
use crate::world::{SIEGE_PRICE, World};

/// Harms for as long as the world is open. Each besieger is one address, with one request at a time.
pub(super) async fn act(world: Rc<World>, number: usize) {
    let mut wallets = 1_000_000 * number;
    while world.is_open.get() {
        wallets += 2;
        let wallet = Wallet::new(&world, wallets, SIEGE_PRICE);
        let haven = Wallet::new(&world, wallets + 1, 0);
        let Some(offer) = world.price(&siege_path(), None).await else { continue };
        // A gateway that takes no newcomers' payments now says so at once. Then the same wallet tries again.
        while world.is_open.get() && !attack(&world, &offer, &wallet, &haven).await {
            world.pause(20..200).await;
        }
    }
}

/// Pays, and moves the money away some time later. Returns whether the wallet is used up.
async fn attack(world: &Rc<World>, offer: &Offer, wallet: &Wallet, haven: &Wallet) -> bool {
    let path = siege_path();
    let Some(payment) = offer.pay(world, wallet, &path, world.recent_blockhash()) else { return true };
    let is_called_off = Rc::new(Cell::new(false));
    let has_moved = Rc::new(Cell::new(false));
    let (least, most) = world.plan.siege.unwrap_or_default();
    let delay = world.draws.within(least..most);
    let (from, to, owner) = (wallet.account, haven.account, wallet.address);
    let (mover, called_off, moved) = (Rc::clone(world), Rc::clone(&is_called_off), Rc::clone(&has_moved));
    world.exec.spawn(OUTSIDE, async move {
        mover.exec.sleep(delay).await;
        if !called_off.get() {
            moved.set(true);
            mover.chain.borrow_mut().transfer_soon(from, to, SIEGE_PRICE, owner);
            mover.economy.borrow_mut().attackers_fees += SIGNATURE_LAMPORTS;
        }
    });
    let answer = world.ask(payment.request).await;
    if matches!(read(answer.as_ref()), Told::Sold { .. }) {
        world.economy.borrow_mut().attackers_price += SIEGE_PRICE;
    }
    is_called_off.set(answer.is_some_and(|answer| answer.status == 503));
    has_moved.get() || !is_called_off.get()
}
