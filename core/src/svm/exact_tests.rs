use proptest::prelude::*;

use super::*;
use crate::svm::associated_token_account;
use crate::svm::build::Transfer;
use crate::svm::programs::{SPL_TOKEN, TOKEN_2022};
use crate::testkit::keys;

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
        memo: Some(MEMO_TEXT.to_owned()),
        max_fee_lamports: 20_000,
    }
}

/// A payment changed in its message and signed again by the payer.
fn resigned(change: impl FnOnce(&mut Message)) -> Vec<u8> {
    use ed25519_dalek::Signer as _;
    let mut transaction = transfer().sign(&keys::payer()).unwrap();
    change(&mut transaction.message);
    transaction.message_bytes = transaction.message.encode();
    transaction.signatures[1] = keys::payer().sign(&transaction.message_bytes).to_bytes();
    transaction.encode()
}

fn refusal(change: impl FnOnce(&mut Message)) -> Refusal {
    verify(&resigned(change), &requirement()).unwrap_err()
}

#[test]
fn an_honest_payment_is_verified() {
    let bytes = transfer().sign(&keys::payer()).unwrap().encode();
    let payment = verify(&bytes, &requirement()).unwrap();
    assert_eq!(payment.payer, keys::address(&keys::payer()));
    assert_eq!(payment.fee_lamports, 10_001);
    assert_eq!(payment.source.to_string(), "F3Y4H87wMpfUznsBenu1vXP7DRS6fQa9SAGr9yvyN3XU");
}

#[test]
fn another_amount_mint_recipient_fee_payer_or_memo_is_refused_inv_1() {
    let bytes = transfer().sign(&keys::payer()).unwrap().encode();
    let other = keys::address(&keys::numbered(3));
    let cases: [(fn(&mut Requirement, Address), Refusal); 6] = [
        (|r, _| r.amount = Amount::new(10_001), Refusal::Amount),
        (|r, other| r.mint = other, Refusal::Mint),
        (|r, _| r.decimals = 9, Refusal::Mint),
        (|r, other| r.destination = other, Refusal::Recipient),
        (|r, other| r.fee_payer = other, Refusal::FeePayer),
        (|r, _| r.memo = Some("q".to_owned()), Refusal::Memo),
    ];
    for (change, expected) in cases {
        let mut requirement = requirement();
        change(&mut requirement, other);
        assert_eq!(verify(&bytes, &requirement), Err(expected));
    }
}

#[test]
fn the_fee_payer_can_neither_pay_nor_take_part() {
    // As an account of the transfer, of a memo, and as the authority.
    assert_eq!(refusal(|m| m.instructions[2].accounts[0] = 0), Refusal::FeePayerInvolved);
    assert_eq!(refusal(|m| m.instructions[3].accounts.push(0)), Refusal::FeePayerInvolved);
    assert_eq!(refusal(|m| m.instructions[2].accounts[3] = 0), Refusal::FeePayerInvolved);
    let mut own = transfer();
    own.pay_to = keys::address(&keys::numbered(3));
    assert!(own.sign(&keys::fee_payer()).is_none());
}

#[test]
fn only_the_owner_of_the_source_may_pay_a_delegate_may_not() {
    // Somebody else's account as the source, the payer as its delegate.
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
    // Its own account as source and destination, once in the list.
    transaction.message.instructions[2].accounts[0] = 3;
    transaction.message_bytes = transaction.message.encode();
    transaction.signatures[1] = merchant.sign(&transaction.message_bytes).to_bytes();
    assert_eq!(verify(&transaction.encode(), &requirement()), Err(Refusal::Source));
}

#[test]
fn the_compute_budget_is_bounded() {
    let limit =
        |units: u32| move |m: &mut Message| m.instructions[0].data[1..].copy_from_slice(&units.to_le_bytes());
    let price =
        |micro: u64| move |m: &mut Message| m.instructions[1].data[1..].copy_from_slice(&micro.to_le_bytes());
    assert_eq!(refusal(limit(200_001)), Refusal::ComputeLimitTooHigh);
    assert_eq!(refusal(price(50_001)), Refusal::ComputePriceTooHigh);
    assert_eq!(refusal(price(u64::MAX)), Refusal::ComputePriceTooHigh);
    // 200,000 units at 50,000 micro-lamports are 10,000 lamports: just affordable.
    let both = resigned(|m| {
        limit(200_000)(m);
        price(50_000)(m);
    });
    assert_eq!(verify(&both, &requirement()).unwrap().fee_lamports, 20_000);
    assert_eq!(
        verify(&both, &Requirement { max_fee_lamports: 19_999, ..requirement() }),
        Err(Refusal::ComputePriceTooHigh)
    );

    assert_eq!(refusal(|m| m.instructions[0].data = vec![2, 0, 0, 0]), Refusal::ComputeLimit);
    assert_eq!(refusal(|m| m.instructions[0].data[0] = 1), Refusal::ComputeLimit);
    assert_eq!(refusal(|m| m.instructions[0].accounts.push(1)), Refusal::ComputeLimit);
    assert_eq!(refusal(|m| m.instructions[1].data.push(0)), Refusal::ComputePrice);
    assert_eq!(refusal(|m| m.instructions.swap(0, 1)), Refusal::ComputeLimit);
}

