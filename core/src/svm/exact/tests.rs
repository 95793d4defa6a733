mod wallets;

use proptest::prelude::*;

use super::*;
use crate::svm::associated_token_account;
use crate::svm::build::Transfer;
use crate::svm::lighthouse::GuardProblem;
use crate::svm::programs::{ASSOCIATED_TOKEN, TOKEN_2022};
use crate::testkit::{guards, keys};

const USDC: &str = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU";
const MEMO_TEXT: &str = "q0123456789abcdef0123456789abcdef";

fn transfer() -> Transfer<'static> {
    Transfer {
        fee_payer: keys::address(&keys::fee_payer()),
        pay_to: keys::address(&keys::merchant()),
        mint: USDC.parse().unwrap(),
        decimals: 6,
        program: TokenProgram::Spl,
        amount: Amount::new(10_000),
        blockhash: [9; 32],
        memo: Some(MEMO_TEXT),
    }
}

fn requirement() -> Requirement {
    let transfer = transfer();
    Requirement {
        amount: transfer.amount,
        mint: transfer.mint,
        decimals: 6,
        program: TokenProgram::Spl,
        destination: associated_token_account(&transfer.pay_to, &transfer.mint, TokenProgram::Spl).unwrap(),
        fee_payer: transfer.fee_payer,
        max_fee_lamports: 20_000,
    }
}

/// Returns a payment whose message was changed and signed again by the payer.
fn resigned(change: impl FnOnce(&mut Message)) -> Vec<u8> {
    use ed25519_dalek::Signer as _;
    let mut transaction = transfer().sign(&keys::payer()).unwrap();
    change(&mut transaction.message);
    transaction.message_bytes = transaction.message.encode().unwrap();
    transaction.signatures[1] = keys::payer().sign(&transaction.message_bytes).to_bytes();
    transaction.encode().unwrap()
}

fn refusal(change: impl FnOnce(&mut Message)) -> Refusal {
    verify(&resigned(change), &requirement()).unwrap_err()
}

#[test]
fn an_honest_payment_is_verified() {
    let bytes = transfer().sign(&keys::payer()).unwrap().encode().unwrap();
    let payment = verify(&bytes, &requirement()).unwrap();
    assert_eq!(payment.payer, keys::address(&keys::payer()));
    assert_eq!(payment.fee_lamports, 10_001);
    assert_eq!(payment.source.to_string(), "F3Y4H87wMpfUznsBenu1vXP7DRS6fQa9SAGr9yvyN3XU");
    assert_eq!(payment.fee_payer, transfer().fee_payer);
    assert_eq!((payment.memo.as_deref(), payment.transfer_at), (Some(MEMO_TEXT.as_bytes()), 2));
    assert_eq!(payment.guards, Guards::default());
}

#[test]
fn another_amount_mint_recipient_or_fee_payer_is_refused_inv_1() {
    let bytes = transfer().sign(&keys::payer()).unwrap().encode().unwrap();
    let other = keys::address(&keys::numbered(3));
    let cases: [(fn(&mut Requirement, Address), Refusal); 5] = [
        (|r, _| r.amount = Amount::new(10_001), Refusal::Amount),
        (|r, other| r.mint = other, Refusal::Mint),
        (|r, _| r.decimals = 9, Refusal::Mint),
        (|r, other| r.destination = other, Refusal::Recipient),
        (|r, other| r.fee_payer = other, Refusal::FeePayer),
    ];
    for (change, expected) in cases {
        let mut requirement = requirement();
        change(&mut requirement, other);
        assert_eq!(verify(&bytes, &requirement), Err(expected));
    }
}

#[test]
fn the_fee_payer_stands_in_no_transfer_and_no_memo() {
    // As an account of the transfer or the memo, and as the authority.
    assert_eq!(refusal(|m| m.instructions[2].accounts[0] = 0), Refusal::FeePayerInvolved);
    assert_eq!(refusal(|m| m.instructions[3].accounts.push(0)), Refusal::FeePayerInvolved);
    assert_eq!(refusal(|m| m.instructions[2].accounts[3] = 0), Refusal::FeePayerInvolved);
    assert_eq!(refusal(|m| m.instructions[0].accounts.push(0)), Refusal::ComputeLimit);
    let mut own = transfer();
    own.pay_to = keys::address(&keys::numbered(3));
    assert!(own.sign(&keys::fee_payer()).is_none());
}

