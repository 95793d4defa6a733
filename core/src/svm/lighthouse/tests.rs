mod spelling;

use std::sync::LazyLock;

use super::GuardedAccount::{Destination, FeePayer, Payer, Source};
use super::*;
use crate::svm::Address;
use crate::svm::programs::{LIGHTHOUSE, SPL_TOKEN, TOKEN_2022};
use crate::testkit::guards::{
    ACCOUNT_INFO_MULTI, TOKEN_ACCOUNT_MULTI, hex_bytes, lamports_at_least, multi, number,
};
use crate::testkit::{keys, vectors};

const ALL: [GuardedAccount; 4] = [FeePayer, Payer, Source, Destination];
const MINT: u8 = 4;
const PARTIES: Parties = Parties { payer: 1, source: 2, destination: 3, program: TokenProgram::Spl };

/// A message with the four accounts, the mint and Lighthouse.
static MESSAGE: LazyLock<Message> = LazyLock::new(|| {
    let mut accounts: Vec<Address> = (0..5).map(|n| keys::address(&keys::numbered(n + 1))).collect();
    accounts.push(LIGHTHOUSE);
    Message {
        versioned: true,
        required_signatures: 2,
        readonly_signed: 1,
        readonly_unsigned: 2,
        accounts,
        blockhash: [9; 32],
        instructions: vec![],
    }
});

fn add(guards: &mut Guards, accounts: &[u8], data: &[u8], program: TokenProgram) -> Result<(), GuardFault> {
    let instruction = Instruction { program: 5, accounts: accounts.to_vec(), data: data.to_vec() };
    guards.add(7, &instruction, &MESSAGE, &Parties { program, ..PARTIES })
}

/// Reads a single guard about this account. Returns the guards, or what is wrong.
fn read_as(account: GuardedAccount, data: &[u8], program: TokenProgram) -> Result<Guards, GuardProblem> {
    let mut guards = Guards::default();
    add(&mut guards, &[account as u8], data, program).map_err(|fault| {
        assert_eq!((fault.position, fault.kind), (7, data.first().copied()));
        fault.problem
    })?;
    assert_eq!(guards.list, [Guard { position: 7, account }]);
    Ok(guards)
}

fn spl(account: GuardedAccount, data: &[u8]) -> Result<Guards, GuardProblem> {
    read_as(account, data, TokenProgram::Spl)
}

/// Returns the bytes of an assertion with this operator, with a value that is right for `account`.
fn assertion(kind: u8, number: u8, operator: u8, account: GuardedAccount, program: TokenProgram) -> Vec<u8> {
    let wallet = matches!(account, FeePayer | Payer);
    let value = match (kind, number) {
        // Lamports, RentEpoch, Amount, DelegatedAmount.
        (ACCOUNT_INFO_MULTI, 0 | 4) | (TOKEN_ACCOUNT_MULTI, 2 | 6) => 5u64.to_le_bytes().to_vec(),
        (ACCOUNT_INFO_MULTI, 1) => (if wallet { 0u64 } else { 165 }).to_le_bytes().to_vec(),
        (ACCOUNT_INFO_MULTI, 2) if wallet => vec![0; 32],
        (ACCOUNT_INFO_MULTI, 2) => program.address().as_bytes().to_vec(),
        (ACCOUNT_INFO_MULTI, 3) if wallet => vec![0],
        (ACCOUNT_INFO_MULTI, 3) => vec![if program == TokenProgram::Spl { 1 } else { 2 }],
        // The hash, and its range from 0 to 165. It has no operator.
        (ACCOUNT_INFO_MULTI, 8) => return [vec![8], vec![7; 32], vec![0, 0xa5, 0x01]].concat(),
        (TOKEN_ACCOUNT_MULTI, 0 | 1) => vec![3; 32],
        (TOKEN_ACCOUNT_MULTI, 3 | 5 | 7) => vec![0],
        // That the owner is derived: it has neither a value nor an operator.
        (TOKEN_ACCOUNT_MULTI, 8) => return vec![8],
        _ => vec![1],
    };
    [vec![number], value, vec![operator]].concat()
}