#[test]
fn the_layout_is_the_specified_one() {
    assert_eq!(refusal(|m| m.instructions.truncate(2)), Refusal::InstructionCount);
    assert_eq!(
        refusal(|m| {
            let memo = m.instructions[3].clone();
            m.instructions.extend([memo.clone(), memo.clone(), memo])
        }),
        Refusal::InstructionCount
    );
    // Lighthouse may stand fourth and fifth, a memo fourth to sixth, exactly one of them.
    let with = |programs: &[Address]| {
        let programs = programs.to_vec();
        resigned(move |m| {
            let memo = m.instructions.pop().unwrap();
            m.accounts.truncate(7);
            for program in &programs {
                let at = m.accounts.iter().position(|a| a == program).unwrap_or_else(|| {
                    m.accounts.push(*program);
                    m.accounts.len() - 1
                });
                let data = if *program == MEMO { memo.data.clone() } else { vec![1, 2, 3] };
                m.instructions.push(Instruction {
                    program: u8::try_from(at).unwrap(),
                    accounts: vec![1],
                    data,
                });
            }
            m.readonly_unsigned = u8::try_from(m.accounts.len() - 4).unwrap();
        })
    };
    let cases: [(&[Address], Result<(), Refusal>); 8] = [
        (&[LIGHTHOUSE, MEMO], Ok(())),
        (&[LIGHTHOUSE, LIGHTHOUSE, MEMO], Ok(())),
        (&[MEMO, LIGHTHOUSE], Ok(())),
        (&[LIGHTHOUSE], Err(Refusal::MemoCount)),
        (&[MEMO, MEMO], Err(Refusal::MemoCount)),
        (&[MEMO, LIGHTHOUSE, LIGHTHOUSE], Err(Refusal::UnknownInstruction(5))),
        (&[TOKEN_2022, MEMO], Err(Refusal::UnknownInstruction(3))),
        (&[MEMO, SPL_TOKEN], Err(Refusal::UnknownInstruction(4))),
    ];
    for (programs, expected) in cases {
        assert_eq!(verify(&with(programs), &requirement()).map(|_| ()), expected, "{programs:?}");
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
    let bytes = transfer().sign(&keys::payer()).unwrap().encode();
    // Everything behind the fee payer's signature slot.
    for position in 65..bytes.len() {
        let mut altered = bytes.clone();
        altered[position] ^= 1;
        assert!(verify(&altered, &requirement()).is_err(), "byte {position}");
    }
    // The fee payer's own signature is ours to make: whatever stands there changes nothing.
    let mut altered = bytes.clone();
    altered[1] ^= 1;
    assert_eq!(verify(&altered, &requirement()).unwrap().id, verify(&bytes, &requirement()).unwrap().id);
}

#[test]
fn signatures_in_a_second_form_are_refused_inv_1() {
    // s + L is the same scalar: a lax verifier takes both.
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
    assert_eq!(verify(&transaction.encode(), &requirement()), Err(Refusal::Signature));
}

#[test]
fn a_key_for_which_anybody_can_sign_pays_nothing_inv_1() {
    // The neutral element as the key and in the signature: a lax verifier takes it for any message.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let payer = Address::new(neutral);
    let source = associated_token_account(&payer, &transfer().mint, TokenProgram::Spl).unwrap();
    let mut transaction = transfer().sign(&keys::payer()).unwrap();
    (transaction.message.accounts[1], transaction.message.accounts[2]) = (payer, source);
    transaction.message_bytes = transaction.message.encode();
    transaction.signatures[1] = [neutral, [0; 32]].concat().try_into().unwrap();
    assert_eq!(verify(&transaction.encode(), &requirement()), Err(Refusal::Signature));
}

#[test]
fn a_v1_payment_needs_no_memo_and_may_have_one() {
    let v1 = Requirement { memo: None, ..requirement() };
    for memo in [None, Some("anything")] {
        let bytes = Transfer { memo, ..transfer() }.sign(&keys::payer()).unwrap().encode();
        assert!(verify(&bytes, &v1).is_ok());
        let expected = if memo.is_some() { Refusal::Memo } else { Refusal::MemoCount };
        assert_eq!(verify(&bytes, &requirement()), Err(expected));
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
        let original = transfer().sign(&keys::payer()).unwrap().encode();
        let mut bytes = original.clone();
        for (position, value) in edits {
            if let Some(byte) = bytes.get_mut(position) { *byte = value; }
        }
        bytes.truncate(original.len() - cut);
        prop_assume!(bytes != original);
        prop_assert!(verify(&bytes, &requirement()).is_err());
    }
}
