//! Compares the core's decoder and verifier with Solana's own crates. What the core accepts, they accept with
//! equal fields. What they accept, the core accepts too, except for the reasons in [`reference::Stricter`].

mod cases;
mod guards;
mod making;
mod reference;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError, TestRunner};
use solana_message::VersionedMessage;
use solana_transaction::versioned::VersionedTransaction;

use self::cases::{Case, cases};
use self::guards::{Facts, Role};
use self::making::{ours, theirs};
use self::reference::{Paid, Stricter, Wanted};
use super::TokenProgram;
use super::exact::{self, Refusal, Requirement, VerifiedPayment};
use super::lighthouse::GuardedAccount;
use super::transaction::Transaction;
use crate::money::Amount;

/// Returns a runner that is the same every time, because the counts below depend on it.
fn runner(cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(402),
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

/// Compares every field of the two readings.
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

/// Reads the bytes both ways. Returns both readings, and why the core refuses.
fn read_both(
    bytes: &[u8],
) -> Result<Option<(Option<Transaction>, VersionedTransaction, Vec<Stricter>)>, TestCaseError> {
    let mine = Transaction::decode(bytes).ok();
    let solana = reference::read(bytes);
    if let Some(mine) = &mine {
        prop_assert_eq!(mine.encode().unwrap(), bytes, "there is one spelling");
        prop_assert_eq!(mine.message.encode().unwrap(), mine.message_bytes.clone());
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
        max_fee_lamports: wanted.max_fee_lamports,
    }
}

/// Returns the core's verdict about the bytes, including the memo.
fn verdict(bytes: &[u8], wanted: &Wanted) -> Result<VerifiedPayment, Refusal> {
    let payment = exact::verify(bytes, &requirement(wanted))?;
    match &wanted.memo {
        Some(_) if payment.memo.is_none() => Err(Refusal::MemoCount),
        Some(memo) if payment.memo.as_ref() != Some(memo) => Err(Refusal::Memo),
        _ => Ok(payment),
    }
}

fn role(account: GuardedAccount) -> Role {
    match account {
        GuardedAccount::FeePayer => Role::FeePayer,
        GuardedAccount::Payer => Role::Payer,
        GuardedAccount::Source => Role::Source,
        GuardedAccount::Destination => Role::Destination,
    }
}

/// Returns everything that is known of a payment, in the reference's own types.
fn paid(payment: &VerifiedPayment) -> Paid {
    let guards = payment.guards.list.iter().map(|guard| (usize::from(guard.position), role(guard.account)));
    Paid {
        payer: theirs(payment.payer),
        source: theirs(payment.source),
        fee_lamports: u128::from(payment.fee_lamports),
        memo: payment.memo.clone(),
        transfer_at: usize::from(payment.transfer_at),
        guards: guards.collect(),
        facts: Facts { exclusive: payment.guards.exclusive_source, floor: payment.guards.fee_payer_floor },
    }
}

/// Checks one case and returns what happened, for the count.
fn compare(case: &Case) -> Result<String, TestCaseError> {
    let bytes = case.bytes();
    let wanted = case.wanted();
    let verdict = verdict(&bytes, &wanted);
    let Some((_, solana, mut ways)) = read_both(&bytes)? else {
        prop_assert!(verdict.is_err());
        return Ok("unreadable".to_owned());
    };
    let Some((expected, more)) = reference::check(&solana, &wanted) else {
        prop_assert!(verdict.is_err(), "we take what the scheme refuses");
        return Ok(format!("no payment: {}", verdict.unwrap_err().reason()));
    };
    ways.extend(more);
    match verdict {
        Ok(verified) => {
            prop_assert!(ways.is_empty(), "{:?}", ways);
            prop_assert_eq!(paid(&verified), expected);
            prop_assert_eq!(verified.fee_payer, ours(&wanted.fee_payer));
            prop_assert_eq!(verified.transaction.encode().unwrap(), bytes);
            Ok(format!("a payment with {} guards", verified.guards.list.len().min(4)))
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
    // The test has value only if every kind came up: payments, and each reason alone.
    for (guards, least) in [(0, 500), (1, 100), (2, 100), (3, 100), (4, 100)] {
        assert!(seen[&format!("a payment with {guards} guards")] > least, "{seen:#?}");
    }
    let times = |ways: &[Stricter]| seen.get(&format!("stricter: {ways:?}")).copied().unwrap_or_default();
    for way in Stricter::ALL.into_iter().filter(|way| *way != Stricter::MoreSigners) {
        assert!(times(&[way]) > 0, "{way:?} never was the only reason: {seen:#?}");
    }
    // An additional signer is always an account that no payment has.
    assert!(times(&[Stricter::MemoOfAnother, Stricter::MoreSigners]) > 0, "{seen:#?}");
    let refused = seen.keys().filter(|key| key.starts_with("no payment")).count();
    assert!(refused >= 18, "{seen:#?}");
}

#[test]
fn an_allowed_guard_changed_in_any_byte_is_judged_alike_by_both_readings() {
    let (mut still, mut refused) = (0, 0);
    for token_2022 in [false, true] {
        let program = if token_2022 { TokenProgram::Token2022 } else { TokenProgram::Spl };
        for (account, data) in super::lighthouse::tests::allowed_guards(program) {
            let role = role(account);
            for (at, byte) in (0..data.len()).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
                let mut data = data.clone();
                data[at] = byte;
                let mine = super::lighthouse::tests::read_as(account, &data, program);
                let theirs = guards::has_form(&data)
                    .then(|| guards::allowed(&data, role, &theirs(program.address()), token_2022))
                    .flatten();
                let mine = mine.ok().map(|guards| Facts {
                    exclusive: guards.exclusive_source,
                    floor: guards.fee_payer_floor,
                });
                assert_eq!(mine, theirs, "{account:?} {data:?}");
                *(if mine.is_some() { &mut still } else { &mut refused }) += 1;
            }
        }
    }
    // A hash, an address or a number may have any other value.
    assert!(still > 10_000 && refused > 10_000, "{still} {refused}");
}

#[test]
fn captured_transactions_are_read_alike_inv_7() {
    for bytes in crate::testkit::vectors::transactions() {
        let (mine, ..) = read_both(&bytes).unwrap().unwrap();
        assert!(mine.is_some());
    }
}