/// Everything that is allowed: the accounts, the kind, the assertion and its operators.
const ALLOWED: [(&[GuardedAccount], u8, u8, &[u8]); 13] = [
    (&[FeePayer, Payer], 6, 0, &[2, 4]),
    (&ALL, 6, 1, &[0]),
    (&ALL, 6, 2, &[0]),
    (&ALL, 6, 3, &[0]),
    (&[Source], 6, 8, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 255]),
    (&[Source, Destination], 10, 0, &[0]),
    (&[Source, Destination], 10, 1, &[0]),
    (&[Source], 10, 2, &[2, 4]),
    (&[Source, Destination], 10, 3, &[0]),
    (&[Source, Destination], 10, 4, &[0]),
    (&[Source, Destination], 10, 6, &[0, 5]),
    (&[Source, Destination], 10, 7, &[0]),
    (&[Source, Destination], 10, 8, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 255]),
];

fn is_allowed(account: GuardedAccount, kind: u8, number: u8, operator: u8) -> bool {
    ALLOWED.iter().any(|(accounts, k, n, operators)| {
        accounts.contains(&account) && (*k, *n) == (kind, number) && operators.contains(&operator)
    })
}

/// Returns a guard for each allowed assertion about each account.
pub(in crate::svm) fn allowed_guards(program: TokenProgram) -> Vec<(GuardedAccount, Vec<u8>)> {
    let mut all = Vec::new();
    for (accounts, kind, number, operators) in ALLOWED {
        for (account, operator) in accounts.iter().flat_map(|a| operators.iter().map(move |o| (*a, *o))) {
            all.push((account, multi(kind, &[assertion(kind, number, operator, account, program)])));
        }
    }
    all
}

#[test]
fn an_assertion_is_allowed_about_the_listed_accounts_with_the_listed_operators_and_in_no_other_way() {
    let mut allowed = 0;
    for account in ALL {
        for (kind, number) in
            [ACCOUNT_INFO_MULTI, TOKEN_ACCOUNT_MULTI].iter().flat_map(|k| (0..=12).map(move |n| (*k, n)))
        {
            for operator in [0, 1, 2, 3, 4, 5, 6, 7, 8, 255] {
                let assertion = assertion(kind, number, operator, account, TokenProgram::Spl);
                let expected = is_allowed(account, kind, number, operator);
                let verdict = spl(account, &multi(kind, std::slice::from_ref(&assertion)));
                assert_eq!(verdict.is_ok(), expected, "{account:?} {kind} {number} {operator}: {verdict:?}");
                // The same assertion alone, and after an allowed one.
                let alone = [vec![kind - 1, 0], assertion.clone()].concat();
                assert_eq!(spl(account, &alone).is_ok(), expected);
                if account == Source {
                    let first =
                        self::assertion(kind, if kind == 6 { 1 } else { 8 }, 0, account, TokenProgram::Spl);
                    assert_eq!(spl(account, &multi(kind, &[first, assertion])).is_ok(), expected);
                }
                allowed += u32::from(expected);
            }
        }
    }
    assert_eq!(allowed, 2 * 2 + 3 * 4 + 10 + 2 * 5 + 2 + 2 * 2 + 2 * 10);
}

#[test]
fn no_other_kind_of_instruction_is_a_guard() {
    for kind in 0..=u8::MAX {
        let allowed = [5, 6, 9, 10].contains(&kind);
        for body in [vec![], vec![0], vec![0, 8], vec![0, 1, 8], [vec![0, 1, 1], vec![0; 9]].concat()] {
            let verdict = spl(Source, &[vec![kind], body].concat());
            assert_eq!(verdict.err() == Some(GuardProblem::Kind), !allowed, "{kind}");
        }
    }
    assert_eq!(spl(Source, &[]), Err(GuardProblem::Truncated));
}

#[test]
fn a_log_level_that_calls_another_program_is_refused() {
    for level in 0..=u8::MAX {
        let expected =
            if [0, 1, 2, 4, 5].contains(&level) { Ok(()) } else { Err(GuardProblem::LogLevel(level)) };
        assert_eq!(spl(Source, &[9, level, 8]).map(drop), expected, "{level}");
    }
}

