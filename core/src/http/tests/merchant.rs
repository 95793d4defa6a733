//! What the merchant sees of its sales, with an API key.

use proptest::prelude::*;

use super::assets::{code, manage};
use super::proofs::{history, proof};
use super::strange::config;
use super::*;
use crate::testkit::gateway::{extend, sold};

const SESSIONS: &str = "/api/v1/merchant/sessions";

fn list(world: &World, query: &str) -> Value {
    let answer = manage(world, "GET", &format!("{SESSIONS}{query}"), &Value::Null);
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{query} {}", answer.body);
    answer.body
}

fn ids(page: &Value) -> Vec<String> {
    let sessions = page["sessions"].as_array().unwrap();
    sessions.iter().map(|session| session["sessionId"].as_str().unwrap().to_owned()).collect()
}

/// Extends a session of the first door, which has to succeed.
fn extend_at_door_1(world: &World, who: u8, session: &crate::ids::SessionId, quantity: u64) {
    let (ticket, quote) = world.ticket("door-1", extend(session), quantity);
    let payment = world.pay(who, &ticket, &quote);
    sold(world.buy("door-1", extend(session), &payment));
}

#[test]
fn the_merchant_sees_who_bought_what_and_never_a_token_of_a_buyer_inv_9() {
    let world = World::new();
    let (bought, _) = world.bought(1, "door-1", 2);
    world.bought(2, "door-2", 3);
    let page = list(&world, "");
    let session = &bought.session.session;
    let mine = page["sessions"].as_array().unwrap().iter().find(|one| one["sessionId"] == json!(session.id));
    let expected = json!({
        "sessionId": session.id,
        "asset": "door-1",
        "status": "active",
        "startsAt": session.starts_at.to_string(),
        "endsAt": session.ends_at().unwrap().to_string(),
        "secondsLeft": 120,
        "quantity": 2,
        "spent": "20000",
        "decimals": 6,
        "display": "0.02 USDC",
        "mint": session.purchase.price.token,
        "transaction": session.transaction,
        "payer": keys::account(1),
        "now": world.now().to_string(),
    });
    assert_eq!(mine, Some(&expected));
    assert_eq!((page["sessions"].as_array().unwrap().len(), &page["next"]), (2, &Value::Null));
    // A buyer's own view has both, so their names are right here.
    let own = history(1);
    let own = ask(&world, "GET", &own, &[("sign-in-with-x", &proof(&world, 1, &own))], "").body;
    for secret in ["sessionToken", "grant"] {
        let token = own["sessions"][0][secret].as_str().unwrap();
        assert!(!page.to_string().contains(secret) && !page.to_string().contains(token), "{page}");
    }
    world.advance(121_000);
    assert_eq!(list(&world, "?asset=door-1")["sessions"][0]["status"], "ended");
}

#[test]
fn a_filter_that_is_misspelt_is_refused_and_shows_nothing() {
    let world = World::new();
    world.bought(1, "door-1", 1);
    for (query, expected) in [
        ("?assets=door-2", "unknown_parameter"),
        ("?asset=door-1&asset=door-2", "repeated_parameter"),
        ("?asset=-", "invalid_asset"),
        ("?asset=", "invalid_asset"),
        ("?limit=0", "invalid_limit"),
        ("?limit=101", "invalid_limit"),
        ("?before=door-1", "invalid_cursor"),
        ("?before=1.", "invalid_cursor"),
    ] {
        let answer = manage(&world, "GET", &format!("{SESSIONS}{query}"), &Value::Null);
        assert_eq!(code(&answer), (400, expected), "{query}");
    }
    // An asset may have been deleted, so one that is not there is no mistake.
    for (query, count) in [("?asset=gone", 0), ("?asset=door-2", 0), ("?asset=door-1", 1), ("?limit=100", 1)]
    {
        assert_eq!(ids(&list(&world, query)).len(), count, "{query}");
    }
}

#[test]
fn a_page_has_fifty_sessions_unless_another_number_is_asked_for() {
    let mut world = World::new();
    let asset = &mut world.deployment.config.assets[0];
    (asset.capacity, asset.device) = (crate::capacity::Capacity::Unlimited, None);
    for who in 0..51 {
        world.bought(who + 1, "door-1", 1);
    }
    let page = list(&world, "");
    assert_eq!(ids(&page).len(), 50);
    let rest = list(&world, &format!("?before={}", page["next"].as_str().unwrap()));
    assert_eq!((ids(&rest).len(), &rest["next"]), (1, &Value::Null));
    assert_eq!(ids(&list(&world, "?limit=100")).len(), 51);
}

proptest! {
    #![proptest_config(config(40))]

    /// The buyers of a shared asset never wait for each other, so many sessions begin in the same millisecond.
    #[test]
    fn pages_neither_skip_nor_repeat_a_session_while_others_are_sold(
        first in proptest::collection::vec((0u8..2, 0u64..2), 1..12),
        later in proptest::collection::vec((0u8..2, 0u64..2), 0..8),
        limit in 1usize..5,
        filter in any::<bool>(),
    ) {
        let mut world = World::new();
        for asset in world.deployment.config.assets.iter_mut() {
            (asset.capacity, asset.device) = (crate::capacity::Capacity::Unlimited, None);
        }
        let mut who = 0;
        let mut sell = |(door, pause): (u8, u64)| {
            who += 1;
            let (bought, _) = world.bought(who, ["door-1", "door-2"][usize::from(door)], 1);
            world.advance(pause);
            let session = &bought.session;
            (session.stream.asset().to_string(), session.session.id.to_string())
        };
        let mut there: Vec<String> = Vec::new();
        for one in first {
            let (asset, id) = sell(one);
            if !filter || asset == "door-2" {
                there.push(id);
            }
        }
        let mut later = later.into_iter();
        let filter = if filter { "&asset=door-2" } else { "" };
        let (mut seen, mut before) = (Vec::new(), String::new());
        loop {
            let page = list(&world, &format!("?limit={limit}{filter}{before}"));
            prop_assert!(ids(&page).len() <= limit);
            seen.extend(ids(&page));
            let Some(next) = page["next"].as_str() else { break };
            prop_assert_eq!(ids(&page).len(), limit);
            before = format!("&before={next}");
            later.next().map(&mut sell);
        }
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), seen.len(), "a session is shown twice");
        prop_assert!(there.iter().all(|id| seen.contains(id)), "a session is left out");
    }

    #[test]
    fn what_the_list_shows_as_spent_is_what_the_chain_shows_as_paid_inv_5(
        sales in proptest::collection::vec((1u64..20, proptest::collection::vec(1u64..9, 0..3)), 1..6),
    ) {
        let world = World::new();
        for (quantity, extensions) in sales {
            let (bought, _) = world.bought(1, "door-1", quantity);
            for more in extensions {
                extend_at_door_1(&world, 1, &bought.session.session.id, more);
            }
            world.advance(60 * 60_000);
            world.step();
        }
        let page = list(&world, "?limit=100");
        let spent = page["sessions"].as_array().unwrap().iter().map(|session| &session["spent"]);
        let spent: u64 = spent.map(|spent| spent.as_str().unwrap().parse::<u64>().unwrap()).sum();
        prop_assert_eq!(spent, world.gained());
        world.audit_settled();
    }
}
