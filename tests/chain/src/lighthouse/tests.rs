//! Tests of the stand-in with bytes that a wallet has signed, and with each form one by one.

use std::cell::RefCell;

use serde_json::Value;
use sha3::{Digest as _, Keccak256};
use solana_address::Address;
use solana_clock::Clock;
use solana_instruction::error::InstructionError;

use super::check::Target;
use super::judge;
use crate::token::{Holding, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, associated_under};

/// An account for trying assertions.
#[derive(Clone)]
struct Sample {
    address: Address,
    owner: Address,
    lamports: u64,
    data: Vec<u8>,
    signer: bool,
    writable: bool,
    executable: bool,
}

fn key(byte: u8) -> Address {
    Address::new_from_array([byte; 32])
}

impl Sample {
    fn of(owner: Address, lamports: u64, data: Vec<u8>) -> Self {
        let address = key(200);
        Self { address, owner, lamports, data, signer: false, writable: false, executable: false }
    }

    /// Returns a wallet with `lamports`.
    fn wallet(lamports: u64) -> Self {
        Self::of(Address::default(), lamports, Vec::new())
    }

    /// Returns the associated token account of `holding`, under the legacy program.
    fn token(holding: &Holding) -> Self {
        let address = associated_under(&holding.owner, &holding.mint, &TOKEN_PROGRAM);
        Self { address, ..Self::of(TOKEN_PROGRAM, 2_039_280, holding.pack()) }
    }

