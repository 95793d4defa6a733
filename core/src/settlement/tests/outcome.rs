use serde_json::{Value, json};

use super::chain::{SEND, SIGNATURES, SIMULATE, STATUSES, TRANSACTION, VALID, listed};
use super::faults::faults;
use super::node::{Meanwhile, Reply};
use super::scenarios::{
    DEAD_CHECK, EXPIRED, FAILED, FINAL_HEIGHT, LANDED, LONG, STATES, UNCLEAR, UNTIL_DEAD, final_height, lies,
    ours, shows, status, unknown,
};
use super::*;
use crate::session::{Landing, failure};

#[test]
fn an_honest_node_shows_what_became_of_a_payment_inv_2_inv_3() {
    for (name, arrange, quick, thorough) in STATES {
        for (effort, expected) in [(Effort::Quick, quick), (Effort::Thorough, thorough)] {
            let world = World::new();
            arrange(&world);
            assert_eq!(world.outcome(effort), expected, "{name}, {effort:?}");
        }
    }
}

#[test]
fn a_node_that_forgets_or_contradicts_itself_decides_nothing_inv_2_inv_3() {
    for lie in lies() {
        for (effort, expected) in [Effort::Quick, Effort::Thorough].into_iter().zip(lie.outcomes) {
            let world = World::new();
            (lie.arrange)(&world);
            for (method, reply) in &lie.answers {
                world.node.always(method, reply.clone());
            }
            assert_eq!(world.outcome(effort), expected, "{}, {effort:?}", lie.name);
        }
    }
}

