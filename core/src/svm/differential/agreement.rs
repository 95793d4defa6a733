//! The comparison itself: both readings of the same bytes, and where they must agree.

use std::sync::{Arc, LazyLock};

use solana_address::Address;
use solana_message::VersionedMessage;
use solana_transaction::versioned::VersionedTransaction;

use super::guards::{self, Facts, Role};
use super::reference::{self, Paid, Stricter, Wanted};
use crate::money::Amount;
use crate::svm::exact::{Refusal, Requirement, VerifiedPayment, verify_decoded};
use crate::svm::lighthouse::{GuardedAccount, Guards, Parties};
use crate::svm::programs::LIGHTHOUSE;
use crate::svm::transaction::{Instruction, Message, Transaction};
use crate::svm::{TokenProgram, associated_token_account};
use crate::testkit::keys;

/// The memo that a payment must have if one is wanted.
pub(crate) const MEMO: &str = "q0123456789abcdef0123456789abcdef";

/// Returns Solana's address as the core's.
pub(super) fn ours(address: &Address) -> crate::svm::Address {
    crate::svm::Address::new(address.to_bytes())
}

/// Returns the core's address as Solana's.
pub(super) fn theirs(address: crate::svm::Address) -> Address {
    Address::from(*address.as_bytes())
}

/// Returns a payment of 10,000 atomic units to the known merchant, in a token of this program.
pub(crate) fn wanted(program: TokenProgram, with_memo: bool) -> Wanted {
    Wanted {
        amount: 10_000,
        mint: "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU".parse().unwrap(),
        decimals: 6,
        program: theirs(program.address()),
        pay_to: theirs(keys::address(&keys::merchant())),
        fee_payer: theirs(keys::address(&keys::fee_payer())),
        memo: with_memo.then(|| MEMO.as_bytes().to_vec()),
        max_fee_lamports: 19_000,
    }
}

/// Compares every field of the two readings.
fn assert_equal(mine: &Transaction, solana: &VersionedTransaction) {
    let message = &solana.message;
    let header = message.header();
    let signatures: Vec<[u8; 64]> = solana.signatures.iter().map(|s| (*s).into()).collect();
    assert_eq!(&mine.signatures, &signatures);
    assert_eq!(mine.message.versioned, matches!(message, VersionedMessage::V0(_)));
    assert_eq!(
        [mine.message.required_signatures, mine.message.readonly_signed, mine.message.readonly_unsigned],
        [
            header.num_required_signatures,
            header.num_readonly_signed_accounts,
            header.num_readonly_unsigned_accounts
        ]
    );
    let accounts: Vec<_> = message.static_account_keys().iter().map(ours).collect();
    assert_eq!(&mine.message.accounts, &accounts);
    assert_eq!(mine.message.blockhash, message.recent_blockhash().to_bytes());
    let instructions: Vec<_> = message
        .instructions()
        .iter()
        .map(|i| (i.program_id_index, i.accounts.clone(), i.data.clone()))
        .collect();
    let read: Vec<_> =
        mine.message.instructions.iter().map(|i| (i.program, i.accounts.clone(), i.data.clone())).collect();
    assert_eq!(read, instructions);
    assert_eq!(&mine.message_bytes, &message.serialize());
}

/// Reads the bytes both ways. Returns both readings, and why the core refuses.
///
/// Returns `None` if Solana's crates do not read them.
pub(super) fn read_both(bytes: &[u8]) -> Option<(Option<Transaction>, VersionedTransaction, Vec<Stricter>)> {
    let mine = Transaction::decode(bytes).ok();
    let solana = reference::read(bytes);
    if let Some(mine) = &mine {
        assert_eq!(mine.encode().unwrap(), bytes, "there is one spelling");
        assert_eq!(mine.message.encode().unwrap(), mine.message_bytes.clone());
    }
    let Some(solana) = solana else {
        assert!(mine.is_none(), "we read what no node does");
        return None;
    };
    let ways = reference::stricter_reading(bytes, &solana);
    assert_eq!(mine.is_some(), ways.is_empty(), "{:?}", ways);
    if let Some(mine) = &mine {
        assert_equal(mine, &solana);
        assert_eq!(wincode::serialize(&solana).unwrap(), bytes);
    }
    Some((mine, solana, ways))
}

