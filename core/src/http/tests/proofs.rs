//! What a wallet's proof shows, where, and how often.

use super::*;
use crate::capacity::Capacity;

const DOOR: &str = "/api/v1/access/door-1";

/// Returns the challenge of a path that answers 401 or 402 with one.
pub(super) fn challenge_at(world: &World, path: &str) -> Value {
    let answer = get(world, path);
    let found = if answer.status == 402 { answer.required() } else { answer.body };
    found["extensions"][sign_in::EXTENSION].clone()
}

/// Returns a fresh proof of a wallet for `path`.
pub(super) fn proof(world: &World, who: u8, path: &str) -> String {
    let asked = if path.contains("/access/") { format!("{path}?signin") } else { path.to_owned() };
    sign_in::prove(&challenge_at(world, &asked), &keys::numbered(who)).unwrap()
}

fn shown(world: &World, path: &str, proof: &str) -> Answer {
    ask(world, "GET", path, &[("sign-in-with-x", proof)], "")
}

/// Returns the path of a wallet's sessions.
pub(super) fn history(who: u8) -> String {
    format!("/api/v1/payers/{}/sessions", keys::address(&keys::numbered(who)))
}

#[test]
fn a_proof_for_one_path_shows_nothing_at_another_inv_9() {
    let world = World::new();
    world.bought(1, "door-1", 1);
    world.bought(1, "door-2", 1);
    let paths = [DOOR.to_owned(), "/api/v1/access/door-2".to_owned(), history(1)];
    for signed in &paths {
        let proof = proof(&world, 1, signed);
        for path in paths.iter().filter(|path| *path != signed) {
            let answer = shown(&world, path, &proof);
            assert_eq!((answer.status, &answer.body["code"]), (401, &json!("sign_in_required")), "{path}");
            assert!(answer.body["detail"].as_str().unwrap().contains("another path"), "{}", answer.body);
        }
        // The query is no part of it.
        let more = if signed.contains("/access/") { "quantity=2" } else { "limit=1" };
        assert_eq!(shown(&world, &format!("{signed}?{more}"), &proof).status, 200, "{signed}");
    }
}

#[test]
fn a_proof_fetches_a_grant_once_inv_9() {
    let mut world = World::new();
    let shared = &mut world.deployment.config.assets[1];
    (shared.capacity, shared.device) = (Capacity::Unlimited, None);
    for (asset, path) in [("door-1", DOOR), ("door-2", "/api/v1/access/door-2")] {
        let (bought, _) = world.bought(1, asset, 1);
        let id = json!(bought.session.session.id);
        let mine = proof(&world, 1, path);
        assert_eq!(shown(&world, path, &mine).body["sessionId"], id);
        let again = shown(&world, path, &mine);
        assert_eq!((again.status, &again.body["code"]), (401, &json!("sign_in_required")));
        assert!(!again.body.to_string().contains(bought.session.session.id.as_str()));
        // The answer has the next challenge.
        let next = sign_in::prove(&again.body["extensions"][sign_in::EXTENSION], &keys::numbered(1)).unwrap();
        assert_eq!(shown(&world, path, &next).body["sessionId"], id);
    }
}

#[test]
fn a_history_can_be_read_again_and_shows_its_grants_once_inv_9() {
    let world = World::new();
    world.bought(1, "door-1", 1);
    let mine = proof(&world, 1, &history(1));
    let first = shown(&world, &history(1), &mine).body["sessions"][0].clone();
    assert!(first["sessionToken"].is_string() && first["grant"].is_string());
    let again = shown(&world, &history(1), &mine).body["sessions"][0].clone();
    assert_eq!(again["sessionId"], first["sessionId"]);
    assert_eq!((&again["sessionToken"], &again["grant"]), (&Value::Null, &Value::Null));
    let fresh = proof(&world, 1, &history(1));
    assert_eq!(shown(&world, &history(1), &fresh).body["sessions"][0]["grant"], first["grant"]);
}

#[test]
fn a_proof_that_showed_no_grant_is_not_used_up_and_leaves_nothing_inv_8() {
    let world = World::new();
    let mine = proof(&world, 1, DOOR);
    assert_eq!((shown(&world, DOOR, &mine).status, shown(&world, DOOR, &mine).status), (402, 402));
    assert_eq!(world.count("used_proof"), 0);
    world.bought(1, "door-1", 1);
    assert_eq!((shown(&world, DOOR, &mine).status, world.count("used_proof")), (200, 1));
}

#[test]
fn a_challenge_that_a_stranger_used_first_still_proves_its_own_wallet_inv_9() {
    let mut world = World::new();
    let asset = &mut world.deployment.config.assets[0];
    (asset.capacity, asset.device) = (Capacity::Unlimited, None);
    world.bought(1, "door-1", 1);
    world.bought(2, "door-1", 1);
    let challenge = challenge_at(&world, &format!("{DOOR}?signin"));
    for who in [2, 1] {
        let proof = sign_in::prove(&challenge, &keys::numbered(who)).unwrap();
        assert_eq!(shown(&world, DOOR, &proof).status, 200, "{who}");
    }
}

#[test]
fn used_proofs_are_remembered_for_as_long_as_they_could_be_used_again_inv_9() {
    let world = World::new();
    world.bought(1, "door-1", 60);
    let proofs = [0, 1].map(|_| proof(&world, 1, DOOR));
    assert_eq!(shown(&world, DOOR, &proofs[0]).status, 200);
    world.advance(299_000);
    assert_eq!(shown(&world, DOOR, &proofs[1]).status, 200);
    assert_eq!((shown(&world, DOOR, &proofs[0]).status, world.count("used_proof")), (401, 2));
    world.advance(2_000);
    assert_eq!(shown(&world, DOOR, &proof(&world, 1, DOOR)).status, 200);
    assert_eq!(world.count("used_proof"), 1);
}
