//! Transactions that would make the fee payer, or another's account, pay. None is signed.

use super::sales::ACCESS;
use super::theft::{THIEF, VICTIM, assert_nothing_to_steal, assert_refused, doctored, with_thief};
use crate::gateway::SaleError;
use crate::svm::programs::ASSOCIATED_TOKEN;
use crate::svm::transaction::{Instruction, Message};
use crate::svm::{Address, TokenProgram, associated_token_account};
use crate::testkit::gateway::sold;
use crate::testkit::world::World;
use crate::testkit::{guards, keys};

#[test]
fn a_delegate_can_not_pay_with_what_is_another_s_inv_1_5() {
    let world = World::new();
    let mint = world.deployment.config.merchant.tokens[0].token.mint;
    let victim = keys::address(&keys::numbered(VICTIM));
    let theirs = associated_token_account(&victim, &mint, TokenProgram::Spl).unwrap();
    let payment = doctored(&world, THIEF, |message| message.accounts[2] = theirs);
    assert_refused(&payment, &world, "invalid_exact_svm_payload_source_mismatch");
    // Nor can another wallet sign in the place of the payer that is named.
    let payment = doctored(&world, THIEF, |message| {
        message.accounts[1] = victim;
        message.accounts[2] = theirs;
    });
    assert_refused(&payment, &world, "invalid_exact_svm_payload_signature_invalid");
}

#[test]
fn the_fee_payer_pays_lends_and_creates_nothing() {
    let world = World::new();
    let involved = "invalid_exact_svm_payload_transaction_fee_payer_transferring_funds";
    let unknown = "invalid_exact_svm_payload_unknown_instruction";
    // As the authority, as the source, and as a signer of a memo.
    let at = |place: usize| move |m: &mut Message| m.instructions[2].accounts[place] = 0;
    assert_refused(&doctored(&world, THIEF, at(3)), &world, involved);
    assert_refused(&doctored(&world, THIEF, at(0)), &world, involved);
    assert_refused(&doctored(&world, THIEF, |m| m.instructions[3].accounts.push(0)), &world, involved);
    // A transfer of its SOL, an account created with it, and its account assigned, each with and without naming it.
    let calls: [(Address, Vec<u8>); 3] = [
        (Address::new([0; 32]), [vec![2, 0, 0, 0], 1_000_000u64.to_le_bytes().to_vec()].concat()),
        (ASSOCIATED_TOKEN, vec![1]),
        (Address::new([0; 32]), [vec![1, 0, 0, 0], [9; 32].to_vec()].concat()),
    ];
    for (program, data) in calls {
        for (accounts, reason) in [(vec![0, 1], involved), (vec![1, 2], unknown)] {
            let data = data.clone();
            let payment = doctored(&world, THIEF, move |message| {
                let at = u8::try_from(message.accounts.len()).unwrap();
                message.accounts.push(program);
                message.readonly_unsigned += 1;
                message.instructions.push(Instruction { program: at, accounts, data });
            });
            assert_refused(&payment, &world, reason);
        }
    }
    // The message has an account that no instruction uses. With it, a program could call the System program.
    let payment = doctored(&world, THIEF, |message| {
        message.accounts.push(Address::new([0; 32]));
        message.readonly_unsigned += 1;
    });
    assert_refused(&payment, &world, "invalid_exact_svm_payload_unused_account");
    // A durable nonce would keep the transaction alive for ever, and its authority could be the fee payer.
    let payment = doctored(&world, THIEF, |message| {
        let at = u8::try_from(message.accounts.len()).unwrap();
        message.accounts.push(Address::new([0; 32]));
        message.readonly_unsigned += 1;
        let nonce = Instruction { program: at, accounts: vec![2, 1], data: vec![4, 0, 0, 0] };
        message.instructions.insert(0, nonce);
    });
    let reason = "invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction";
    assert_refused(&payment, &world, reason);
    // And once more under its own name at the end of the list.
    let payment = doctored(&world, THIEF, |message| {
        let at = u8::try_from(message.accounts.len()).unwrap();
        message.accounts.push(message.accounts[0]);
        message.readonly_unsigned += 1;
        message.instructions[3].accounts.push(at);
    });
    assert_refused(&payment, &world, "invalid_exact_svm_payload_transaction_could_not_be_decoded");
}

