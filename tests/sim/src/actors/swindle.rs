//! One who pays what was offered, and then wants more for it than that.

use std::rc::Rc;

use coinop_core::svm::Transaction;
use ed25519_dalek::Signer as _;

use super::client::{Offer, Payment, Told, Wallet, insist, read};
use super::{any_asset, owner};
use crate::plan::{Actor, Keeping};
use crate::promises::CATALOGUE_LAG_MS;
use crate::world::{MINUTE_PRICE, World, doors, shared};

/// How long after an offer it is still paid, in milliseconds. A quote holds for five minutes.
const QUOTED_MS: u64 = 250_000;
/// The data of the instruction that sets the price of a compute unit, as clients of x402 write it.
const UNIT_PRICE: [u8; 9] = [3, 1, 0, 0, 0, 0, 0, 0, 0];

/// Tries one way to get more.
pub(super) async fn act(world: &Rc<World>, number: usize) {
    let fresh = 1_000 * number + usize::try_from(world.draws.within(0..1_000_000)).unwrap_or_default();
    let wallet = Wallet::new(world, fresh, 4 * MINUTE_PRICE);
    match world.draws.below(8) {
        0 => misspells(world).await,
        1 => bids_high(world, &wallet).await,
        2 | 3 => waits_for_another_asset(world, &wallet).await,
        _ => pays_once(world, &wallet).await,
    }
}

/// Asks with a parameter that is misspelt. Taken for none, it would buy another quantity.
async fn misspells(world: &Rc<World>) {
    let path = format!("/api/v1/access/{}?quantitiy=3", any_asset(world));
    let offer = world.price(&path, None).await;
    assert!(offer.is_none(), "another quantity is offered than was asked for (inv. 6): {offer:?}");
}

/// Pays a high fee out of the fee payer's pocket. What it may cost is checked with each claim.
async fn bids_high(world: &Rc<World>, wallet: &Wallet) {
    let path = format!("/api/v1/access/{}", any_asset(world));
    let Some(offer) = world.price(&path, None).await else { return };
    let Some(bytes) = offer.sign(world, wallet, world.recent_blockhash(), offer.memo.as_deref()) else {
        return;
    };
    let price = [200_000_u64, 600_000, 4_000_000, 400_000_000][world.draws.below(4)];
    let Some(bytes) = with_unit_price(&bytes, price, wallet) else { return };
    drop(world.ask(offer.carry(&bytes, &path, None).request).await);
}

/// Signs a transaction anew with this price of a compute unit, in millionths of a lamport.
fn with_unit_price(bytes: &[u8], price: u64, wallet: &Wallet) -> Option<Vec<u8>> {
    let mut transaction = Transaction::decode(bytes).ok()?;
    let instruction = transaction.message.instructions.iter_mut().find(|it| it.data == UNIT_PRICE)?;
    instruction.data[1..].copy_from_slice(&price.to_le_bytes());
    transaction.message_bytes = transaction.message.encode().ok()?;
    transaction.signatures[1] = wallet.key.sign(&transaction.message_bytes).to_bytes();
    transaction.encode().ok()
}

/// Pays for an asset with an offer for the one that had its id before.
async fn waits_for_another_asset(world: &Rc<World>, wallet: &Wallet) {
    if !world.plan.actors.contains(&Actor::Owner) {
        return;
    }
    let Some(asset) = world.draws.one_of(&owner::made()).cloned() else { return };
    let path = format!("/api/v1/access/{asset}");
    let Some(offer) = world.price(&path, None).await else { return };
    let deleted_at = || world.promises.borrow().deleted_at(&asset);
    let (before, until) = (deleted_at(), world.exec.now() + QUOTED_MS);
    // On shards, the catalogue may show the deleted asset for a minute.
    let lag = if world.plan.keeping == Keeping::Sharded { CATALOGUE_LAG_MS } else { 0 };
    while world.is_open.get() && world.exec.now() < until {
        world.pause(2_000..9_000).await;
        let deleted = deleted_at().filter(|at| Some(*at) != before);
        let is_known = deleted.is_some_and(|at| at + lag < world.exec.now());
        if !is_known || !world.promises.borrow().is_offered(&asset) {
            continue;
        }
        let Some(payment) = offer.pay(world, wallet, &path, world.recent_blockhash()) else { return };
        let told = read(world.ask(payment.request).await.as_ref());
        let is_sold = matches!(told, Told::Sold { .. });
        assert!(
            !is_sold,
            "an offer for an asset that was deleted has bought the next one (inv. 1): {told:?}"
        );
        return;
    }
}

/// Buys a minute, and shows the payment where it has bought nothing.
async fn pays_once(world: &Rc<World>, wallet: &Wallet) {
    let asset = match shared(&world.plan).first() {
        Some(asset) if world.draws.happens(3_000) => asset.clone(),
        _ => world.draws.one_of(&doors(&world.plan)).cloned().unwrap_or_default(),
    };
    let path = format!("/api/v1/access/{asset}?quantity=1");
    let spare = world.price(&path, None).await;
    let Some(offer) = world.price(&path, None).await else { return };
    let Some(bytes) = offer.sign(world, wallet, world.recent_blockhash(), offer.memo.as_deref()) else {
        return;
    };
    let told = insist(world, &offer.carry(&bytes, &path, None), world.exec.now() + 60_000).await;
    let Told::Sold { token, .. } = told else { return };
    let extend = format!("/api/v1/access/{asset}/extend");
    let (payment, what) = match world.draws.below(4) {
        0 => {
            let three = format!("/api/v1/access/{asset}?quantity=3");
            (offer.carry(&bytes, &three, None), "three minutes for one")
        }
        1 => {
            let other = any_asset(world);
            if other == asset {
                return;
            }
            (offer.carry(&bytes, &format!("/api/v1/access/{other}"), None), "another asset")
        }
        2 => (bearing(offer.carry(&bytes, &extend, None), &token), "an extension of what it has bought"),
        _ => {
            let Some(spare) =
                spare.and_then(|spare: Offer| spare.pay(world, wallet, &path, world.recent_blockhash()))
            else {
                return;
            };
            let mut payment = bearing(spare, &token);
            extend.clone_into(&mut payment.request.path);
            payment.request.query = None;
            (payment, "an extension for the price of a session")
        }
    };
    let told = read(world.ask(payment.request).await.as_ref());
    assert!(!matches!(told, Told::Sold { .. }), "a swindler gets {what} (inv. 1): {told:?}");
}

/// Adds the bearer of a session to a payment.
fn bearing(mut payment: Payment, token: &str) -> Payment {
    payment.request.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    payment
}