#[test]
fn a_guard_is_read_to_its_last_byte_and_nothing_stands_behind_it() {
    for (account, data) in allowed_guards(TokenProgram::Spl) {
        assert!(spl(account, &data).is_ok());
        for end in 0..data.len() {
            // A cut inside a number of variable length may look malformed instead.
            let problem = spl(account, &data[..end]).unwrap_err();
            assert!(
                matches!(problem, GuardProblem::Truncated | GuardProblem::Malformed),
                "{data:?} cut at {end}"
            );
        }
        for more in [0, 1, 8, 255] {
            let longer = [data.clone(), vec![more]].concat();
            assert_eq!(spl(account, &longer), Err(GuardProblem::TrailingBytes), "{longer:?}");
        }
    }
}

#[test]
fn a_count_is_neither_nothing_nor_wrong_nor_spelt_in_another_way() {
    let counted = |count: &[u8], assertions: usize| {
        spl(Source, &[&[10, 4], count, vec![8; assertions].as_slice()].concat()).map(drop)
    };
    assert_eq!(counted(&[3], 3), Ok(()));
    assert_eq!(counted(&[0xc8, 0x01], 200), Ok(()));
    assert_eq!(counted(&[0], 0), Err(GuardProblem::Empty));
    assert_eq!(counted(&[3], 2), Err(GuardProblem::Truncated));
    assert_eq!(counted(&[3], 4), Err(GuardProblem::TrailingBytes));
    let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_eq!(counted(&most, 3), Err(GuardProblem::Truncated));
    for longer in [&[0x83, 0x00][..], &[0x80, 0x00], &[0x83, 0x80, 0x00]] {
        assert_eq!(counted(longer, 3), Err(GuardProblem::Malformed), "{longer:x?}");
    }
    let mut beyond = most;
    for (last, next) in [(0x02, None), (0x7f, None), (0x81, Some(0x00)), (0xff, Some(0x01))] {
        beyond[9] = last;
        let count: Vec<u8> = beyond.into_iter().chain(next).collect();
        assert_eq!(counted(&count, 3), Err(GuardProblem::Malformed), "{count:x?}");
    }
}

#[test]
fn a_wallet_is_said_to_be_one_and_a_token_account_to_be_of_its_program() {
    let value = |assertion| Err(GuardProblem::Value { assertion });
    let owner = |address: &Address| [vec![5, 0, 2], address.as_bytes().to_vec(), vec![0]].concat();
    let programs = [(SYSTEM, 0), (SPL_TOKEN, 1), (TOKEN_2022, 2), (LIGHTHOUSE, 3)];
    for (program, own) in [(TokenProgram::Spl, 1), (TokenProgram::Token2022, 2)] {
        for account in ALL {
            let right = if matches!(account, FeePayer | Payer) { 0 } else { own };
            for (address, known) in programs {
                let expected = |assertion| if known == right { Ok(()) } else { value(assertion) };
                assert_eq!(read_as(account, &owner(&address), program).map(drop), expected(2));
                assert_eq!(read_as(account, &[5, 0, 3, known, 0], program).map(drop), expected(3));
            }
        }
    }
    for known in 3..=u8::MAX {
        assert_eq!(spl(Payer, &[5, 0, 3, known, 0]).map(drop), value(3));
    }
    for length in [1, 165, u64::MAX] {
        let data = [vec![5, 0], number(1, length, 0)].concat();
        assert_eq!(spl(Payer, &data).map(drop), value(1));
        assert_eq!(spl(FeePayer, &data).map(drop), value(1));
        assert_eq!(
            spl(Destination, &data).map(drop),
            Ok(()),
            "a length of theirs, which only the chain knows"
        );
    }
}

