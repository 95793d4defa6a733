//! What a payment leaves in the account that pays it.

use serde_json::json;

use super::chain::{SIMULATE, account, token_account};
use super::node::Reply;
use super::*;
use crate::svm::Address;
use crate::svm::programs::{SPL_TOKEN, TOKEN_2022};

const MINE: Address = Address::new([7; 32]);

/// Returns the answer that shows the paying account like this after the payment.
fn leaves(owner: &str, data: &[u8]) -> Reply {
    Reply::Result(json!({
        "context": { "slot": 5_000 },
        "value": { "err": null, "accounts": [account(owner, data, 2_039_280), account("11111111111111111111111111111111", &[], 1)] },
    }))
}

/// Returns what the payment leaves its payer, if the node shows the account like this.
fn left(owner: &str, data: &[u8]) -> Result<u64, PrepareError> {
    let world = World::new();
    world.node.always(SIMULATE, leaves(owner, data));
    world.prepare(&FIXTURE.payment).map(|prepared| prepared.balances.unwrap().remaining.atomic())
}

/// Returns the paying account's data, with this owner and amount.
fn held(owner: &Address, amount: u64, delegated: Option<(&Address, u64)>) -> Vec<u8> {
    token_account(&token(TokenProgram::Spl).mint, owner, amount, delegated)
}

#[test]
fn what_is_left_is_what_the_account_holds_after_the_payment() {
    // The node shows the account as the payment would leave it: 25,000 less 10,000.
    assert_eq!(FIXTURE.prepared.balances.unwrap().remaining, Amount::new(15_000));
    for amount in [0, 1, 9_999, u64::from(u32::MAX) + 1, u64::MAX] {
        assert_eq!(left(&SPL_TOKEN.to_string(), &held(&FIXTURE.payment.payer, amount, None)), Ok(amount));
    }
}

#[test]
fn a_delegated_sum_that_is_smaller_than_the_balance_is_all_that_is_left() {
    let (payer, spl) = (&FIXTURE.payment.payer, SPL_TOKEN.to_string());
    for (owner, delegate, delegated, expected) in [
        (payer, payer, 4_000, 4_000),
        (payer, payer, 90_000, 50_000),
        (payer, &MINE, 4_000, 50_000),
        (&MINE, payer, 4_000, 4_000),
        (&MINE, &MINE, 4_000, 0),
    ] {
        let data = held(owner, 50_000, Some((delegate, delegated)));
        assert_eq!(left(&spl, &data), Ok(expected), "{owner} {delegate} {delegated}");
    }
    assert_eq!(left(&spl, &held(&MINE, 50_000, None)), Ok(0), "nothing is delegated any more");
}

#[test]
fn an_account_that_cant_be_read_refuses_nobody_and_claims_nothing_inv_3() {
    let good = held(&FIXTURE.payment.payer, 50_000, None);
    let (mut other_mint, mut odd_delegate) = (good.clone(), good.clone());
    other_mint[0] ^= 1;
    odd_delegate[72] = 2;
    let spl = SPL_TOKEN.to_string();
    let cases = [
        ("another program's", TOKEN_2022.to_string(), good.clone()),
        ("nobody's", "11111111111111111111111111111111".to_owned(), good.clone()),
        ("of another mint", spl.clone(), other_mint),
        ("with a delegate that is none", spl.clone(), odd_delegate),
        ("empty", spl.clone(), vec![]),
        ("a mint", spl.clone(), good[..82].to_vec()),
        ("too short", spl.clone(), good[..164].to_vec()),
    ];
    for (name, owner, data) in cases {
        assert!(matches!(left(&owner, &data), Err(PrepareError::Unavailable(_))), "{name}");
    }
    assert_eq!(left(&spl, &good), Ok(50_000));
}
