use super::chain::{SEND, account};
use super::faults::unreadable;
use super::node::Reply;
use super::*;
use crate::session::Landing;

#[test]
fn sending_again_sends_the_same_bytes_inv_1() {
    let world = World::new();
    for (_, reply) in unreadable() {
        world.node.always(SEND, reply);
        let _ = block_on(world.settlement().submit(&FIXTURE.claim));
    }
    let calls = world.node.calls();
    assert_eq!(calls.len(), unreadable().len());
    for (method, params) in calls.iter() {
        assert_eq!(method, SEND);
        assert_eq!(params[0], FIXTURE.prepared.rail.exact().transaction);
        assert_eq!(params[1]["encoding"], "base64");
        // A preflight check could refuse what other nodes have accepted.
        assert_eq!(params[1]["skipPreflight"], true);
    }
}

#[test]
fn a_node_that_does_not_take_a_payment_is_told_of_inv_3() {
    for (fault, reply) in unreadable() {
        let world = World::new();
        world.node.always(SEND, reply);
        assert!(block_on(world.settlement().submit(&FIXTURE.claim)).is_err(), "{fault}");
        assert_eq!(world.outcome(Effort::Quick), Outcome::Unclear, "{fault}");
        assert_eq!(world.outcome(Effort::Thorough), Outcome::Unclear, "{fault}");
    }
}

#[test]
fn a_payment_that_lands_although_sending_failed_has_landed_inv_2_inv_3() {
    for reply in [Reply::Lost, Reply::Status(500), Reply::Cut] {
        let world = World::new();
        world.node.always(SEND, reply);
        assert!(block_on(world.settlement().submit(&FIXTURE.claim)).is_err());
        world.node.chain().land();
        world.passed(2);
        assert_eq!(world.outcome(Effort::Quick), Outcome::Landed(Landing::SvmExact { slot: 5_001 }));
    }
}

#[test]
fn a_payment_that_was_taken_and_dropped_lands_when_it_is_sent_again_inv_3() {
    let world = World::new();
    let taken = serde_json::json!(FIXTURE.claim.rail.exact().signature);
    world.node.next(SEND, Reply::Result(taken));
    world.send();
    world.node.chain().land();
    world.passed(40);
    assert_eq!(world.outcome(Effort::Thorough), Outcome::Unclear);
    world.send();
    world.node.chain().land();
    world.passed(2);
    assert_eq!(world.outcome(Effort::Quick), Outcome::Landed(Landing::SvmExact { slot: 5_042 }));
}

#[test]
fn a_payment_that_is_sent_often_lands_once_inv_1() {
    let world = World::new();
    for _ in 0..10 {
        world.send();
        world.node.chain().land();
    }
    assert_eq!(world.node.chain().landed.len(), 1);
    world.passed(40);
    world.send();
    assert_eq!(world.outcome(Effort::Thorough), Outcome::Landed(Landing::SvmExact { slot: 5_001 }));
}

#[test]
fn what_a_node_says_in_its_errors_is_not_told_inv_9() {
    for (fault, reply) in unreadable() {
        let world = World::new();
        world.node.always(SEND, reply);
        let error = block_on(world.settlement().submit(&FIXTURE.claim)).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{fault}: {error}");
    }
}

#[test]
fn health_needs_a_node_that_answers_and_a_fee_payer_with_funds() {
    use super::chain::{ACCOUNT, HEIGHT};
    let health = |lamports: Option<u64>, method: &str, reply: Reply| {
        let world = World::new();
        if let Some(lamports) = lamports {
            let funds = account("11111111111111111111111111111111", &[], lamports);
            let fee_payer = world.settlement().fee_payers()[0].to_string();
            world.node.chain().accounts.insert(fee_payer, funds);
        }
        world.node.always(method, reply);
        block_on(world.settlement().health())
    };
    assert_eq!(health(Some(2_000_000), HEIGHT, Reply::Honest), Ok(()));
    for lamports in [None, Some(0), Some(1_999_999)] {
        assert!(health(lamports, HEIGHT, Reply::Honest).is_err());
    }
    for method in [HEIGHT, ACCOUNT] {
        for (fault, reply) in super::faults::faults(method) {
            let error = health(Some(u64::MAX), method, reply).expect_err(&fault);
            assert!(!error.to_string().contains("secret"), "{fault}: {error}");
        }
    }
}
