//! Payments that are not what was offered. None may buy anything.

use std::rc::Rc;

use coinop_core::svm::Transfer;
use serde_json::{Value, json};

use super::any_asset;
use super::client::{Offer, Payment, Told, Wallet, carry_v1, carry_v1_on, read};
use crate::plan::Fault;
use crate::world::World;

/// Where the payer's signature is in a transaction: behind the count of signatures and the fee payer's.
const PAYERS_SIGNATURE: usize = 65;
/// Longer than a quote holds, in milliseconds.
const LATE_MS: u64 = 310_000;

/// Tries one way to pay for something else than what was offered.
pub(super) async fn act(world: &Rc<World>, wallet: &Wallet) {
    let asset = any_asset(world);
    let path = format!("/api/v1/access/{asset}?quantity=1");
    let Some(mut offer) = world.price(&path, None).await else { return };
    let mut at = path.clone();
    let mut change: Box<dyn FnOnce(&mut Transfer<'_>)> = Box::new(|_| {});
    let mut memo = offer.memo.clone();
    let mut is_forged = false;
    let mut carry: fn(&Offer, &[u8], &str) -> Payment = |offer, bytes, at| offer.carry(bytes, at, None);
    let cheaper = coinop_core::Amount::new(offer.amount - 1);
    let what = match world.draws.below(11) {
        0 => {
            change = Box::new(move |transfer| transfer.amount = cheaper);
            "less than the price"
        }
        1 => {
            offer.entry["amount"] = json!(cheaper.to_string());
            change = Box::new(move |transfer| transfer.amount = cheaper);
            "less than the price, as if that were the offer"
        }
        2 => {
            change = Box::new(|transfer| transfer.pay_to = wallet.address);
            "itself"
        }
        3 => {
            is_forged = true;
            "with another signature"
        }
        4 => {
            at = format!("/api/v1/access/{asset}?quantity=3");
            "for one, and wants three"
        }
        5 => {
            let other = any_asset(world);
            if other == asset {
                return;
            }
            at = format!("/api/v1/access/{other}?quantity=1");
            "for another asset"
        }
        6 => {
            alter_ticket(&mut offer, world.draws.below(1_000));
            "with an altered ticket"
        }
        7 => {
            // At another price it would be no memo of ours, and so like one that a wallet has made itself.
            let another = world.price(&path, None).await.filter(|another| another.amount == offer.amount);
            let Some(another) = another else { return };
            memo = another.memo;
            "with the memo of another offer"
        }
        8 => {
            carry = |_, bytes, at| carry_v1(bytes, at);
            "for an offer, and does not show its ticket"
        }
        9 => {
            carry = |_, bytes, at| carry_v1_on("solana", bytes, at);
            memo = Some(coinop_core::encoding::hex(&world.draws.bytes::<16>()));
            "for another network"
        }
        _ => {
            // By a clock that is set back, it is not late.
            if world.plan.rate(Fault::ClockStep) > 0 {
                return;
            }
            world.exec.sleep(LATE_MS).await;
            "long after the offer"
        }
    };
    let blockhash = world.recent_blockhash();
    let signed = offer.sign_instead(world, wallet, blockhash, memo.as_deref(), change);
    let Some(mut bytes) = signed else { return };
    if is_forged {
        bytes[PAYERS_SIGNATURE + world.draws.below(64)] ^= 1;
    }
    let told = read(world.ask(carry(&offer, &bytes, &at).request).await.as_ref());
    assert!(
        !matches!(told, Told::Sold { .. }),
        "a thief has paid {what}, and has a session (inv. 1): {told:?}"
    );
}

/// Changes one character of the ticket.
fn alter_ticket(offer: &mut Offer, at: usize) {
    let Some(ticket) = offer.entry["extra"]["ticket"].as_str().filter(|ticket| !ticket.is_empty()) else {
        return;
    };
    let mut bytes = ticket.as_bytes().to_vec();
    let at = at % bytes.len();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    offer.entry["extra"]["ticket"] = Value::String(String::from_utf8(bytes).unwrap_or_default());
}