#[test]
fn an_answer_that_cant_be_read_leaves_it_open_inv_3() {
    let faults = DEAD_CHECK.map(|method| (method, faults(method)));
    let mut seen = 0;
    for (state, arrange, ..) in STATES {
        for effort in [Effort::Quick, Effort::Thorough] {
            let honest = World::new();
            arrange(&honest);
            honest.node.reset();
            honest.outcome(effort);
            let asked = honest.node.methods();
            for (method, faults) in faults.iter().filter(|(method, _)| asked.iter().any(|m| m == method)) {
                for (fault, reply) in faults {
                    let world = World::new();
                    *world.node.chain() = honest.node.chain().clone();
                    world.node.always(method, reply.clone());
                    assert_eq!(world.outcome(effort), UNCLEAR, "{fault}, {state}, {effort:?}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 1_500, "{seen}");
}

#[test]
fn whoever_knows_the_payment_in_any_way_keeps_it_from_being_given_up_inv_3() {
    let commitments = ["processed", "confirmed", "finalized"];
    let statuses = commitments.iter().flat_map(|at| [(*at, Value::Null), (*at, json!("AccountInUse"))]);
    let statuses: Vec<_> = statuses.map(|(at, error)| Some(status(at, &error))).chain([None]).collect();
    for status in &statuses {
        for listed in [false, true] {
            for shown in [false, true] {
                for dead in [false, true] {
                    for effort in [Effort::Quick, Effort::Thorough] {
                        let world = World::new();
                        world.passed(if dead { LONG } else { UNTIL_DEAD - 1 });
                        if let Some(status) = status {
                            world.node.always(STATUSES, status.clone());
                        }
                        if listed {
                            let entry =
                                json!([{ "signature": FIXTURE.claim.rail.exact().signature, "err": null }]);
                            world.node.always(SIGNATURES, Reply::Result(entry));
                        }
                        if shown {
                            world.node.always(TRANSACTION, shows(ours()));
                        }
                        let outcome = world.outcome(effort);
                        let known = status.is_some() || listed || shown;
                        let given_up = dead && effort == Effort::Thorough && !known;
                        let case = (status, listed, shown, dead, effort);
                        assert_eq!(outcome == EXPIRED, given_up, "{case:?}");
                        assert_ne!(outcome, FAILED, "{case:?}");
                        assert!(shown || outcome != LANDED, "{case:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_height_is_read_before_the_search_inv_3() {
    let world = World::new();
    world.passed(LONG);
    assert_eq!(world.outcome(Effort::Thorough), EXPIRED);
    assert_eq!(world.node.methods(), DEAD_CHECK);
    let calls = world.node.calls();
    let signature = &FIXTURE.claim.rail.exact().signature;
    assert_eq!(calls[0].1[0]["commitment"], "finalized");
    let hash = bs58::encode(FIXTURE.payment.transaction.message.blockhash).into_string();
    // The final slot is 5368, the confirmed one 5398.
    assert_eq!(calls[1].1, json!([hash, { "commitment": "confirmed", "minContextSlot": 5_368 }]));
    assert_eq!(calls[2].1, json!([[signature], { "searchTransactionHistory": true }]));
    assert_eq!(calls[3].1[0], json!(FIXTURE.payment.source));
    assert_eq!(calls[3].1[1]["minContextSlot"], 5_398);
    assert_eq!(calls[4].1[0], json!(signature));
    // The transaction counts as known even if it is only confirmed.
    assert_eq!(calls[4].1[1]["commitment"], "confirmed");
}

#[test]
fn a_payment_that_lands_while_it_is_searched_is_not_given_up_inv_3() {
    let mut seen = 0;
    for after in 0..4 {
        let world = World::new();
        world.passed(139);
        world.send();
        world.node.reset();
        // The payment lands in the last possible block, and then so much time passes that an unlanded payment
        // would be dead.
        let nothing = || -> Meanwhile { Box::new(|_| ()) };
        let lands: Meanwhile = Box::new(|chain| {
            chain.land();
            chain.pass(LONG);
        });
        world.node.meanwhile((0..after).map(|_| nothing()).chain([lands]));
        let during = world.outcome(Effort::Thorough);
        let landed = Outcome::Landed(Landing::SvmExact { slot: 5_140 });
        assert!([UNCLEAR, landed.clone()].contains(&during), "after call {after}: {during:?}");
        if world.node.calls().len() > after {
            seen += 1;
            assert_eq!(world.outcome(Effort::Thorough), landed);
        }
    }
    assert_eq!(seen, 2);
}

/// A final height far ahead of the truth, or a claim's height far behind it, is not enough: the blockhash
/// still lives, and the payment lands after all.
#[test]
fn a_height_alone_gives_nothing_up_inv_2_inv_3() {
    let low = altered_claim(|payment| payment.height -= 200);
    // The final slot is 5088.
    let ahead = |height: u64| Reply::Result(json!({ "absoluteSlot": 5_088, "blockHeight": height }));
    for (claim, reply) in
        [(&low, Reply::Honest), (&FIXTURE.claim, ahead(4_400)), (&FIXTURE.claim, ahead(24_000))]
    {
        let world = World::new();
        world.passed(120);
        world.node.always(FINAL_HEIGHT, reply);
        let look = || block_on(world.settlement().outcome(claim, Effort::Thorough));
        assert_eq!(look(), UNCLEAR);
        world.send();
        world.node.chain().land();
        world.passed(2);
        assert_eq!(look(), Outcome::Landed(Landing::SvmExact { slot: 5_121 }));
    }
}

#[test]
fn a_blockhash_that_is_said_to_be_dead_alone_gives_nothing_up_inv_3() {
    let answer = |valid: bool| Reply::Result(json!({ "context": { "slot": 5_170 }, "value": valid }));
    let world = World::new();
    world.passed(UNTIL_DEAD - 1);
    world.node.always(VALID, answer(false));
    assert_eq!(world.outcome(Effort::Thorough), UNCLEAR);
    world.passed(1);
    world.node.always(VALID, answer(true));
    assert_eq!(world.outcome(Effort::Thorough), UNCLEAR);
    // A node that has not seen the final slot does not count either.
    world.node.always(VALID, Reply::Result(json!({ "context": { "slot": 5_000 }, "value": false })));
    assert_eq!(world.outcome(Effort::Thorough), UNCLEAR);
    world.node.always(VALID, answer(false));
    assert_eq!(world.outcome(Effort::Thorough), EXPIRED);
}

#[test]
fn a_quick_look_asks_for_what_nodes_have_at_hand_only() {
    let world = World::new();
    assert_eq!(world.outcome(Effort::Quick), UNCLEAR);
    let asked = json!([[FIXTURE.claim.rail.exact().signature], { "searchTransactionHistory": false }]);
    assert_eq!(*world.node.calls(), [(STATUSES.to_owned(), asked)]);
}

#[test]
fn looking_moves_nothing() {
    for (name, arrange, ..) in STATES {
        let world = World::new();
        arrange(&world);
        let before = world.node.calls().len();
        world.outcome(Effort::Quick);
        world.outcome(Effort::Thorough);
        let methods = world.node.methods();
        assert!(methods[before..].iter().all(|m| ![SEND, SIMULATE].contains(&m.as_str())), "{name}");
    }
}

#[test]
fn an_error_that_a_fork_undoes_was_no_outcome_inv_2_inv_3() {
    let world = World::new();
    world.failed(10);
    assert_eq!(world.outcome(Effort::Thorough), UNCLEAR);
    world.node.chain().fork();
    assert_eq!(world.outcome(Effort::Thorough), UNCLEAR);
    let slot = {
        let mut chain = world.node.chain();
        chain.fails_with = None;
        chain.land();
        chain.pass(5);
        chain.landed[0].slot
    };
    assert_eq!(world.outcome(Effort::Quick), Outcome::Landed(Landing::SvmExact { slot }));
}

#[test]
fn a_payment_that_a_fork_drops_is_given_up_only_when_it_is_dead_inv_3() {
    let world = World::new();
    world.landed(1);
    {
        let mut chain = world.node.chain();
        chain.fork();
        chain.pool.clear();
    }
    assert_eq!(world.outcome(Effort::Thorough), UNCLEAR);
    // The latest block has slot 5002 here.
    world.passed(UNTIL_DEAD - 3);
    assert_eq!(world.outcome(Effort::Thorough), UNCLEAR);
    world.passed(1);
    assert_eq!(world.outcome(Effort::Thorough), EXPIRED);
}

#[test]
fn a_status_that_flips_decides_only_while_the_chain_shows_it_inv_2_inv_3() {
    let world = World::new();
    world.landed(40);
    let flips = [
        (status("processed", &Value::Null), UNCLEAR),
        (status("confirmed", &Value::Null), LANDED),
        (unknown(STATUSES), UNCLEAR),
        // The list of the account's transactions agrees with the chain.
        (status("finalized", &json!("AccountInUse")), LANDED),
        (status("processed", &json!("AccountInUse")), UNCLEAR),
        (unknown(STATUSES), UNCLEAR),
        (Reply::TimeOut, UNCLEAR),
        (status("finalized", &Value::Null), LANDED),
    ];
    for (reply, expected) in flips {
        world.node.next(STATUSES, reply);
        assert_eq!(world.outcome(Effort::Thorough), expected);
    }
}

#[test]
fn what_only_one_answer_calls_failed_or_paid_decides_nothing_inv_1_inv_2() {
    let failed = Reply::Changed(|json| {
        json["result"]["meta"]["err"] = json!({ "InstructionError": [2, "GenericError"] })
    });
    let paid = Reply::Changed(|json| json["result"]["meta"]["err"] = Value::Null);
    for effort in [Effort::Quick, Effort::Thorough] {
        let world = World::new();
        world.landed(40);
        world.node.next(TRANSACTION, failed.clone());
        assert_eq!(world.outcome(effort), UNCLEAR);
        assert_eq!(world.outcome(effort), LANDED);
        let world = World::new();
        world.failed(40);
        world.node.next(TRANSACTION, paid.clone());
        assert_eq!(world.outcome(effort), UNCLEAR);
        assert_eq!(world.outcome(effort), FAILED);
    }
}

#[test]
fn a_busy_accounts_list_is_searched_back_to_the_claim_inv_3() {
    let world = World::new();
    world.landed(LONG);
    for method in [STATUSES, TRANSACTION] {
        world.node.always(method, unknown(method));
    }
    // A full page of later payments; the payment in question is on the next page.
    let later = |n| listed(&format!("{n:0>88}"), 5_400, &None);
    world.node.next(SIGNATURES, Reply::Result((0..1_000).map(later).collect()));
    assert_eq!(world.outcome(Effort::Thorough), UNCLEAR);
    let calls = world.node.calls();
    let pages: Vec<_> = calls.iter().filter(|(method, _)| method == SIGNATURES).collect();
    assert_eq!(pages.len(), 2);
    assert_eq!(pages[1].1[1]["before"], format!("{:0>88}", 999));
}

#[test]
fn a_list_that_never_ends_does_not_keep_a_dead_payment_in_flight_for_ever_inv_2() {
    let endless = |world: &World| {
        let entry = |n| listed(&format!("{n:0>88}"), 5_400, &None);
        world.node.always(SIGNATURES, Reply::Result((0..1_000).map(entry).collect()));
    };
    let world = World::new();
    world.passed(UNTIL_DEAD);
    endless(&world);
    assert_eq!(world.outcome(Effort::Thorough), UNCLEAR);
    // An hour of blocks later, the searches by id decide alone.
    world.passed(9_000);
    assert_eq!(world.outcome(Effort::Thorough), EXPIRED);
    // They still find a payment that has landed.
    let world = World::new();
    world.landed(LONG);
    world.passed(10_000);
    endless(&world);
    assert_eq!(world.outcome(Effort::Thorough), LANDED);
}

#[test]
fn an_outcome_stays_as_blocks_go_by_inv_1() {
    let world = World::new();
    world.landed(2);
    for _ in 0..20 {
        world.passed(25);
        assert_eq!(world.outcome(Effort::Thorough), LANDED);
    }
    let world = World::new();
    world.failed(32);
    for _ in 0..20 {
        world.passed(25);
        assert_eq!(world.outcome(Effort::Thorough), FAILED);
    }
}

#[test]
fn a_claim_that_cant_be_read_is_never_taken_for_landed_inv_2() {
    for transaction in ["", "?", "AAAA"] {
        let claim = altered_claim(|payment| payment.transaction = transaction.to_owned());
        for answer in [Reply::Honest, shows(ours()), shows(vec![]), shows(vec![0; 3])] {
            let world = World::new();
            world.landed(LONG);
            world.node.always(TRANSACTION, answer);
            assert_eq!(block_on(world.settlement().outcome(&claim, Effort::Thorough)), UNCLEAR);
        }
    }
}

#[test]
fn only_an_error_of_lighthouse_at_a_guard_says_that_a_guard_failed_inv_3() {
    let payment = guarded();
    let outcome = |error: Value| {
        let world = World::new();
        let claim = claim_of(&payment, &world.prepare(&payment).unwrap());
        world.node.chain().fails_with = Some(error);
        block_on(world.settlement().submit(&claim)).unwrap();
        let mut chain = world.node.chain();
        chain.land();
        chain.pass(40);
        drop(chain);
        block_on(world.settlement().outcome(&claim, Effort::Quick))
    };
    let failed = |reason| Outcome::Failed { reason };
    let at = |instruction: u8, error: Value| outcome(json!({ "InstructionError": [instruction, error] }));
    assert_eq!(at(4, json!({ "Custom": 6001 })), failed(failure::GUARD_FAILED));
    for (instruction, error) in
        [(2, json!({ "Custom": 1 })), (3, json!({ "Custom": 6001 })), (9, json!({ "Custom": 6001 }))]
    {
        assert_eq!(at(instruction, error), FAILED);
    }
    // A payer who signs for too few compute units makes the last instruction fail, whichever it is.
    assert_eq!(at(4, json!("ComputationalBudgetExceeded")), FAILED);
}

#[test]
fn heights_at_the_end_of_their_range_dont_wrap_inv_3() {
    for height in [u64::MAX, u64::MAX - 1, u64::MAX - 150] {
        let claim = altered_claim(|payment| payment.height = height);
        let world = World::new();
        world.node.always(FINAL_HEIGHT, final_height(u64::MAX));
        assert_eq!(block_on(world.settlement().outcome(&claim, Effort::Thorough)), UNCLEAR);
    }
}
