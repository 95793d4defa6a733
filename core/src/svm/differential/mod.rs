//! Our decoder and verifier against Solana's own crates: what we take they take, with
//! equal fields; what they take we take, except for the ways named in
//! [`reference::Stricter`].

mod cases;
mod making;
mod reference;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError, TestRunner};
use solana_message::VersionedMessage;
use solana_transaction::versioned::VersionedTransaction;

use self::cases::{Case, cases};
use self::making::{ours, theirs};
use self::reference::{Stricter, Wanted};
use super::TokenProgram;
use super::exact::{self, Requirement};
use super::transaction::Transaction;
use crate::money::Amount;

/// The same every time: what is counted below depends on it.
fn runner(cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(402),
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

/// Every field, read both ways.
fn assert_equal(mine: &Transaction, solana: &VersionedTransaction) -> Result<(), TestCaseError> {
    let message = &solana.message;
    let header = message.header();
    let signatures: Vec<[u8; 64]> = solana.signatures.iter().map(|s| (*s).into()).collect();
    prop_assert_eq!(&mine.signatures, &signatures);
    prop_assert_eq!(mine.message.versioned, matches!(message, VersionedMessage::V0(_)));
    prop_assert_eq!(
        [mine.message.required_signatures, mine.message.readonly_signed, mine.message.readonly_unsigned],
        [
            header.num_required_signatures,
            header.num_readonly_signed_accounts,
            header.num_readonly_unsigned_accounts
        ]
    );
    let accounts: Vec<_> = message.static_account_keys().iter().map(ours).collect();
    prop_assert_eq!(&mine.message.accounts, &accounts);
    prop_assert_eq!(mine.message.blockhash, message.recent_blockhash().to_bytes());
    let instructions: Vec<_> = message
        .instructions()
        .iter()
        .map(|i| (i.program_id_index, i.accounts.clone(), i.data.clone()))
        .collect();
    let read: Vec<_> =
        mine.message.instructions.iter().map(|i| (i.program, i.accounts.clone(), i.data.clone())).collect();
    prop_assert_eq!(read, instructions);
    prop_assert_eq!(&mine.message_bytes, &message.serialize());
    Ok(())
}

/// Reads the bytes both ways; returns what both make of them, and why we refuse.
fn read_both(
    bytes: &[u8],
) -> Result<Option<(Option<Transaction>, VersionedTransaction, Vec<Stricter>)>, TestCaseError> {
    let mine = Transaction::decode(bytes).ok();
    let solana = reference::read(bytes);
    if let Some(mine) = &mine {
        prop_assert_eq!(mine.encode(), bytes, "there is one spelling");
        prop_assert_eq!(mine.message.encode(), mine.message_bytes.clone());
    }
    let Some(solana) = solana else {
        prop_assert!(mine.is_none(), "we read what no node does");
        return Ok(None);
    };
    let ways = reference::stricter_reading(bytes, &solana);
    prop_assert_eq!(mine.is_some(), ways.is_empty(), "{:?}", ways);
    if let Some(mine) = &mine {
        assert_equal(mine, &solana)?;
        prop_assert_eq!(wincode::serialize(&solana).unwrap(), bytes);
    }
    Ok(Some((mine, solana, ways)))
}

fn requirement(wanted: &Wanted) -> Requirement {
    let program = TokenProgram::at(&ours(&wanted.program)).unwrap();
    let mint = ours(&wanted.mint);
    Requirement {
        amount: Amount::new(wanted.amount),
        mint,
        decimals: wanted.decimals,
        program,
        destination: super::associated_token_account(&ours(&wanted.pay_to), &mint, program).unwrap(),
        fee_payer: ours(&wanted.fee_payer),
        memo: wanted.memo.clone().map(|memo| String::from_utf8(memo).unwrap()),
        max_fee_lamports: wanted.max_fee_lamports,
    }
}

/// Checks one case; returns what happened, for the count.
fn compare(case: &Case) -> Result<String, TestCaseError> {
    let bytes = case.bytes();
    let wanted = case.wanted();
    let verdict = exact::verify(&bytes, &requirement(&wanted));
    let Some((_, solana, mut ways)) = read_both(&bytes)? else {
        prop_assert!(verdict.is_err());
        return Ok("unreadable".to_owned());
    };
    let Some((paid, more)) = reference::check(&solana, &wanted) else {
        prop_assert!(verdict.is_err(), "we take what the scheme refuses");
        return Ok(format!("no payment: {}", verdict.unwrap_err().reason()));
    };
    ways.extend(more);
    match verdict {
        Ok(verified) => {
            prop_assert!(ways.is_empty(), "{:?}", ways);
            prop_assert_eq!((theirs(verified.payer), theirs(verified.source)), (paid.payer, paid.source));
            prop_assert_eq!(u128::from(verified.fee_lamports), paid.fee_lamports);
            prop_assert_eq!(verified.transaction.encode(), bytes);
            Ok("a payment".to_owned())
        }
        Err(refusal) => {
            prop_assert!(!ways.is_empty(), "we refuse a payment: {refusal:?}");
            Ok(format!("stricter: {ways:?}"))
        }
    }
}

#[test]
fn what_we_take_solana_takes_and_what_it_takes_we_take_but_for_named_ways_inv_1() {
    let seen = std::cell::RefCell::new(BTreeMap::<String, u32>::new());
    runner(10_000)
        .run(&cases(), |case| {
            *seen.borrow_mut().entry(compare(&case)?).or_default() += 1;
            Ok(())
        })
        .unwrap();
    let seen = seen.into_inner();
    // Worth something only if all of it came up: payments, and each way alone.
    assert!(seen["a payment"] > 1_000, "{seen:#?}");
    for way in Stricter::ALL {
        let alone = seen.get(&format!("stricter: {:?}", [way])).copied().unwrap_or_default();
        assert!(alone > 0, "{way:?} never was the only reason: {seen:#?}");
    }
    let refused = seen.keys().filter(|key| key.starts_with("no payment")).count();
    assert!(refused >= 14, "{seen:#?}");
}

#[test]
fn captured_transactions_are_read_alike_inv_7() {
    for bytes in crate::testkit::vectors::transactions() {
        let (mine, ..) = read_both(&bytes).unwrap().unwrap();
        assert!(mine.is_some());
    }
}