#[test]
fn only_the_owner_of_the_source_may_pay_a_delegate_may_not() {
    // The source belongs to another owner, and the payer is its delegate.
    let owner = keys::address(&keys::numbered(4));
    let mint = transfer().mint;
    let theirs = associated_token_account(&owner, &mint, TokenProgram::Spl).unwrap();
    assert_eq!(refusal(|m| m.accounts[2] = theirs), Refusal::Source);
    // A multisig authority brings further accounts.
    assert_eq!(refusal(|m| m.instructions[2].accounts.push(1)), Refusal::NoTransfer);
}

#[test]
fn the_merchant_can_not_pay_itself_because_nothing_would_move_inv_5() {
    use ed25519_dalek::Signer as _;
    let merchant = keys::merchant();
    let mut transaction = transfer().sign(&keys::payer()).unwrap();
    transaction.message.accounts[1] = keys::address(&merchant);
    // The merchant's own account is source and destination, and is listed once.
    transaction.message.instructions[2].accounts[0] = 3;
    transaction.message_bytes = transaction.message.encode().unwrap();
    transaction.signatures[1] = merchant.sign(&transaction.message_bytes).to_bytes();
    assert_eq!(verify(&transaction.encode().unwrap(), &requirement()), Err(Refusal::Source));
}

#[test]
fn the_compute_budget_is_bounded() {
    let limit =
        |units: u32| move |m: &mut Message| m.instructions[0].data[1..].copy_from_slice(&units.to_le_bytes());
    let price =
        |micro: u64| move |m: &mut Message| m.instructions[1].data[1..].copy_from_slice(&micro.to_le_bytes());
    let with = |units: u32, micro: u64| {
        resigned(|m| {
            limit(units)(m);
            price(micro)(m);
        })
    };
    assert_eq!(refusal(limit(400_001)), Refusal::ComputeLimitTooHigh);
    assert_eq!(refusal(limit(u32::MAX)), Refusal::ComputeLimitTooHigh);
    // The highest price and the most units are accepted, though never together at this fee.
    assert_eq!(verify(&with(2_000, 5_000_000), &requirement()).unwrap().fee_lamports, 20_000);
    assert_eq!(verify(&with(400_000, 25_000), &requirement()).unwrap().fee_lamports, 20_000);
    let rich = Requirement { max_fee_lamports: u64::MAX, ..requirement() };
    assert_eq!(verify(&with(400_000, 5_000_000), &rich).unwrap().fee_lamports, 2_010_000);
    for micro in [5_000_001, u64::MAX, u64::MAX / 400_000 + 1] {
        assert_eq!(verify(&with(400_000, micro), &rich), Err(Refusal::ComputePriceTooHigh));
        assert_eq!(verify(&with(0, micro), &rich), Err(Refusal::ComputePriceTooHigh));
    }
    // One lamport decides: 10,000 for two signatures, and slightly more than 10,000, rounded up.
    assert_eq!(verify(&with(400_001 / 2, 50_000), &requirement()).unwrap().fee_lamports, 20_000);
    assert_eq!(verify(&with(200_001, 50_000), &requirement()), Err(Refusal::ComputePriceTooHigh));
    // The budget that Phantom asks for.
    assert_eq!(verify(&with(0x0003_0d40, 0xc350), &requirement()).unwrap().fee_lamports, 20_000);

    assert_eq!(refusal(|m| m.instructions[0].data = vec![2, 0, 0, 0]), Refusal::ComputeLimit);
    assert_eq!(refusal(|m| m.instructions[0].data[0] = 1), Refusal::ComputeLimit);
    assert_eq!(refusal(|m| m.instructions[0].accounts.push(1)), Refusal::ComputeLimit);
    assert_eq!(refusal(|m| m.instructions[1].data.push(0)), Refusal::ComputePrice);
    assert_eq!(refusal(|m| m.instructions.swap(0, 1)), Refusal::ComputeLimit);
}

/// Adds an instruction of this program to the end of the message, and lists the program.
fn push(message: &mut Message, program: Address, accounts: Vec<u8>, data: Vec<u8>) {
    let listed = message.accounts.iter().position(|account| *account == program);
    let at = listed.unwrap_or_else(|| {
        message.accounts.push(program);
        message.readonly_unsigned += 1;
        message.accounts.len() - 1
    });
    message.instructions.push(Instruction { program: u8::try_from(at).unwrap(), accounts, data });
}

