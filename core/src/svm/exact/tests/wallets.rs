//! Payments with the guards that wallets add.

use super::*;
use crate::svm::lighthouse::{Guard, GuardProblem, GuardedAccount};
use crate::testkit::guards::{lamports_at_least, multi};

/// Returns a payment with Phantom's guards, in Phantom's places.
fn phantom() -> Vec<u8> {
    resigned(guards::as_phantom)
}

#[test]
fn a_payment_by_phantom_is_verified_with_its_real_guards() {
    use GuardedAccount::{Destination, Payer, Source};
    let payment = verify(&phantom(), &requirement()).unwrap();
    let programs: Vec<_> = payment.transaction.message.instructions.iter().map(|i| i.program).collect();
    assert_eq!(programs, [5, 5, 8, 8, 8, 6, 7, 8], "limit, price, three guards, transfer, memo, guard");
    assert_eq!((payment.transfer_at, payment.memo.as_deref()), (5, Some(MEMO_TEXT.as_bytes())));
    let list = [(2, Destination), (3, Source), (4, Payer), (7, Source)];
    assert_eq!(payment.guards.list, list.map(|(position, account)| Guard { position, account }));
    // Any other payment from its token account breaks the guard on the hash.
    assert!(payment.guards.exclusive_source);
    assert_eq!(payment.guards.fee_payer_floor, None);
    // With the compute budget that Phantom really asks for.
    let dear = resigned(|m| {
        guards::as_phantom(m);
        (m.instructions[0].data, m.instructions[1].data) =
            (vec![2, 0x40, 0x0d, 3, 0], vec![3, 0x50, 0xc3, 0, 0, 0, 0, 0, 0]);
    });
    assert_eq!(verify(&dear, &requirement()).unwrap().fee_lamports, 20_000);
}

#[test]
fn two_guards_behind_a_payment_are_verified_as_solflare_puts_them() {
    let own = guards::phantom();
    let bytes = resigned(|m| {
        guards::insert(m, 4, 1, own.wallet);
        guards::insert(m, 5, 3, own.destination);
    });
    let payment = verify(&bytes, &requirement()).unwrap();
    assert_eq!((payment.guards.list.len(), payment.guards.exclusive_source), (2, false));
}

#[test]
fn a_guard_may_name_the_fee_payer_and_says_what_it_must_have() {
    let own = guards::phantom();
    let bytes = resigned(|m| {
        guards::insert(m, 2, 0, own.wallet);
        guards::insert(m, 5, 0, multi(6, &[lamports_at_least(1_000_000)]));
    });
    let guards = verify(&bytes, &requirement()).unwrap().guards;
    let account = GuardedAccount::FeePayer;
    assert_eq!(guards.list, [2, 5].map(|position| Guard { position, account }));
    assert_eq!(guards.fee_payer_floor, Some(1_000_000));
}

/// Returns a payment with `count` guards of the source, spread after the compute budget.
fn with_guards(count: usize, memo: bool) -> Vec<u8> {
    resigned(|m| {
        for n in 0..count {
            guards::insert(m, 2 + n % (m.instructions.len() - 1), 2, vec![9, 0, 8]);
        }
        if !memo {
            m.instructions.retain(|instruction| instruction.program != 7);
            m.accounts.remove(7);
            m.readonly_unsigned -= 1;
            m.instructions.iter_mut().filter(|i| i.program == 8).for_each(|i| i.program = 7);
        }
    })
}

#[test]
fn ten_guards_are_verified_and_eleven_are_refused() {
    for memo in [true, false] {
        let payment = verify(&with_guards(10, memo), &requirement()).unwrap();
        assert_eq!((payment.guards.list.len(), payment.memo.is_some()), (10, memo));
    }
    assert_eq!(verify(&with_guards(11, true), &requirement()), Err(Refusal::InstructionCount));
    let Err(Refusal::Guard(fault)) = verify(&with_guards(11, false), &requirement()) else {
        panic!("eleven guards are taken")
    };
    assert_eq!(fault.problem, GuardProblem::TooMany);
}

#[test]
fn a_guard_that_is_not_allowed_is_refused_wherever_it_stands() {
    let amount_of_the_merchant = multi(10, &[vec![8], guards::number(2, 1, 4)]);
    let cases: [(u8, Vec<u8>, GuardProblem); 5] = [
        (3, amount_of_the_merchant, GuardProblem::Assertion(2)),
        (0, vec![0, 0], GuardProblem::Kind),
        (2, vec![9, 3, 8], GuardProblem::LogLevel(3)),
        (2, vec![9, 0, 8, 0], GuardProblem::TrailingBytes),
        (4, vec![7, 0, 0], GuardProblem::OtherAccount(transfer().mint)),
    ];
    for (account, data, problem) in cases {
        for at in 2..=4 {
            let bytes = resigned(|m| guards::insert(m, at, account, data.clone()));
            let Err(Refusal::Guard(fault)) = verify(&bytes, &requirement()) else {
                panic!("{data:?} is taken")
            };
            assert_eq!((usize::from(fault.position), fault.problem), (at, problem));
        }
    }
    // A guard can't bring a program that it could call.
    let two = refusal(|m| {
        guards::insert(m, 2, 0, guards::phantom().wallet);
        m.instructions[2].accounts.push(8);
    });
    assert!(matches!(two, Refusal::Guard(fault) if fault.problem == GuardProblem::Accounts(2)));
    // No guard may come before the compute budget.
    let first = |at| refusal(move |m| guards::insert(m, at, 2, vec![9, 0, 8]));
    assert_eq!((first(0), first(1)), (Refusal::ComputeLimit, Refusal::ComputePrice));
    // More instructions than a byte can count, and than a payment has.
    let many = resigned(|m| {
        m.instructions = vec![Instruction { program: 7, accounts: vec![], data: vec![] }; 260];
    });
    assert!(Transaction::decode(&many).is_ok());
    assert_eq!(verify(&many, &requirement()), Err(Refusal::InstructionCount));
}