#[test]
fn a_hash_is_of_the_whole_token_account() {
    let hash = |start: &[u8], length: &[u8]| [&[5, 0, 8], &[7; 32][..], start, length].concat();
    let value = Err(GuardProblem::Value { assertion: 8 });
    let malformed = Err(GuardProblem::Malformed);
    // Start, length, and the result with SPL Token and with Token-2022.
    for (start, length, of_spl, of_2022) in [
        (&[0][..], &[0xa5, 0x01][..], Ok(()), Ok(())),
        (&[0], &[0xa4, 0x01], value, value),
        (&[0], &[0xa6, 0x01], value, Ok(())),
        (&[0], &[0xff, 0xff, 0x03], value, Ok(())),
        (&[0], &[0], value, value),
        (&[1], &[0xa5, 0x01], value, value),
        (&[0x80, 0x01], &[0xa5, 0x01], value, value),
        (&[0x80, 0x00], &[0xa5, 0x01], malformed, malformed),
        (&[0], &[0xa5, 0x81, 0x00], malformed, malformed),
    ] {
        let data = hash(start, length);
        assert_eq!(spl(Source, &data).map(drop), of_spl, "{start:x?} {length:x?}");
        assert_eq!(
            read_as(Source, &data, TokenProgram::Token2022).map(drop),
            of_2022,
            "{start:x?} {length:x?}"
        );
    }
}

#[test]
fn an_option_is_there_or_absent() {
    for number in [3, 7] {
        assert!(spl(Destination, &[9, 0, number, 0, 0]).is_ok());
        assert!(spl(Destination, &[&[9, 0, number, 1], &[7; 32][..], &[0]].concat()).is_ok());
        for tag in 2..=u8::MAX {
            let data = [&[9, 0, number, tag], &[7; 32][..], &[0]].concat();
            assert_eq!(spl(Destination, &data), Err(GuardProblem::Malformed));
        }
    }
}

#[test]
fn a_guard_speaks_of_one_account_of_the_four() {
    let whole = [9, 0, 8];
    let problem = |accounts: &[u8]| {
        add(&mut Guards::default(), accounts, &whole, TokenProgram::Spl).map_err(|fault| {
            assert_eq!(fault.account, None);
            fault.problem
        })
    };
    assert_eq!(problem(&[2]), Ok(()));
    assert_eq!(problem(&[]), Err(GuardProblem::Accounts(0)));
    for accounts in [[2, 3], [2, 2], [0, 2], [2, 5]] {
        assert_eq!(problem(&accounts), Err(GuardProblem::Accounts(2)));
    }
    assert_eq!(problem(&[2; 300]), Err(GuardProblem::Accounts(255)));
    for other in [MINT, 5] {
        let address = MESSAGE.accounts[usize::from(other)];
        assert_eq!(problem(&[other]), Err(GuardProblem::OtherAccount(address)));
    }
}

#[test]
fn there_are_ten_guards_at_most() {
    let mut guards = Guards::default();
    for _ in 0..10 {
        add(&mut guards, &[2], &[9, 0, 8], TokenProgram::Spl).unwrap();
    }
    let fault = add(&mut guards, &[2], &[9, 0, 8], TokenProgram::Spl).unwrap_err();
    assert_eq!((fault.problem, guards.list.len()), (GuardProblem::TooMany, 10));
}

#[test]
fn the_fee_payers_floor_is_the_most_that_any_guard_asks_of_it() {
    let floor = |guards: &[(GuardedAccount, Vec<u8>)]| {
        let mut all = Guards::default();
        for (account, assertion) in guards {
            let data = multi(ACCOUNT_INFO_MULTI, std::slice::from_ref(assertion));
            add(&mut all, &[*account as u8], &data, TokenProgram::Spl).unwrap();
        }
        all.fee_payer_floor
    };
    assert_eq!(floor(&[]), None);
    assert_eq!(floor(&[(Payer, lamports_at_least(7))]), None, "the payer's lamports are its own");
    assert_eq!(floor(&[(FeePayer, number(1, 0, 0))]), None, "a length is no minimum");
    assert_eq!(floor(&[(FeePayer, lamports_at_least(0))]), Some(0));
    assert_eq!(floor(&[(FeePayer, number(0, 7, 2))]), Some(8), "more than 7");
    assert_eq!(floor(&[(FeePayer, number(0, u64::MAX, 2))]), Some(u64::MAX));
    let several = [9, 40, 3].map(|lamports| (FeePayer, lamports_at_least(lamports)));
    assert_eq!(floor(&several), Some(40));
    // Several in one guard, among other assertions.
    let one = multi(ACCOUNT_INFO_MULTI, &[number(1, 0, 0), number(0, 50, 2), lamports_at_least(20)]);
    assert_eq!(spl(FeePayer, &one).unwrap().fee_payer_floor, Some(51));
}

