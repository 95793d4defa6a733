use ed25519_dalek::{Signature, VerifyingKey};
use std::sync::Arc;

use serde_json::{Value, json};

use super::chain::{ACCOUNT, LATEST, SEND, SIMULATE, VALID, account};
use super::faults::faults;
use super::node::Reply;
use super::*;
use crate::encoding::{base64, from_base64};
use crate::error::SettleError;
use crate::settlement::recent::RECENT_BLOCKHASHES;
use crate::svm::programs::{SPL_TOKEN, TOKEN_2022};
use crate::svm::transaction::Transaction;

pub(super) const SIMULATION_FAILED: &str = "invalid_exact_svm_transaction_simulation_failed";

static PAYMENT_2022: LazyLock<VerifiedPayment> = LazyLock::new(|| signed(MEMO_TEXT, TokenProgram::Token2022));

/// Prepares the payment in a Token-2022 mint with this account.
fn prepare_2022(world: &World, mint: Option<Value>) -> Result<Prepared, PrepareError> {
    let token = token(TokenProgram::Token2022);
    world.node.chain().accounts.extend(mint.map(|mint| (token.mint.to_string(), mint)));
    let prepared =
        block_on(world.settlement().prepare(&verified(&PAYMENT_2022, TokenProgram::Token2022), NOW));
    assert!(!world.node.methods().iter().any(|method| method == SEND));
    prepared
}

/// Prepares the payment.
pub(super) fn prepare(world: &World) -> Result<Prepared, PrepareError> {
    let prepared = world.prepare(&FIXTURE.payment);
    assert!(!world.node.methods().iter().any(|method| method == SEND));
    prepared
}

fn plain_mint() -> Value {
    account(&TOKEN_2022.to_string(), &[0; 82], 1)
}

/// Returns a Token-2022 mint with one extension.
fn extended_mint(kind: u8, value: &[u8]) -> Value {
    let mut data = vec![0; 165];
    data.extend([1, kind, 0, u8::try_from(value.len()).unwrap(), 0]);
    data.extend(value);
    account(&TOKEN_2022.to_string(), &data, 1)
}

