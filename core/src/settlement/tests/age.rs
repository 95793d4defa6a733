//! How long a payment's blockhash still lives.

use serde_json::json;

use super::chain::{ACCOUNT, SIMULATE, VALID, account};
use super::node::Reply;
use super::prepare::{SIMULATION_FAILED, prepare, reason};
use super::*;

#[test]
fn a_blockhash_that_is_unknown_too_old_or_runs_out_is_refused_inv_3() {
    // The last block in which the blockhash is valid has slot 5140; the confirmed block is 2 behind.
    for (blocks, keeps_no_list, refusal) in [
        (112, false, None),
        (113, false, Some("sign_again")),
        (142, false, Some("sign_again")),
        (143, false, Some(SIMULATION_FAILED)),
        (1_000, false, Some(SIMULATION_FAILED)),
        // Without the list nobody can tell how old it is.
        (142, true, None),
        (143, true, Some(SIMULATION_FAILED)),
    ] {
        let world = World::new();
        world.node.chain().keeps_no_list = keeps_no_list;
        world.passed(blocks);
        match refusal {
            Some(refusal) => assert_eq!(reason(prepare(&world)), refusal, "{blocks} {keeps_no_list}"),
            None => assert!(prepare(&world).is_ok(), "{blocks} {keeps_no_list}"),
        }
    }
    let unknown = World::new();
    unknown.node.chain().blockhash.0 = [8; 32];
    assert_eq!(reason(prepare(&unknown)), SIMULATION_FAILED);
    assert_eq!(unknown.node.methods(), [VALID]);
    // The blockhash is valid when asked about, but no longer when simulated.
    for after in 0..2 {
        let world = World::new();
        world.passed(142);
        let nothing = |_: &mut chain::Chain| ();
        let mut changes: Vec<node::Meanwhile> = (0..after).map(|_| Box::new(nothing) as _).collect();
        changes.push(Box::new(|chain| chain.pass(1)));
        world.node.meanwhile(changes);
        assert_eq!(reason(prepare(&world)), SIMULATION_FAILED, "after call {after}");
    }
    // The simulating node has not seen the blockhash yet.
    let behind = World::new();
    behind.node.always(SIMULATE, Reply::Behind(50));
    assert!(matches!(prepare(&behind), Err(PrepareError::Unavailable(_))));
}

#[test]
fn a_node_without_the_list_of_blockhashes_takes_a_payment_for_as_young_as_can_be_inv_3() {
    let world = World::new();
    world.node.chain().keeps_no_list = true;
    assert_eq!(prepare(&world).unwrap().rail.exact().height, 3_998);
}

#[test]
fn a_list_of_a_node_that_lags_or_of_another_shape_tells_no_age_inv_3() {
    let slot = |slot: u64| json!({ "slot": slot });
    let list = |data: &[u8]| account("Sysvar1111111111111111111111111111111111111", data, 1);
    for answer in [
        json!({ "context": slot(4_997), "value": null }),
        json!({ "context": slot(4_998), "value": list(&[]) }),
        json!({ "context": slot(4_998), "value": list(&[0; 6_008]) }),
        json!({ "value": null }),
        json!({ "context": slot(4_998) }),
    ] {
        let world = World::new();
        world.node.next(ACCOUNT, Reply::Result(answer.clone()));
        let refused = prepare(&world);
        assert!(matches!(refused, Err(PrepareError::Unavailable(_))), "{answer}: {refused:?}");
    }
}
