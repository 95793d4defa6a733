//! A payment that the journal does not know is found on the chain, and only that payment.

use serde_json::{Value, json};

use super::chain::{SIGNATURES, TRANSACTION, listed};
use super::node::Reply;
use super::*;
use crate::error::SettleError;
use crate::ports::Found;

/// Returns a settlement whose fee payer's key is not the one that the payment names.
fn with_another_key(world: &World) -> LocalSettlement<&Node> {
    let fee_payers = FeePayers::new(vec![keys::numbered(77)], &keys::address(&keys::merchant()));
    LocalSettlement::new(Rpc::new(&world.node, URL.to_owned()), fee_payers.unwrap())
}

fn find(settlement: &LocalSettlement<&Node>) -> Result<Option<Found>, SettleError> {
    block_on(settlement.find(&verified(&FIXTURE.payment, TokenProgram::Spl), NOW))
}

/// Lets the node list these transactions, each with the payment's memo.
fn list(world: &World, signatures: &[&str]) {
    let entry = |signature: &&str| {
        let mut entry = listed(signature, 5_001, &None);
        entry["memo"] = json!(format!("[33] {MEMO_TEXT}"));
        entry
    };
    world.node.always(SIGNATURES, Reply::Result(signatures.iter().map(entry).collect::<Value>()));
}

#[test]
fn while_its_fee_payers_key_is_there_a_payment_is_found_by_its_id_and_no_copy_of_its_memo_hides_it_inv_2() {
    let world = World::new();
    assert_eq!(find(&world.settlement()).unwrap(), None);
    world.landed(40);
    world.node.reset();
    let found = find(&world.settlement()).unwrap().unwrap();
    assert_eq!(found.rail.exact().signature, FIXTURE.claim.rail.exact().signature);
    assert_eq!(world.node.methods(), [TRANSACTION], "one call, however many copies of the memo there are");
    let failed = World::new();
    failed.failed(40);
    assert_eq!(find(&failed.settlement()).unwrap(), None, "what landed with an error has paid nothing");
}

#[test]
fn without_that_key_it_is_found_by_its_memo_and_message_inv_2() {
    let world = World::new();
    world.landed(40);
    let own = FIXTURE.claim.rail.exact().signature.clone();
    list(&world, &[&own]);
    let found = find(&with_another_key(&world)).unwrap().unwrap();
    assert_eq!(found.rail.exact().signature, own);
    // Another payment with the same memo is not this one.
    let mut other = (*FIXTURE.other.transaction).clone();
    other.signatures[0] = [5; 64];
    let id = bs58::encode(other.signatures[0]).into_string();
    let landed = super::chain::Landed { bytes: other.encode().unwrap(), slot: 5_001, error: None };
    world.node.chain().landed.push(landed);
    list(&world, &[&id]);
    assert_eq!(find(&with_another_key(&world)).unwrap(), None);
}

#[test]
fn copies_of_a_memo_make_it_unclear_and_never_say_that_the_payment_has_not_landed_inv_3() {
    let world = World::new();
    world.landed(40);
    // A node lists what it can't show.
    list(&world, &["copy"]);
    assert!(find(&with_another_key(&world)).is_err());
    let mut ids = Vec::new();
    for number in 1..=5_u8 {
        let mut copy = (*FIXTURE.other.transaction).clone();
        copy.signatures[0] = [number; 64];
        ids.push(bs58::encode(copy.signatures[0]).into_string());
        let landed = super::chain::Landed { bytes: copy.encode().unwrap(), slot: 5_001, error: None };
        world.node.chain().landed.push(landed);
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    list(&world, &ids[..4]);
    assert_eq!(find(&with_another_key(&world)).unwrap(), None);
    list(&world, &ids);
    assert!(find(&with_another_key(&world)).is_err(), "it may stand behind them");
}
