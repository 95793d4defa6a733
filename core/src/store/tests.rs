mod audit;
mod guard;
mod sales;
mod versions;

use crate::ids::{PaymentId, StreamId};
use crate::ports::{Accounts as _, Appended, Claims as _, Cursor, PayerHistory, Schedule as _, Streams as _};
use crate::quote::Operation;
use crate::session::{Batch, Claim, Event};
use crate::testkit::gateway::sold;
use crate::testkit::keys;
use crate::testkit::platform::Platform;
use crate::testkit::world::World;
use crate::time::Timestamp;

fn asset(id: &str) -> StreamId {
    StreamId::parse(id).unwrap()
}

/// Returns the batch that claimed this world's only payment, with a change.
fn claim_batch(world: &World, asset: &StreamId, change: impl FnOnce(&mut Claim)) -> Batch {
    let written = world.events(asset.asset().as_str());
    let mut claimed: Event = serde_json::from_value(written[0].clone()).unwrap();
    let Event::PaymentClaimed(claim) = &mut claimed else { panic!("{claimed:?}") };
    change(claim);
    let now = crate::time::Now::at(world.now());
    Batch::new(asset, &crate::session::StreamState::default(), vec![claimed], &now).unwrap()
}

#[test]
fn a_payment_is_claimed_once_in_all_assets_and_a_failed_append_leaves_nothing_inv_1() {
    let world = World::new();
    world.bought(1, "door-1", 1);
    let platform = Platform::new(&world);
    let before = (world.count("journal"), world.count("head"), world.count("fee_budget"));
    let append = |id: &str, batch: &Batch| world.run(platform.journal.append(&asset(id), 0, batch));
    let another = PaymentId::of_message(b"another");
    let other_ticket = Some(crate::quote::Ticket::from_text("another").id());
    // In each of these, only one thing is already taken: the revision, the payment or the ticket.
    let revision = claim_batch(&world, &asset("door-1"), |claim| {
        (claim.payment, claim.ticket) = (another.clone(), other_ticket.clone());
    });
    assert_eq!(append("door-1", &revision), Some(Ok(Appended::Conflict)));
    let payment = claim_batch(&world, &asset("door-1"), |claim| claim.ticket = other_ticket);
    assert_eq!(append("door-2", &payment), Some(Ok(Appended::Conflict)));
    let ticket = claim_batch(&world, &asset("door-1"), |claim| claim.payment = another);
    assert_eq!(append("door-2", &ticket), Some(Ok(Appended::Conflict)));
    assert_eq!((world.count("journal"), world.count("head"), world.count("fee_budget")), before);
    // If nothing is taken, it is appended.
    assert_eq!(append("door-2", &revision), Some(Ok(Appended::Done)));
}

#[test]
fn nothing_is_appended_behind_an_append_that_is_not_there_inv_2() {
    let world = World::new();
    world.bought(1, "door-1", 1);
    let platform = Platform::new(&world);
    let batch = claim_batch(&world, &asset("door-1"), |claim| {
        claim.payment = PaymentId::of_message(b"another");
        claim.ticket = None;
    });
    let append = |id: &str, last: u64| world.run(platform.journal.append(&asset(id), last, &batch));
    let last = world.count("journal WHERE stream = 'main/door-1'");
    for (id, missing) in [("door-2", 1), ("door-2", 7), ("door-1", last + 1), ("door-1", last - 1)] {
        assert_eq!(append(id, missing), Some(Ok(Appended::Conflict)), "{id} {missing}");
    }
    assert_eq!(append("door-1", last), Some(Ok(Appended::Done)));
}

#[test]
fn what_was_appended_is_found_again_by_every_key_inv_2() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", Operation::Access, 1);
    let payment = world.pay(1, &ticket, &quote);
    let bought = sold(world.buy("door-1", Operation::Access, &payment));
    let platform = Platform::new(&world);
    let journal = &platform.journal;
    let by_id = world.run(journal.payment(&bought.payment.payment)).unwrap().unwrap();
    let by_ticket = world.run(journal.payment_by_ticket(&ticket.id())).unwrap().unwrap();
    assert_eq!((by_id.as_ref(), by_ticket.as_ref()), (Some(&bought.payment), Some(&bought.payment)));
    let session = world.run(journal.session(&bought.session.session.id)).unwrap().unwrap();
    assert_eq!(session, Some(bought.session.clone()));
    let end = bought.session.session.ends_at().unwrap();
    assert_eq!(world.run(journal.next_due(world.now())), Some(Ok(Some(end))));
    assert_eq!(world.run(journal.due(world.now(), 9)), Some(Ok(vec![])));
    assert_eq!(world.run(journal.due(end, 9)), Some(Ok(vec![asset("door-1")])));
    assert_eq!(world.run(journal.unfulfilled(9)), Some(Ok(vec![asset("door-1")])));
    let history = || world.run(journal.history_of(&keys::account(1), 9)).unwrap().unwrap();
    assert_eq!(history(), PayerHistory { failures: Vec::new(), trust: 0, has_bought: true });
    // A minute for 0.01 USDC is worth 50,000 lamports, less 10,001 for the network, and earned once the session is over.
    world.work_devices();
    world.advance(60_000);
    world.work_devices();
    assert_eq!(history().trust, 19_999);
}

#[test]
fn a_payers_sessions_are_paged_the_latest_first_and_nobody_elses_inv_9() {
    let world = World::new();
    let mut starts = Vec::new();
    for _ in 0..5 {
        starts.insert(0, world.bought(1, "door-1", 1).0.session.session.starts_at);
        world.bought(2, "door-2", 1);
        world.advance(61_000);
    }
    let platform = Platform::new(&world);
    let payer = keys::account(1);
    let page = |before: Option<&Cursor>| {
        world.run(platform.journal.sessions_of(&payer, before, 2)).unwrap().unwrap()
    };
    let mut seen: Vec<Timestamp> = Vec::new();
    let mut cursor = None;
    loop {
        let sessions = page(cursor.as_ref());
        let Some(last) = sessions.last() else { break };
        cursor = Some(Cursor { starts: last.session.starts_at, session: last.session.id.clone() });
        assert!(sessions.iter().all(|record| record.session.payer == payer));
        seen.extend(sessions.iter().map(|record| record.session.starts_at));
    }
    assert_eq!(seen, starts);
}

#[test]
fn loading_does_not_depend_on_the_assets_history() {
    // One row is read, however many sessions there were, as the query plan shows.
    let world = World::new();
    for statement in super::sql::READS.iter().chain(super::sales::READS) {
        let plan = world.query_plan(statement);
        assert!(plan.starts_with("SEARCH") && !plan.contains("TEMP B-TREE"), "{statement}: {plan}");
    }
}