#[test]
fn transfer_memo_and_guards_stand_in_any_order_and_nothing_else_stands_anywhere() {
    assert_eq!(refusal(|m| m.instructions.truncate(2)), Refusal::InstructionCount);
    let memo_first = resigned(|m| m.instructions.swap(2, 3));
    assert_eq!(verify(&memo_first, &requirement()).unwrap().transfer_at, 3);
    for at in 2..=4 {
        for unknown in
            [Address::new([0; 32]), ASSOCIATED_TOKEN, keys::address(&keys::numbered(8)), COMPUTE_BUDGET]
        {
            let refused = refusal(|m| {
                push(m, unknown, vec![1], vec![3, 0, 0, 0, 0, 0, 0, 0, 0]);
                let last = m.instructions.pop().unwrap();
                m.instructions.insert(at, last);
            });
            assert_eq!(refused, Refusal::UnknownInstruction(u8::try_from(at).unwrap()));
        }
    }
    // A second transfer, of either token program, and a second memo.
    let again = refusal(|m| m.instructions.push(m.instructions[2].clone()));
    assert_eq!(again, Refusal::UnknownInstruction(4));
    let other = refusal(|m| push(m, TOKEN_2022, vec![2, 4, 3, 1], m.instructions[2].data.clone()));
    assert_eq!(other, Refusal::UnknownInstruction(4));
    assert_eq!(refusal(|m| m.instructions.push(m.instructions[3].clone())), Refusal::MemoCount);
    assert_eq!(refusal(|m| drop(m.instructions.remove(2))), Refusal::NoTransfer);
    // Approve, before the transfer.
    let approve = refusal(|m| {
        m.instructions.insert(
            2,
            Instruction { program: 6, accounts: vec![2, 3, 1], data: vec![4, 1, 0, 0, 0, 0, 0, 0, 0] },
        );
    });
    assert_eq!(approve, Refusal::UnknownInstruction(2));
    assert_eq!(
        refusal(|m| (0..11).for_each(|_| m.instructions.push(m.instructions[3].clone()))),
        Refusal::InstructionCount
    );
}

#[test]
fn every_account_of_the_message_is_used() {
    let system = Address::new([0; 32]);
    for unused in [system, LIGHTHOUSE, TOKEN_2022, keys::address(&keys::numbered(8))] {
        let refused = refusal(|m| {
            m.accounts.push(unused);
            m.readonly_unsigned += 1;
        });
        assert_eq!(refused, Refusal::UnusedAccount(unused));
        // A guard may not use it either.
        let refused = refusal(|m| {
            m.accounts.push(unused);
            m.readonly_unsigned += 1;
            guards::insert(m, 2, 8, vec![9, 0, 8]);
        });
        assert!(
            matches!(refused, Refusal::Guard(fault) if fault.problem == GuardProblem::OtherAccount(unused))
        );
    }
}

#[test]
fn nobody_signs_but_the_fee_payer_and_the_payer() {
    use ed25519_dalek::Signer as _;
    let sign = |change: fn(&mut Message)| {
        let mut transaction = transfer().sign(&keys::payer()).unwrap();
        transaction.message.accounts.insert(2, keys::address(&keys::numbered(5)));
        let message = &mut transaction.message;
        for instruction in &mut message.instructions {
            instruction.program += 1;
            instruction.accounts.iter_mut().filter(|index| **index > 1).for_each(|index| *index += 1);
        }
        message.required_signatures = 3;
        change(message);
        transaction.message_bytes = transaction.message.encode().unwrap();
        let signers = [keys::payer(), keys::numbered(5)];
        let signatures = signers.map(|key| key.sign(&transaction.message_bytes).to_bytes());
        transaction.signatures = vec![[0; 64], signatures[0], signatures[1]];
        verify(&transaction.encode().unwrap(), &requirement())
    };
    // As one more account, and as a signer of the memo.
    assert_eq!(sign(|_| {}), Err(Refusal::Signers));
    assert_eq!(sign(|m| m.instructions[3].accounts.push(2)), Err(Refusal::Signers));
}