fn requirement(wanted: &Wanted) -> Requirement {
    let program = TokenProgram::at(&ours(&wanted.program)).unwrap();
    let mint = ours(&wanted.mint);
    Requirement {
        amount: Amount::new(wanted.amount),
        mint,
        decimals: wanted.decimals,
        program,
        destination: associated_token_account(&ours(&wanted.pay_to), &mint, program).unwrap(),
        fee_payer: ours(&wanted.fee_payer),
        max_fee_lamports: wanted.max_fee_lamports,
    }
}

/// Returns the core's verdict about the bytes, including the memo.
fn verdict(bytes: &[u8], wanted: &Wanted) -> Result<VerifiedPayment, Refusal> {
    let transaction = Transaction::decode(bytes).map_err(|_| Refusal::Undecodable)?;
    let payment = verify_decoded(Arc::new(transaction), &requirement(wanted))?;
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

/// Compares the two verdicts about a payment, and returns what they are in a few words.
///
/// Panics where they contradict each other.
pub(crate) fn payment(bytes: &[u8], wanted: &Wanted) -> String {
    let verdict = verdict(bytes, wanted);
    let Some((_, solana, mut ways)) = read_both(bytes) else {
        assert!(verdict.is_err());
        return "unreadable".to_owned();
    };
    let Some((expected, more)) = reference::check(&solana, wanted) else {
        assert!(verdict.is_err(), "we take what the scheme refuses");
        return format!("no payment: {}", verdict.unwrap_err().reason());
    };
    ways.extend(more);
    match verdict {
        Ok(verified) => {
            assert!(ways.is_empty(), "{ways:?}");
            assert_eq!(paid(&verified), expected);
            assert_eq!(verified.fee_payer, ours(&wanted.fee_payer));
            assert_eq!(verified.transaction.encode().unwrap(), bytes);
            format!("a payment with {} guards", verified.guards.list.len().min(4))
        }
        Err(refusal) => {
            assert!(!ways.is_empty(), "we refuse a payment: {refusal:?}");
            format!("stricter: {ways:?}")
        }
    }
}

/// A message with the accounts that a guard may concern, and Lighthouse.
static GUARDED: LazyLock<Message> = LazyLock::new(|| {
    let accounts = [keys::fee_payer(), keys::payer(), keys::numbered(3), keys::merchant()];
    Message {
        versioned: true,
        required_signatures: 2,
        readonly_signed: 1,
        readonly_unsigned: 1,
        accounts: accounts.iter().map(keys::address).chain([LIGHTHOUSE]).collect(),
        blockhash: [9; 32],
        instructions: vec![],
    }
});

/// Compares the two verdicts about a single guard. Returns its consequences, or `None` if both refuse it.
///
/// Panics where they contradict each other.
pub(crate) fn guard(account: GuardedAccount, data: &[u8], program: TokenProgram) -> Option<Facts> {
    let parties = Parties { payer: 1, source: 2, destination: 3, program };
    let instruction = Instruction { program: 4, accounts: vec![account as u8], data: data.to_vec() };
    let mut guards = Guards::default();
    let mine = guards
        .add(7, &instruction, &GUARDED, &parties)
        .is_ok()
        .then_some(Facts { exclusive: guards.exclusive_source, floor: guards.fee_payer_floor });
    let reference = guards::has_form(data)
        .then(|| {
            let token_2022 = program == TokenProgram::Token2022;
            guards::allowed(data, role(account), &theirs(program.address()), token_2022)
        })
        .flatten();
    assert_eq!(mine, reference, "{account:?} {program:?} {data:?}");
    mine
}
