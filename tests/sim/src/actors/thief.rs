//! A thief, who wants a session without paying for it.

use std::rc::Rc;

use super::client::{Told, Wallet, carry_v1, read};
use super::{any_asset, cheat, swindle, trespass};
use crate::world::{MINUTE_PRICE, World};

/// Steals for as long as the world is open.
pub(super) async fn act(world: Rc<World>, number: usize) {
    let wallet = Wallet::new(&world, number, 3 * MINUTE_PRICE);
    while world.is_open.get() {
        world.pause(200..8_000).await;
        match world.draws.below(11) {
            4..=6 => cheat::act(&world, &wallet).await,
            7 => trespass::act(&world).await,
            8.. => swindle::act(&world, number).await,
            0 => present_anothers(&world, &wallet, false).await,
            1 => present_anothers(&world, &wallet, true).await,
            2 => pay_once_for_two(&world, &wallet, true).await,
            _ => pay_once_for_two(&world, &wallet, false).await,
        }
    }
}

/// Presents a transaction of somebody else that is public, as v1 or with a ticket of its own.
async fn present_anothers(world: &Rc<World>, wallet: &Wallet, with_ticket: bool) {
    let theirs: Vec<Vec<u8>> = {
        let chain = world.chain.borrow();
        let others = chain.all_landed().filter(|(_, landed)| landed.transaction.authority != wallet.address);
        others.map(|(_, landed)| landed.transaction.bytes.clone()).collect()
    };
    let Some(bytes) = world.draws.one_of(&theirs).cloned() else { return };
    let path = format!("/api/v1/access/{}", any_asset(world));
    let payment = if with_ticket {
        let Some(offer) = world.price(&path, None).await else { return };
        offer.carry(&bytes, &path, None)
    } else {
        carry_v1(&bytes, &path)
    };
    let told = read(world.ask(payment.request).await.as_ref());
    assert!(!matches!(told, Told::Sold { .. }), "a thief has another's session (inv. 1): {told:?}");
}

/// Sends one payment for two assets at once, or with two tickets.
async fn pay_once_for_two(world: &Rc<World>, wallet: &Wallet, is_v1: bool) {
    let path = format!("/api/v1/access/{}", any_asset(world));
    let other = format!("/api/v1/access/{}", any_asset(world));
    let Some(offer) = world.price(&path, None).await else { return };
    let blockhash = world.recent_blockhash();
    let memo = coinop_core::encoding::hex(&world.draws.bytes::<16>());
    let Some(bytes) = offer.sign(world, wallet, blockhash, Some(&memo)) else { return };
    let (one, two) = if is_v1 {
        (carry_v1(&bytes, &path), carry_v1(&bytes, &other))
    } else {
        let Some(second) = world.price(&other, None).await else { return };
        (offer.carry(&bytes, &path, None), second.carry(&bytes, &other, None))
    };
    let (one, two) = futures::future::join(world.ask(one.request), world.ask(two.request)).await;
    let sessions: Vec<_> = [one, two]
        .iter()
        .filter_map(|answer| match read(answer.as_ref()) {
            Told::Sold { session, .. } => Some(session),
            _ => None,
        })
        .collect();
    assert!(
        sessions.windows(2).all(|pair| pair[0] == pair[1]),
        "one payment has bought two sessions (inv. 1): {sessions:?}"
    );
}
