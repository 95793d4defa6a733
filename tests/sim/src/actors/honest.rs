//! An honest buyer, who signs only when told that the last payment was not charged.

use std::rc::Rc;

use super::client::{Payment, Told, Wallet, get, insist};
use super::{HEALING_MS, any_asset};
use crate::world::{MINUTE_PRICE, World};

/// Buys and extends sessions for as long as the world is open.
pub(super) async fn act(world: Rc<World>, number: usize, is_v1: bool) {
    let wallet = Wallet::new(&world, number, 40 * MINUTE_PRICE);
    let mut last = None;
    while world.is_open.get() {
        world.pause(500..20_000).await;
        let asset = any_asset(&world);
        let quantity = 1 + world.draws.within(0..3);
        let path = format!("/api/v1/access/{asset}?quantity={quantity}");
        let Some(payment) = sign(&world, &wallet, &path, is_v1, None).await else { continue };
        // Some give up and walk away: what they have paid is theirs all the same.
        let leaves = world.draws.happens(1_000);
        if leaves {
            drop(world.ask(payment.request).await);
            continue;
        }
        let mut told = outcome(&world, &payment).await;
        while let Told::Sold { session, token } = told {
            check_session(&world, &payment, &session);
            if world.draws.happens(3_000) {
                world.pause(100..20_000).await;
                repeat(&world, &payment, &session, is_v1).await;
            }
            last = Some((payment.clone(), session.clone()));
            if !world.is_open.get() || world.draws.happens(5_000) {
                break;
            }
            world.pause(1_000..40_000).await;
            if world.draws.happens(1_000) {
                stop(&world, &session, &token).await;
                break;
            }
            let path = format!("/api/v1/access/{asset}/extend?quantity=1");
            let Some(more) = sign(&world, &wallet, &path, false, Some(&token)).await else { break };
            told = outcome(&world, &more).await;
        }
    }
    world.exec.sleep_until(world.plan.length + HEALING_MS).await;
    if let Some((payment, session)) = last {
        repeat(&world, &payment, &session, is_v1).await;
    }
}

/// Sends a payment again that has bought something. Its buyer gets the same session, whatever has happened since. A payment
/// without a ticket gets nothing, because anybody can send it (invariant 1).
async fn repeat(world: &Rc<World>, payment: &Payment, session: &str, is_v1: bool) {
    let told = insist(world, payment, world.plan.length + HEALING_MS + 60_000).await;
    let audit = world.audit.borrow();
    let is_right = match &told {
        Told::Sold { session: again, .. } => !is_v1 && again == session,
        Told::Used => is_v1,
        _ => false,
    };
    assert!(
        is_right || audit.is_impaired(),
        "a payment that has bought a session gets something else the second time (inv. 1): {told:?}"
    );
}

/// Stops a session before its paid end.
async fn stop(world: &Rc<World>, session: &str, token: &str) {
    let mut request = get(&format!("/api/v1/sessions/{session}/stop"), Some(token));
    request.method = "POST".to_owned();
    drop(world.ask(request).await);
}

async fn sign(
    world: &Rc<World>,
    wallet: &Wallet,
    path: &str,
    is_v1: bool,
    bearer: Option<&str>,
) -> Option<Payment> {
    let offer = world.price(path, bearer).await?;
    world.pause(100..8_000).await;
    let blockhash = world.recent_blockhash();
    world.pause(0..2_000).await;
    let mut payment = if is_v1 {
        offer.pay_v1(world, wallet, path, blockhash)?
    } else {
        offer.pay(world, wallet, path, blockhash)?
    };
    if let Some(token) = bearer {
        payment.request.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    world.trace.note(world.exec.now(), || format!("{} signed for {path}", &payment.id.as_str()[..8]));
    Some(payment)
}

/// Asks until the outcome is certain. It must be, once the world has healed.
async fn outcome(world: &Rc<World>, payment: &Payment) -> Told {
    let told = insist(world, payment, world.plan.length + HEALING_MS).await;
    let is_lost = world.audit.borrow().is_impaired();
    assert!(
        told != Told::Unclear || is_lost,
        "a buyer is never told what became of a payment (liveness): {:?}",
        payment.id
    );
    told
}

/// Checks that what a buyer was given is what the books say.
fn check_session(world: &World, payment: &Payment, session: &str) {
    let audit = world.audit.borrow();
    if audit.is_lost(&payment.id) {
        return;
    }
    let known = audit.books.payment(&payment.id);
    assert!(
        known.as_ref().is_some_and(|paid| paid.is_granted && paid.session.as_str() == session),
        "told of a session that is not in the books (inv. 1): {known:?}"
    );
}