pub(super) fn reason(prepared: Result<Prepared, PrepareError>) -> &'static str {
    match prepared {
        Err(PrepareError::Refused { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn the_payers_message_is_not_touched_and_our_signature_is_first_inv_1() {
    let world = World::new();
    let prepared = prepare(&world).unwrap();
    let bytes = from_base64(&prepared.rail.exact().transaction).unwrap();
    let (signed, given) = (Transaction::decode(&bytes).unwrap(), &FIXTURE.payment.transaction);
    assert_eq!(signed.message_bytes, given.message_bytes);
    assert_eq!(signed.signatures.len(), 2);
    assert_eq!(signed.signatures[1], given.signatures[1]);
    let key = VerifyingKey::from_bytes(world.settlement().fee_payers()[0].as_bytes()).unwrap();
    let ours = Signature::from_bytes(&signed.signatures[0]);
    key.verify_strict(&given.message_bytes, &ours).unwrap();
    assert_eq!(prepared.rail.exact().signature, bs58::encode(signed.signatures[0]).into_string());
    // The height of the blockhash's own block, whose slot is 4990.
    assert_eq!(prepared.rail.exact().height, 3_990);
}

#[test]
fn the_same_payment_is_made_ready_as_the_same_bytes_inv_1() {
    let mut payment = FIXTURE.payment.clone();
    // A foreign signature in the fee payer's place changes nothing.
    Arc::make_mut(&mut payment.transaction).signatures[0] = [7; 64];
    assert_eq!(World::new().prepare(&payment).unwrap(), FIXTURE.prepared);
}

#[test]
fn the_height_is_read_after_the_blockhash_was_seen_valid_inv_3() {
    let world = World::new();
    prepare(&world).unwrap();
    assert_eq!(world.node.methods(), [VALID, ACCOUNT, LATEST, SIMULATE]);
    let calls = world.node.calls();
    let hash = bs58::encode(FIXTURE.payment.transaction.message.blockhash).into_string();
    assert_eq!(calls[0].1, json!([hash, { "commitment": "confirmed", "minContextSlot": 0 }]));
    let list = json!({ "encoding": "base64", "commitment": "confirmed", "minContextSlot": 4_998 });
    assert_eq!(calls[1].1, json!([RECENT_BLOCKHASHES, list]));
    assert_eq!(calls[2].1, json!([{ "commitment": "confirmed", "minContextSlot": 4_998 }]));
    assert_eq!(calls[3].1[1]["replaceRecentBlockhash"], false);
    let accounts = json!([FIXTURE.payment.source, FIXTURE.payment.fee_payer]);
    assert_eq!(calls[3].1[1]["accounts"], json!({ "encoding": "base64", "addresses": accounts }));
}

#[test]
fn neither_our_signature_nor_the_id_made_of_it_leaves_before_the_claim_inv_1() {
    let world = World::new();
    let mut payment = FIXTURE.payment.clone();
    // The simulation is unsigned even if the buyer has put that signature there.
    Arc::make_mut(&mut payment.transaction).signatures[0] =
        crate::encoding::from_base58_long(&FIXTURE.prepared.rail.exact().signature).unwrap();
    world.prepare(&payment).unwrap();
    for (method, params) in world.node.calls().iter() {
        let text = params.to_string();
        assert!(!text.contains(&FIXTURE.prepared.rail.exact().signature), "{method}");
        let sent = params[0].as_str().filter(|_| method == SIMULATE).and_then(from_base64);
        if let Some(bytes) = sent {
            assert_eq!(Transaction::decode(&bytes).unwrap().signatures[0], [0; 64]);
        }
    }
    let simulated = world.node.calls().last().unwrap().1.clone();
    assert_eq!(simulated[1]["sigVerify"], false);
}

#[test]
fn what_a_purchase_learns_of_the_chain_is_offered_to_the_next_buyers_for_20_seconds_inv_8() {
    let world = World::new();
    let settlement = world.settlement();
    assert_eq!(settlement.recent_blockhash(NOW), None);
    block_on(settlement.prepare(&verified(&FIXTURE.payment, TokenProgram::Spl), NOW)).unwrap();
    let before = world.node.calls().len();
    let recent = settlement.recent_blockhash(NOW).unwrap();
    assert_eq!((recent.blockhash, recent.last_valid_block_height), ([9; 32], 4_148));
    assert!(settlement.recent_blockhash(NOW.plus_millis(19_999)).is_some());
    assert!(settlement.recent_blockhash(NOW.plus_millis(20_000)).is_none());
    assert_eq!(world.node.calls().len(), before, "nobody is asked for it");
}

#[test]
fn the_node_is_asked_for_a_blockhash_at_most_once_in_five_seconds_for_all_who_ask() {
    let world = World::new();
    let settlement = world.settlement();
    let fetch = |ms| block_on(settlement.fetch_blockhash(NOW.plus_millis(ms)));
    world.node.next(LATEST, Reply::Honest);
    world.node.next(LATEST, Reply::TimeOut);
    assert!(fetch(0).is_ok());
    for ms in [0, 1, 4_999] {
        assert_eq!(fetch(ms), Err(SettleError::AskedJustNow));
    }
    assert!(fetch(5_000).is_err(), "the node does not answer");
    assert_eq!(fetch(9_999), Err(SettleError::AskedJustNow), "not even if it did not answer");
    let fetched = fetch(10_000).unwrap();
    assert_eq!(settlement.recent_blockhash(NOW.plus_millis(10_000)), Some(fetched));
    assert_eq!(world.node.methods(), [LATEST, LATEST, LATEST]);
    // A clock that was set back must not keep the node from being asked for long.
    let back = Timestamp::from_millis(NOW.millis() - 60_000);
    assert!(block_on(settlement.fetch_blockhash(back)).is_ok());
}

#[test]
fn a_guard_that_does_not_hold_any_more_is_to_be_signed_again_and_nothing_else_is_inv_3() {
    let payment = guarded();
    let refused = |at: u8| {
        let world = World::new();
        world.node.chain().fails_with = Some(json!({ "InstructionError": [at, { "Custom": 6001 }] }));
        reason(world.prepare(&payment))
    };
    assert_eq!(
        [2, 3, 4, 5].map(refused),
        [SIMULATION_FAILED, SIMULATION_FAILED, "sign_again", SIMULATION_FAILED]
    );
}

#[test]
fn the_mint_of_token_2022_is_read_before_the_simulation_inv_5() {
    let world = World::new();
    prepare_2022(&world, Some(plain_mint())).unwrap();
    assert_eq!(world.node.methods(), [VALID, ACCOUNT, LATEST, ACCOUNT, SIMULATE]);
    assert_eq!(world.node.calls()[3].1[0], json!(token(TokenProgram::Token2022).mint));
}

#[test]
fn an_answer_that_cant_be_read_refuses_nobody_and_claims_nothing_inv_3() {
    for method in [VALID, LATEST, ACCOUNT, SIMULATE] {
        for (fault, reply) in faults(method) {
            let world = World::new();
            world.node.always(method, reply);
            let error = prepare_2022(&world, Some(plain_mint())).unwrap_err();
            let PrepareError::Unavailable(error) = error else { panic!("{fault}: {error:?}") };
            assert!(!error.to_string().contains("secret"), "{fault}: {error}");
            // Nothing is asked after the fault, because no later answer can make up for it.
            assert_eq!(world.node.methods().last().unwrap(), method, "{fault}");
        }
    }
}

#[test]
fn a_node_that_lags_behind_the_one_that_saw_the_blockhash_sets_no_height_inv_3() {
    let world = World::new();
    world.node.always(LATEST, Reply::Behind(1));
    assert!(matches!(prepare(&world), Err(PrepareError::Unavailable(_))));
}

#[test]
fn an_error_of_null_beside_a_result_is_none() {
    let world = World::new();
    for method in [VALID, LATEST, SIMULATE] {
        world.node.always(method, Reply::Changed(|answer| answer["error"] = Value::Null));
    }
    assert_eq!(prepare(&world).as_ref(), Ok(&FIXTURE.prepared));
}

#[test]
fn what_is_on_chain_in_any_way_is_settled_already_inv_1() {
    for blocks in [2, 40, 135, 400] {
        let (landed, failed) = (World::new(), World::new());
        landed.landed(blocks);
        failed.failed(blocks);
        for world in [landed, failed] {
            world.node.reset();
            // Nodes recognise it by its message while its blockhash lives, and nothing lands after that.
            match prepare(&world) {
                Err(PrepareError::AlreadySettled) => assert!(blocks < 150, "{blocks}"),
                Err(PrepareError::Refused { reason, .. }) => {
                    assert!(blocks >= 145, "{blocks}");
                    assert_eq!(reason, SIMULATION_FAILED);
                }
                other => panic!("{blocks}: {other:?}"),
            }
        }
    }
}

#[test]
fn what_lands_while_it_is_made_ready_is_settled_already_inv_1() {
    for after in 0..2 {
        let world = World::new();
        world.send();
        world.node.reset();
        let nothing = |_: &mut chain::Chain| ();
        let mut changes: Vec<node::Meanwhile> = (0..after).map(|_| Box::new(nothing) as _).collect();
        changes.push(Box::new(|chain| {
            chain.land();
            chain.pass(2);
        }));
        world.node.meanwhile(changes);
        assert_eq!(prepare(&world), Err(PrepareError::AlreadySettled), "after call {after}");
    }
}

#[test]
fn a_payment_that_was_given_up_cant_be_made_ready_again_inv_1() {
    let world = World::new();
    world.passed(400);
    assert!(matches!(world.outcome(Effort::Thorough), Outcome::Failed { .. }));
    assert_eq!(reason(prepare(&world)), SIMULATION_FAILED);
}

#[test]
fn what_the_chain_would_refuse_is_refused_with_a_stable_reason_inv_2() {
    let insufficient = "insufficient_funds";
    let cases = [
        (json!({ "InstructionError": [2, { "Custom": 1 }] }), insufficient),
        (json!({ "InstructionError": [2, { "Custom": 0 }] }), SIMULATION_FAILED),
        (json!({ "InstructionError": [2, { "Custom": 17 }] }), SIMULATION_FAILED),
        (json!({ "InstructionError": [2, { "Custom": -1 }] }), SIMULATION_FAILED),
        (json!({ "InstructionError": [2, { "Custom": "1" }] }), SIMULATION_FAILED),
        (json!({ "InstructionError": [2, "InvalidAccountData"] }), SIMULATION_FAILED),
        (json!({ "InstructionError": [3, "ProgramFailedToComplete"] }), SIMULATION_FAILED),
        (json!({ "InstructionError": [2, "ComputationalBudgetExceeded"] }), SIMULATION_FAILED),
        (json!({ "InstructionError": [] }), SIMULATION_FAILED),
        (json!({ "InstructionError": null }), SIMULATION_FAILED),
        (json!("BlockhashNotFound"), SIMULATION_FAILED),
        (json!("AccountInUse"), SIMULATION_FAILED),
        (json!("SignatureFailure"), SIMULATION_FAILED),
        (json!("an error of the future"), SIMULATION_FAILED),
        (json!({ "DuplicateInstruction": 2 }), SIMULATION_FAILED),
        (json!({}), SIMULATION_FAILED),
        (json!([]), SIMULATION_FAILED),
        (json!(false), SIMULATION_FAILED),
        (json!(0), SIMULATION_FAILED),
        (json!(""), SIMULATION_FAILED),
    ];
    for (error, expected) in cases {
        let world = World::new();
        world.node.chain().fails_with = Some(error.clone());
        assert_eq!(reason(prepare(&world)), expected, "{error}");
    }
    let world = World::new();
    world.node.chain().fails_with = Some(json!("AlreadyProcessed"));
    assert_eq!(prepare(&world), Err(PrepareError::AlreadySettled));
}

#[test]
fn only_the_transfers_own_error_speaks_of_funds() {
    for instruction in [0, 1, 3, 4, 5] {
        let world = World::new();
        world.node.chain().fails_with = Some(json!({ "InstructionError": [instruction, { "Custom": 1 }] }));
        assert_eq!(reason(prepare(&world)), SIMULATION_FAILED, "{instruction}");
    }
}

#[test]
fn a_fee_payer_without_funds_is_our_fault_not_the_buyers() {
    let errors = [
        json!("InsufficientFundsForFee"),
        json!("AccountNotFound"),
        json!("InvalidAccountForFee"),
        json!({ "InsufficientFundsForRent": { "account_index": 0 } }),
    ];
    for error in errors {
        let world = World::new();
        world.node.chain().fails_with = Some(error.clone());
        assert!(matches!(prepare(&world), Err(PrepareError::Unavailable(_))), "{error}");
    }
}

#[test]
fn mints_that_move_something_else_than_was_signed_are_refused_inv_5() {
    let (mut fee, mut hook) = (vec![0; 108], vec![0; 64]);
    let off = [extended_mint(1, &fee), extended_mint(14, &hook), extended_mint(3, &[7; 32])];
    for mint in off.into_iter().chain([plain_mint()]) {
        assert!(prepare_2022(&World::new(), Some(mint)).is_ok());
    }
    fee[106] = 1;
    hook[63] = 1;
    let refused = [
        ("a fee", Some(extended_mint(1, &fee))),
        ("a fee that can't be read", Some(extended_mint(1, &[0; 20]))),
        ("a hook", Some(extended_mint(14, &hook))),
        ("not transferable", Some(extended_mint(9, &[]))),
        ("paused", Some(extended_mint(26, &[1; 33]))),
        ("an unknown owner", Some(account("11111111111111111111111111111111", &[0; 82], 1))),
        ("the other token program's", Some(account(&SPL_TOKEN.to_string(), &[0; 82], 1))),
        ("no data", Some(account(&TOKEN_2022.to_string(), &[], 1))),
        ("a token account", Some(account(&TOKEN_2022.to_string(), &[0; 165], 1))),
        ("ends early", Some(account(&TOKEN_2022.to_string(), &[0; 81], 1))),
        ("missing", None),
    ];
    for (name, mint) in refused {
        let world = World::new();
        assert_eq!(reason(prepare_2022(&world, mint)), "unsupported_mint", "{name}");
        assert_eq!(world.node.methods().last().unwrap(), ACCOUNT, "{name}");
    }
}

#[test]
fn a_mint_of_the_first_token_program_needs_no_look() {
    let world = World::new();
    prepare(&world).unwrap();
    let asked: Vec<_> = world.node.calls().iter().filter(|(method, _)| method == ACCOUNT).cloned().collect();
    assert!(matches!(asked.as_slice(), [(_, params)] if params[0] == RECENT_BLOCKHASHES), "{asked:?}");
}

#[test]
fn refusals_tell_the_buyer_what_to_do_and_nothing_of_the_node_inv_9() {
    let world = World::new();
    world.node.chain().fails_with = Some(json!({ "secret": "secret" }));
    let error = format!("{:?}", prepare(&world).unwrap_err());
    assert!(!error.contains("secret"), "{error}");
    let blockhash = World::new();
    blockhash.passed(1_000);
    let Err(PrepareError::Refused { detail, .. }) = prepare(&blockhash) else { panic!("not refused") };
    assert!(detail.contains("sign again"), "{detail}");
}

#[test]
fn the_prepared_bytes_are_standard_base64() {
    let bytes = from_base64(&FIXTURE.prepared.rail.exact().transaction).unwrap();
    assert_eq!(base64(&bytes), FIXTURE.prepared.rail.exact().transaction);
    assert!(FIXTURE.claim.rail.exact().signature.len() <= 88);
}