#[test]
fn a_source_is_exclusive_when_another_payment_from_it_would_break_a_guard() {
    for (account, data) in allowed_guards(TokenProgram::Spl) {
        // The hash of all data, and the amount.
        let expected = account == Source && matches!((data[0], data[3]), (6, 8) | (10, 2));
        assert_eq!(spl(account, &data).unwrap().exclusive_source, expected, "{account:?} {data:?}");
    }
}

#[test]
fn phantoms_real_guards_are_judged_by_the_account_that_they_speak_of() {
    let wires = vectors::json(vectors::PHANTOM);
    let (mut allowed, mut refused) = (0, 0);
    for wire in wires["wires"].as_array().unwrap() {
        // The first payment's accounts are those of a transfer: the player's and the paid one.
        let (source, destination) = if wire["flow"] == "enter1" { (5, 2) } else { (200, 201) };
        let instructions = wire["instructions"].as_array().unwrap();
        for instruction in instructions.iter().filter(|it| it["program"] == "lighthouse") {
            let account = u8::try_from(instruction["accounts"][0].as_u64().unwrap()).unwrap();
            let data = hex_bytes(instruction["data"].as_str().unwrap());
            let parties = Parties { source, destination, ..PARTIES };
            let instruction = Instruction { program: 5, accounts: vec![account], data };
            let verdict = Guards::default().add(7, &instruction, &MESSAGE, &parties);
            let known = [0, 1, source, destination].contains(&account);
            assert_eq!(verdict.is_ok(), known, "{verdict:?}");
            if known { allowed += 1 } else { refused += 1 }
        }
    }
    // The refused guards concern accounts of the called programs.
    assert_eq!((allowed, refused), (9, 7));
}

#[test]
fn what_was_refused_is_said_in_a_line() {
    let line = |accounts: &[u8], data: &[u8]| {
        add(&mut Guards::default(), accounts, data, TokenProgram::Spl).unwrap_err().to_string()
    };
    let mint = MESSAGE.accounts[usize::from(MINT)];
    let start = "Lighthouse guard at instruction 7, kind ";
    for (line, end) in [
        (line(&[3], &multi(10, &[vec![8], number(2, 5, 4)])),
         "10 AssertTokenAccountMulti, of the merchant's token account: assertion 2 Amount is not allowed".to_owned()),
        (line(&[0], &multi(6, &[number(0, 5, 0)])),
         "6 AssertAccountInfoMulti, of the fee payer's wallet: assertion 0 Lamports with operator 0 == is not allowed".to_owned()),
        (line(&[1], &[5, 0, 3, 1, 0]),
         "5 AssertAccountInfo, of the payer's wallet: assertion 3 KnownOwner with this value is not allowed".to_owned()),
        (line(&[2], &[9, 0, 8, 1]),
         "9 AssertTokenAccount, of the payer's token account: bytes follow the last assertion".to_owned()),
        (line(&[2], &[0, 0]), "0 MemoryWrite, of the payer's token account: this kind is not allowed".to_owned()),
        (line(&[2], &[18]), "18 unknown, of the payer's token account: this kind is not allowed".to_owned()),
        (line(&[2], &[9, 6, 8]), "9 AssertTokenAccount, of the payer's token account: log level 6 is not allowed".to_owned()),
        (line(&[MINT], &[7, 4]), format!("7 AssertMintAccount: its account {mint} is not one that a guard may name")),
        (line(&[2, 3], &[4]), "4 AssertAccountDelta: 2 accounts instead of one".to_owned()),
    ] {
        assert_eq!(line, format!("{start}{end}"));
    }
    assert_eq!(
        line(&[2], &[]),
        "Lighthouse guard at instruction 7, of the payer's token account: its bytes end early"
    );
}
