//! Any sequence of faults, against the true state of the chain.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

use super::chain::{
    EPOCH, HEIGHT, LATEST, Landed, SEND, SIGNATURES, SIMULATE, STATUSES, TRANSACTION, VALID, shown,
};
use super::faults::faults;
use super::node::Reply;
use super::*;
use crate::encoding::from_base64;
use crate::session::Landing;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// This many blocks pass.
    Pass(u64),
    /// The payment is sent.
    Send,
    /// The next block takes the payment.
    Land,
    /// Whatever is not final is undone, and what lands after that has no error.
    Fork,
    /// The outcome is asked for, with faults in the height, the statuses, the account's list and the
    /// transaction. One of the last three does not hide the payment.
    ClaimRequest(Effort, [Fault; 4], usize),
}

/// How one kind of call is answered.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    /// With one of the answers that can't be read.
    Unreadable(usize),
    /// With no knowledge of the payment, or with the state before it.
    Hidden,
    /// With something that never happened.
    Invented(usize),
    /// By a node that is this many blocks behind.
    Behind(u64),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::None),
        1 => (0usize..1_000).prop_map(Fault::Unreadable),
        5 => Just(Fault::Hidden),
        1 => (0usize..1_000).prop_map(Fault::Invented),
        1 => (0u64..300).prop_map(Fault::Behind),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let effort = prop_oneof![1 => Just(Effort::Quick), 3 => Just(Effort::Thorough)];
    let faults = [fault(), fault(), fault(), fault()];
    prop_oneof![
        3 => (0u64..60).prop_map(Step::Pass),
        1 => (100u64..400).prop_map(Step::Pass),
        2 => Just(Step::Send),
        2 => Just(Step::Land),
        1 => Just(Step::Fork),
        8 => (effort, faults, 0usize..3).prop_map(|(effort, faults, one)| Step::ClaimRequest(effort, faults, one)),
    ]
}

/// Returns the start of a sequence. Most begin where the payment is on the chain or nearly dead, so that they get far.
fn start() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![
        1 => Just(vec![]),
        3 => (0u64..139, 0u64..250)
            .prop_map(|(before, after)| vec![Step::Pass(before), Step::Send, Step::Land, Step::Pass(after)]),
        1 => (130u64..190).prop_map(|before| vec![Step::Send, Step::Pass(before)]),
    ]
}

/// Returns a status that may contradict the chain.
fn invented_status(choice: usize) -> Value {
    let commitment = ["processed", "confirmed", "finalized"][choice % 3];
    let error = if choice.is_multiple_of(2) { Value::Null } else { json!("AccountInUse") };
    let status = json!({ "slot": 1, "confirmations": null, "err": error, "confirmationStatus": commitment });
    json!({ "context": { "slot": 9_999 }, "value": [status] })
}

/// Returns the reply of this method under this fault.
///
/// `may_hide` says whether the fault may hide the payment, because another method of the search tells the truth.
fn reply(method: &str, fault: Fault, may_hide: bool) -> Reply {
    match (fault, method) {
        (Fault::None, _) => Reply::Honest,
        (Fault::Unreadable(choice), _) => {
            let faults = faults(method);
            faults[choice % faults.len()].1.clone()
        }
        // A lagging node reports a height from the past.
        (Fault::Hidden, HEIGHT | EPOCH) => Reply::Behind(200),
        (Fault::Behind(blocks), HEIGHT | EPOCH) => Reply::Behind(blocks),
        (Fault::Invented(_), HEIGHT) => Reply::Honest,
        // With a height from the future, the blockhash still tells the truth.
        (Fault::Invented(_), EPOCH) => {
            Reply::Changed(|answer| answer["result"]["blockHeight"] = json!(5_000))
        }
        (Fault::Hidden | Fault::Behind(_), _) if !may_hide => Reply::Honest,
        (Fault::Behind(blocks), _) => Reply::Behind(blocks),
        (Fault::Hidden, STATUSES) => Reply::Result(json!({ "context": { "slot": 9_999 }, "value": [null] })),
        (Fault::Hidden, SIGNATURES) => Reply::Result(json!([])),
        (Fault::Hidden, _) => Reply::Result(Value::Null),
        (Fault::Invented(choice), STATUSES) => Reply::Result(invented_status(choice)),
        (Fault::Invented(_), SIGNATURES) => {
            Reply::Result(json!([{ "signature": FIXTURE.claim.rail.exact().signature, "err": null }]))
        }
        (Fault::Invented(_), _) => {
            let bytes = FIXTURE.other.transaction.encode().unwrap();
            Reply::Result(shown(&Landed { bytes, slot: 5_001, error: None }))
        }
    }
}