    /// Returns this account with `bytes` in its data from `at` on.
    fn with(mut self, at: usize, bytes: &[u8]) -> Self {
        self.data[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn judge(&self, data: &[u8]) -> Result<(), InstructionError> {
        self.judge_logging(data, &|_| ())
    }

    fn judge_logging(&self, data: &[u8], log: &dyn Fn(&str)) -> Result<(), InstructionError> {
        let target = Target {
            address: &self.address,
            owner: &self.owner,
            lamports: self.lamports,
            data: &self.data,
            signer: self.signer,
            writable: self.writable,
            executable: self.executable,
        };
        judge(data, Some(&target), &Clock::default(), log)
    }
}

fn custom(code: u32) -> Result<(), InstructionError> {
    Err(InstructionError::Custom(code))
}

/// Returns instruction data of `parts` that logs nothing.
fn silent(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[kind, 0], parts.concat().as_slice()].concat()
}

fn le(number: u64) -> [u8; 8] {
    number.to_le_bytes()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Returns the guards that a wallet has signed, each with the name of its account.
fn real_guards() -> Vec<(String, Vec<u8>)> {
    let vectors: Value =
        serde_json::from_str(include_str!("../../tests/vectors/phantom_guards.json")).unwrap();
    let text = |guard: &Value, name: &str| guard[name].as_str().unwrap().to_owned();
    let guards = vectors["guards"].as_array().unwrap();
    guards.iter().map(|guard| (text(guard, "account"), bytes(&text(guard, "data")))).collect()
}

#[test]
fn a_wallets_guard_is_read_to_its_last_byte_and_not_before() {
    let account = Sample::token(&Holding::new(key(1), key(2), 5));
    let guards = real_guards();
    assert_eq!(guards.len(), 8);
    for (name, data) in guards {
        for length in 0..data.len() {
            assert_eq!(account.judge(&data[..length]), custom(6000), "{name}: {length}");
        }
        assert_ne!(account.judge(&data), custom(6000), "{name}");
    }
}

#[test]
fn a_wallets_guards_hold_for_accounts_that_fit_and_for_no_others() {
    let program = Address::new_from_array(
        bytes("bad14677cb7e18cacfc2da6eb24e5dbd3cb2a1af95247a4a3f4a796f0d7d29f0").try_into().unwrap(),
    );
    let other_owner = Address::new_from_array(
        bytes("e1a9f7d96084158872de684a9ba9c5c6d2d95eedb766e4bab119db53f4d5bc2a").try_into().unwrap(),
    );
    let mainnet_usdc = Address::from_str_const("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v");
    let other = Holding::new(other_owner, mainnet_usdc, 0);
    let buyer = Holding::new(key(1), mainnet_usdc, 155_314_856);
    let delegated =
        |holding: Holding| Sample::token(&Holding { delegate: Some(key(9)), delegated: 1, ..holding });
    let mut moved = Sample::token(&buyer);
    moved.address = key(3);
    for (place, fitting, others) in [
        (
            0,
            vec![Sample::token(&other)],
            vec![
                (delegated(other), 0x1900),
                (Sample::token(&other).with(121, &[1]), 0x1901),
                (Sample::token(&Holding { owner: key(1), ..other }), 0x1902),
                (Sample::token(&Holding { mint: key(1), ..other }), 0x1903),
                (Sample::of(program, 1, other.pack()), 6009),
            ],
        ),
        (
            1,
            vec![Sample::wallet(0), Sample::wallet(7)],
            vec![
                (Sample::of(program, 7, Vec::new()), 0x1900),
                (Sample::of(Address::default(), 7, vec![0]), 0x1901),
            ],
        ),
        (2, vec![Sample::wallet(0)], vec![(Sample::wallet(1), 0x1900)]),
        (3, vec![Sample::of(program, 1, vec![1, 2])], vec![(Sample::wallet(1), 0x1900)]),
        (
            5,
            vec![Sample::wallet(131_770_299), Sample::wallet(u64::MAX)],
            vec![(Sample::wallet(131_770_298), 0x1900), (Sample::of(program, u64::MAX, Vec::new()), 0x1901)],
        ),
        (
            6,
            vec![Sample::token(&buyer), Sample::token(&Holding { amount: u64::MAX, ..buyer })],
            vec![
                (Sample::token(&Holding { amount: buyer.amount - 1, ..buyer }), 0x1900),
                (delegated(buyer), 0x1901),
                (Sample::token(&buyer).with(121, &[1]), 0x1902),
                (moved, 0x1903),
                (Sample::wallet(1), 6009),
            ],
        ),
    ] {
        let (name, data) = &real_guards()[place];
        for account in fitting {
            assert_eq!(account.judge(data), Ok(()), "{place} {name}");
        }
        for (account, code) in others {
            assert_eq!(account.judge(data), custom(code), "{place} {name}");
        }
    }
}

#[test]
fn a_wallets_hash_holds_until_a_byte_of_the_account_changes() {
    let (_, data) = &real_guards()[4];
    let buyer = Holding::new(key(1), key(2), 25_000_000);
    let account = Sample::token(&buyer);
    // It is not known which data that hash covers, and every account of this form has another hash.
    assert_eq!(account.judge(data), custom(0x1902));
    assert_eq!(Sample::of(TOKEN_PROGRAM, 1, vec![0; 166]).judge(data), custom(0x1901));
    assert_eq!(Sample::of(TOKEN_2022_PROGRAM, 1, buyer.pack()).judge(data), custom(0x1900));
    let mut data = data.clone();
    let place = data.len() - 3 - 32;
    data[place..place + 32].copy_from_slice(&Keccak256::digest(buyer.pack()));
    assert_eq!(account.judge(&data), Ok(()));
    for at in 0..buyer.pack().len() {
        let byte = account.data[at] ^ 1;
        assert_eq!(account.clone().with(at, &[byte]).judge(&data), custom(0x1902), "{at}");
    }
}

#[test]
fn operators_compare_the_actual_number_with_the_given_one() {
    for (operator, holds) in [
        (0, [false, true, false]),
        (1, [true, false, true]),
        (2, [false, false, true]),
        (3, [true, false, false]),
        (4, [false, true, true]),
        (5, [true, true, false]),
        (6, [false, true, true]),
        (7, [false, false, false]),
    ] {
        for (lamports, holds) in [5_u64, 6, 7].into_iter().zip(holds) {
            let data = silent(5, &[&[0], &le(6), &[operator]]);
            let expected = if holds { Ok(()) } else { custom(6001) };
            assert_eq!(Sample::wallet(lamports).judge(&data), expected, "{lamports} {operator}");
        }
    }
    assert_eq!(Sample::wallet(9).judge(&silent(5, &[&[0], &le(6), &[7]])), Ok(()));
}

#[test]
fn an_accounts_owner_length_and_flags_can_be_asserted() {
    let mut account = Sample::of(TOKEN_PROGRAM, 1, vec![7; 300]);
    account.signer = true;
    for (body, holds) in [
        ([&[1], le(300).as_slice(), &[0]].concat(), true),
        ([&[1], le(299).as_slice(), &[0]].concat(), false),
        ([&[2], TOKEN_PROGRAM.as_ref(), &[0]].concat(), true),
        ([&[2], TOKEN_PROGRAM.as_ref(), &[1]].concat(), false),
        (vec![3, 1, 0], true),
        (vec![3, 2, 0], false),
        (vec![3, 8, 1], true),
        ([&[4], le(u64::MAX).as_slice(), &[0]].concat(), true),
        (vec![5, 1, 0], true),
        (vec![5, 0, 0], false),
        (vec![6, 1, 0], false),
        (vec![6, 0, 0], true),
        (vec![7, 1, 1], true),
        (vec![7, 1, 0], false),
        ([&[8], Keccak256::digest([7; 129]).as_slice(), &[0xab, 0x01, 0x81, 0x01]].concat(), true),
        ([&[8], Keccak256::digest([7; 128]).as_slice(), &[0xab, 0x01, 0x81, 0x01]].concat(), false),
        ([&[8], Keccak256::digest([]).as_slice(), &[0xac, 0x02, 0x00]].concat(), true),
    ] {
        let expected = if holds { Ok(()) } else { custom(6001) };
        assert_eq!(account.judge(&silent(5, &[&body])), expected, "{body:?}");
    }
    for range in [&[0xac, 0x02, 0x01][..], &[0xad, 0x02, 0x00]] {
        assert_eq!(account.judge(&silent(5, &[&[8], &[0; 32], range])), custom(6005));
    }
    let largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_eq!(account.judge(&silent(5, &[&[8], &[0; 32], &largest, &largest])), custom(6005));
}

#[test]
fn everything_that_a_token_account_says_can_be_asserted() {
    let holding = Holding { delegate: Some(key(3)), delegated: 4, ..Holding::new(key(1), key(2), 5) };
    let account = Sample::token(&holding).with(109, &[1, 0, 0, 0, 6]).with(129, &[1, 0, 0, 0, 7]);
    let mut closer = [0; 32];
    closer[0] = 7;
    for (body, holds) in [
        ([&[0], key(2).as_ref(), &[0]].concat(), true),
        ([&[0], key(1).as_ref(), &[0]].concat(), false),
        ([&[1], key(1).as_ref(), &[0]].concat(), true),
        ([&[1], key(2).as_ref(), &[0]].concat(), false),
        ([&[2], le(5).as_slice(), &[0]].concat(), true),
        ([&[2], le(4).as_slice(), &[0]].concat(), false),
        ([&[3, 1], key(3).as_ref(), &[0]].concat(), true),
        ([&[3, 1], key(4).as_ref(), &[0]].concat(), false),
        (vec![3, 0, 0], false),
        (vec![3, 0, 1], true),
        (vec![4, 1, 0], true),
        (vec![4, 2, 0], false),
        ([&[5, 1], le(6).as_slice(), &[0]].concat(), true),
        (vec![5, 0, 0], false),
        ([&[6], le(4).as_slice(), &[5]].concat(), true),
        ([&[6], le(3).as_slice(), &[5]].concat(), false),
        ([&[7, 1], closer.as_slice(), &[0]].concat(), true),
        (vec![7, 0, 0], false),
        (vec![8], true),
    ] {
        let data = silent(9, &[&body]);
        let expected = if holds { Ok(()) } else { custom(6001) };
        assert_eq!(account.judge(&data), expected, "{body:?}");
        // Under the other token program the same account has another derived address.
        let other = Sample { owner: TOKEN_2022_PROGRAM, ..account.clone() };
        let expected = if holds && body != [8] { Ok(()) } else { custom(6001) };
        assert_eq!(other.judge(&data), expected, "{body:?}");
    }
    for (at, body) in [(72, [3, 0, 0]), (109, [5, 0, 0]), (129, [7, 0, 0])] {
        let odd = account.clone().with(at, &[2, 0, 0, 0]);
        assert_eq!(odd.judge(&silent(9, &[&body])), custom(6007), "{at}");
        let short = Sample { data: account.data[..at + 4].to_vec(), ..account.clone() };
        assert_eq!(short.judge(&silent(9, &[&body])), custom(6007), "{at}");
    }
    let short = Sample { data: account.data[..64].to_vec(), ..account.clone() };
    assert_eq!(short.judge(&silent(9, &[&[2], &le(5), &[0]])), custom(6005));
    assert_eq!(short.judge(&silent(9, &[&[8]])), Ok(()));
}

#[test]
fn the_clock_can_be_asserted_without_an_account() {
    let clock = Clock {
        slot: 10,
        epoch_start_timestamp: -20,
        epoch: 30,
        leader_schedule_epoch: 40,
        unix_timestamp: 1_700_000_000,
    };
    let values = [10_u64.to_le_bytes(), (-20_i64).to_le_bytes(), le(30), le(40), le(1_700_000_000)];
    for (place, value) in (0_u8..).zip(values) {
        let data = |operator| silent(15, &[&[place], &value, &[operator]]);
        assert_eq!(judge(&data(0), None, &clock, &|_| ()), Ok(()), "{place}");
        assert_eq!(judge(&data(1), None, &clock, &|_| ()), custom(6001), "{place}");
    }
    // Timestamps are signed.
    assert_eq!(judge(&silent(15, &[&[1], &le(0), &[3]]), None, &clock, &|_| ()), Ok(()));
    let account = silent(5, &[&[0], &le(0), &[4]]);
    #[allow(deprecated)]
    let missing = Err(InstructionError::NotEnoughAccountKeys);
    assert_eq!(judge(&account, None, &clock, &|_| ()), missing);
}

#[test]
fn a_list_names_its_first_failure_and_nothing_behind_it_is_read() {
    let wallet = Sample::wallet(5);
    let number = |value: u64| [&[0], le(value).as_slice(), &[0]].concat();
    let list = |count: &[u8], values: &[u64]| {
        let parts: Vec<u8> = values.iter().flat_map(|value| number(*value)).collect();
        silent(6, &[count, &parts])
    };
    assert_eq!(wallet.judge(&list(&[0], &[])), Ok(()));
    assert_eq!(wallet.judge(&list(&[2], &[5, 5])), Ok(()));
    assert_eq!(wallet.judge(&list(&[3], &[5, 6, 7])), custom(0x1901));
    // A count may be longer than necessary, and what follows the last assertion is ignored.
    assert_eq!(wallet.judge(&list(&[0x81, 0x80, 0x00], &[5])), Ok(()));
    assert_eq!(wallet.judge(&list(&[1], &[5, 6])), Ok(()));
    assert_eq!(wallet.judge(&[silent(5, &[&number(5)]), vec![9; 20]].concat()), Ok(()));
    // A false count, and one of more than 64 bits.
    for count in [&[3][..], &[0xff; 9], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]] {
        assert_eq!(wallet.judge(&list(count, &[5, 5])), custom(6000), "{count:?}");
    }
    let too_wide = [0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02];
    assert_eq!(wallet.judge(&list(&too_wide, &[5])), custom(6000));
}

#[test]
fn kinds_and_forms_that_are_not_known_fail_as_invalid_data() {
    let account = Sample::token(&Holding::new(key(1), key(2), 5));
    assert_eq!(account.judge(&[]), custom(6000));
    for kind in (0..=255).filter(|kind| ![5, 6, 9, 10, 15].contains(kind)) {
        for body in [&[0; 64][..], &[1; 64]] {
            assert_eq!(account.judge(&silent(kind, &[body])), custom(6000), "{kind}");
        }
    }
    for data in [
        &[5, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4][..],
        &[5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8],
        &[5, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[5, 0, 3, 9, 0],
        &[5, 0, 3, 0, 2],
        &[5, 0, 5, 2, 0],
        &[9, 0, 3, 2, 0],
        &[9, 0, 9],
        &[15, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        assert_eq!(account.judge(data), custom(6000), "{data:?}");
    }
}

#[test]
fn the_log_level_says_which_verdicts_are_logged() {
    let wallet = Sample::wallet(5);
    for (level, passed, failed) in [(0, 0, 0), (1, 1, 1), (2, 0, 0), (4, 0, 1), (5, 0, 0)] {
        for (value, lines, expected) in [(5, passed, Ok(())), (6, failed, custom(6001))] {
            let logged = RefCell::new(Vec::new());
            let data = [&[5, level, 0], le(value).as_slice(), &[0]].concat();
            let verdict = wallet.judge_logging(&data, &|line| logged.borrow_mut().push(line.to_owned()));
            assert_eq!((verdict, logged.borrow().len()), (expected, lines), "{level} {value}");
            assert!(logged.borrow().iter().all(|line| line.contains("Lamports")), "{logged:?}");
        }
    }
    // The no-op program, which these log levels call, is not here.
    let noop = |level, value| wallet.judge(&[&[5, level, 0], le(value).as_slice(), &[0]].concat());
    assert_eq!(noop(3, 5), Err(InstructionError::MissingAccount));
    assert_eq!(noop(6, 5), Ok(()));
    assert_eq!(noop(6, 6), Err(InstructionError::MissingAccount));
}