#[test]
fn a_guard_makes_the_fee_payer_pay_for_nothing_and_is_named() {
    let world = World::new();
    let mut last = None;
    let reason = "invalid_exact_svm_payload_wallet_guard";
    // Writing memory, closing it and comparing a delta with the fee payer's account, a wallet guard with wrong
    // accounts, and a guard of the merchant's token account.
    for (accounts, data) in [
        (vec![0], vec![0, 0]),
        (vec![0], vec![1, 0, 0]),
        (vec![0, 1], vec![4, 0, 0]),
        (vec![0, 5], guards::phantom().wallet),
        (vec![], guards::phantom().wallet),
        (vec![3], guards::multi(guards::TOKEN_ACCOUNT_MULTI, &[guards::number(2, 0, 4)])),
    ] {
        let payment = doctored(&world, THIEF, |message| {
            let program = guards::program(message);
            message.instructions.push(Instruction { program, accounts, data });
        });
        assert_refused(&payment, &world, reason);
        last = world.buy("door-1", ACCESS, &payment);
    }
    let Some(Err(SaleError::Refused { guard: Some(fault), .. })) = last else { panic!("{last:?}") };
    let words =
        "kind 10 AssertTokenAccountMulti, of the merchant's token account: assertion 2 Amount is not allowed";
    assert!(fault.to_string().ends_with(words), "{fault}");
}

#[test]
fn a_payment_with_phantoms_guards_is_sold_once_and_its_bytes_are_worth_nothing_inv_1() {
    let (world, own) = with_thief();
    let payment = doctored(&world, VICTIM, guards::as_phantom);
    sold(world.buy("door-1", ACCESS, &payment));
    sold(world.buy("door-1", ACCESS, &payment));
    assert_nothing_to_steal(&world, &payment, &own);
    assert_eq!(world.charged(), 2, "the thief's own, and this one");
}

#[test]
fn a_priority_fee_over_the_cap_is_refused_before_it_is_signed() {
    let mut world = World::new();
    let budget = |units: u32, price: u64| {
        move |message: &mut Message| {
            message.instructions[0].data[1..].copy_from_slice(&units.to_le_bytes());
            message.instructions[1].data[1..].copy_from_slice(&price.to_le_bytes());
        }
    };
    let reason =
        |what: &str| format!("invalid_exact_svm_payload_transaction_instructions_compute_{what}_too_high");
    let (limit, price) = (reason("limit_instruction"), reason("price_instruction"));
    assert_refused(&doctored(&world, THIEF, budget(400_001, 1)), &world, &limit);
    assert_refused(&doctored(&world, THIEF, budget(u32::MAX, u64::MAX)), &world, &limit);
    assert_refused(&doctored(&world, THIEF, budget(1, 5_000_001)), &world, &price);
    // Units times price exceed 64 bits.
    assert_refused(&doctored(&world, THIEF, budget(400_000, u64::MAX)), &world, &price);
    assert_refused(&doctored(&world, THIEF, budget(400_000, u64::MAX / 400_000 + 1)), &world, &price);
    // The limit for one sale, exceeded by one lamport: 10,000 for two signatures, and 2 for the rest.
    world.deployment.config.settlement.max_fee_lamports = 10_001;
    assert_refused(&doctored(&world, THIEF, budget(20_000, 51)), &world, &price);
    world.deployment.config.settlement.max_fee_lamports = 10_002;
    sold(world.buy("door-1", ACCESS, &doctored(&world, THIEF, budget(20_000, 51))));
}