fn ask(world: &World, effort: Effort, faults: [Fault; 4], honest: usize) -> Outcome {
    world.node.reset();
    let [height, search @ ..] = faults;
    for method in [HEIGHT, EPOCH] {
        world.node.always(method, reply(method, height, true));
    }
    for (at, (method, fault)) in [STATUSES, SIGNATURES, TRANSACTION].into_iter().zip(search).enumerate() {
        world.node.always(method, reply(method, fault, at != honest));
    }
    let outcome = world.outcome(effort);
    assert!(!world.node.methods().iter().any(|method| method == SEND));
    outcome
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        rng_seed: RngSeed::Fixed(402),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_sequence_of_faults_makes_up_an_outcome_inv_2_inv_3(
        fails in any::<bool>(),
        start in start(),
        steps in proptest::collection::vec(step(), 1..16),
    ) {
        let bytes = from_base64(&FIXTURE.claim.rail.exact().transaction).unwrap();
        let world = World::new();
        if fails {
            world.node.chain().fails_with = Some(json!({ "InstructionError": [2, { "Custom": 1 }] }));
        }
        let mut given_up = false;
        for step in start.into_iter().chain(steps) {
            match step {
                Step::Pass(blocks) => world.passed(blocks),
                Step::Send => {
                    world.node.reset();
                    world.send();
                }
                Step::Land => world.node.chain().land(),
                Step::Fork => {
                    let mut chain = world.node.chain();
                    chain.fork();
                    chain.fails_with = None;
                }
                Step::ClaimRequest(effort, faults, honest) => {
                    let outcome = ask(&world, effort, faults, honest);
                    let chain = world.node.chain();
                    let truth = chain.held(&bytes);
                    match outcome {
                        Outcome::Unclear => {}
                        Outcome::Landed(other @ (Landing::LateId { .. } | Landing::Unpaid)) => {
                            prop_assert!(false, "{:?}", other);
                        }
                        Outcome::Landed(Landing::SvmExact { slot }) => {
                            let landed = truth.expect("nothing landed");
                            prop_assert!(landed.error.is_none());
                            prop_assert_eq!(slot, landed.slot);
                        }
                        Outcome::Failed { .. } => {
                            prop_assert!(truth.is_none_or(|landed| landed.error.is_some()));
                            given_up = true;
                        }
                    }
                }
            }
            // A buyer who was told that nothing was charged is never charged later.
            let chain = world.node.chain();
            prop_assert!(!given_up || chain.held(&bytes).is_none_or(|landed| landed.error.is_some()));
        }
        // That holds even if the payment is sent again.
        world.node.reset();
        world.send();
        world.node.chain().land();
        if given_up {
            let chain = world.node.chain();
            prop_assert!(chain.held(&bytes).is_none_or(|landed| landed.error.is_some()));
        }
        // In the end an honest node tells the truth.
        world.passed(400);
        let expected = world.node.chain().held(&bytes).map(|landed| (landed.slot, landed.error.is_some()));
        let outcome = world.outcome(Effort::Thorough);
        match expected {
            Some((slot, false)) => prop_assert_eq!(outcome, Outcome::Landed(Landing::SvmExact { slot })),
            _ => {
                let failed = matches!(outcome, Outcome::Failed { .. });
                prop_assert!(failed, "{:?}", outcome);
            }
        }
    }

    #[test]
    fn no_node_that_lags_sets_a_height_too_low_inv_3(
        start in 0u64..160,
        lags in proptest::array::uniform3(prop_oneof![Just(0), 0u64..200]),
        pauses in proptest::array::uniform3(prop_oneof![Just(0), 0u64..60]),
    ) {
        let world = World::new();
        world.passed(start);
        for (method, lag) in [VALID, LATEST, SIMULATE].into_iter().zip(lags) {
            world.node.always(method, Reply::Behind(lag));
        }
        let pass = |blocks| -> node::Meanwhile { Box::new(move |chain| chain.pass(blocks)) };
        world.node.meanwhile(pauses.map(pass));
        match world.prepare(&FIXTURE.payment) {
            // Beyond this height + 150 the blockhash is certainly dead.
            Ok(prepared) => prop_assert!(prepared.rail.exact().height + 150 >= world.node.chain().last_height()),
            Err(error) => prop_assert_ne!(error, PrepareError::AlreadySettled),
        }
        prop_assert!(!world.node.methods().iter().any(|method| method == SEND));
    }
}

#[test]
fn a_search_by_nodes_that_lag_behind_the_height_proves_nothing_inv_3() {
    for lag in [42, 50, 150, 200] {
        let world = World::new();
        // The payment lands in the last possible block, and the height passes that block.
        world.passed(139);
        world.landed(41);
        assert_eq!(world.outcome(Effort::Thorough), Outcome::Landed(Landing::SvmExact { slot: 5_140 }));
        for method in [STATUSES, SIGNATURES, TRANSACTION] {
            world.node.always(method, Reply::Behind(lag));
        }
        let outcome = world.outcome(Effort::Thorough);
        assert_eq!(outcome, Outcome::Unclear, "{lag} blocks behind");
    }
}

#[test]
fn a_search_by_the_id_alone_by_nodes_that_lag_behind_proves_nothing_inv_3() {
    let world = World::new();
    world.passed(139);
    world.landed(41);
    // More than an hour of blocks later, the account's list is no longer asked.
    world.passed(10_000);
    for method in [STATUSES, TRANSACTION] {
        world.node.always(method, Reply::Behind(10_100));
    }
    assert_eq!(world.outcome(Effort::Thorough), Outcome::Unclear);
    assert!(world.node.calls().iter().all(|(method, _)| method != SIGNATURES));
}