#[test]
fn a_memo_names_the_payer_or_nobody() {
    assert!(verify(&resigned(|m| m.instructions[3].accounts.push(1)), &requirement()).is_ok());
    for other in [2, 3, 4, 5] {
        assert_eq!(refusal(|m| m.instructions[3].accounts.push(other)), Refusal::MemoAccounts);
        assert_eq!(refusal(|m| m.instructions[3].accounts.extend([1, other])), Refusal::MemoAccounts);
    }
}

#[test]
fn other_token_instructions_are_no_payment() {
    // Transfer (3, unchecked), Approve (4), SetAuthority (6), CloseAccount (9), ApproveChecked (13).
    for kind in [3, 4, 6, 9, 13, 26] {
        assert_eq!(refusal(|m| m.instructions[2].data[0] = kind), Refusal::NoTransfer);
    }
    assert_eq!(refusal(|m| m.accounts[6] = TOKEN_2022), Refusal::Mint);
    assert_eq!(refusal(|m| m.accounts[6] = keys::address(&keys::numbered(8))), Refusal::NoTransfer);
}

#[test]
fn the_payers_signature_covers_every_bit_inv_1() {
    let bytes = transfer().sign(&keys::payer()).unwrap().encode().unwrap();
    // Everything after the fee payer's signature.
    for bytes in [&bytes, &resigned(guards::as_phantom)] {
        for position in 65..bytes.len() {
            let mut altered = bytes.clone();
            altered[position] ^= 1;
            assert!(verify(&altered, &requirement()).is_err(), "byte {position}");
        }
    }
    // The gateway makes the fee payer's signature itself, so whatever stands there changes nothing.
    let mut altered = bytes.clone();
    altered[1] ^= 1;
    assert_eq!(verify(&altered, &requirement()).unwrap().id, verify(&bytes, &requirement()).unwrap().id);
}

#[test]
fn signatures_in_a_second_form_are_refused_inv_1() {
    // s + L is the same scalar; a lax verifier accepts both.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut transaction = transfer().sign(&keys::payer()).unwrap();
    let mut carry = 0u16;
    for (byte, order) in transaction.signatures[1][32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(verify(&transaction.encode().unwrap(), &requirement()), Err(Refusal::Signature));
}

#[test]
fn a_key_for_which_anybody_can_sign_pays_nothing_inv_1() {
    // The neutral element as the key and in the signature: a lax verifier accepts it for any message.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let payer = Address::new(neutral);
    let source = associated_token_account(&payer, &transfer().mint, TokenProgram::Spl).unwrap();
    let mut transaction = transfer().sign(&keys::payer()).unwrap();
    (transaction.message.accounts[1], transaction.message.accounts[2]) = (payer, source);
    transaction.message_bytes = transaction.message.encode().unwrap();
    transaction.signatures[1] = [neutral, [0; 32]].concat().try_into().unwrap();
    assert_eq!(verify(&transaction.encode().unwrap(), &requirement()), Err(Refusal::Signature));
}

#[test]
fn a_memo_is_given_as_it_is_inv_1() {
    let with = |memo| {
        let bytes = Transfer { memo, ..transfer() }.sign(&keys::payer()).unwrap().encode().unwrap();
        verify(&bytes, &requirement()).unwrap()
    };
    assert_eq!(with(None).memo, None);
    for text in [MEMO_TEXT, "", "anything", &MEMO_TEXT[1..], &format!("{MEMO_TEXT} ")] {
        assert_eq!(with(Some(text)).memo.as_deref(), Some(text.as_bytes()));
    }
}

proptest! {
    #[test]
    fn strange_bytes_never_panic_and_never_pay(bytes in proptest::collection::vec(any::<u8>(), 0..1300)) {
        prop_assert!(verify(&bytes, &requirement()).is_err());
    }

    #[test]
    fn mutated_payments_never_panic_and_never_pay(
        edits in proptest::collection::vec((65usize..500, any::<u8>()), 1..6),
        cut in 0usize..20,
    ) {
        let original = transfer().sign(&keys::payer()).unwrap().encode().unwrap();
        let mut bytes = original.clone();
        for (position, value) in edits {
            if let Some(byte) = bytes.get_mut(position) { *byte = value; }
        }
        bytes.truncate(original.len() - cut);
        prop_assume!(bytes != original);
        prop_assert!(verify(&bytes, &requirement()).is_err());
    }
}
