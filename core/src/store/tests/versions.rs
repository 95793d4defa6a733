//! Databases of older and newer versions.

use std::cell::Cell;

use rusqlite::Connection;

use super::super::schema::STEPS;
use super::super::{Sql, SqlError, SqlJournal, Value};
use crate::encoding::from_base64;
use crate::gateway::SaleError;
use crate::ports::PortError;
use crate::quote::{Operation, Ticket};
use crate::testkit::vectors::{self, JOURNAL_V1, JOURNAL_V2};
use crate::testkit::world::{START, Tables, World, sold};
use crate::x402::{Envelope, Payment};

const ACCESS: Operation = Operation::Access;
const PRICE: u64 = 10_000;

/// Databases of old versions, with the same in them.
const OLD: [&str; 2] = [JOURNAL_V1, JOURNAL_V2];

/// A world on the database that an old version wrote; nobody has prepared it yet.
fn old_world(vector: &str) -> World {
    let vector = vectors::json(vector);
    let database = Connection::open_in_memory().unwrap();
    for statement in vector["statements"].as_array().unwrap() {
        database.execute(statement.as_str().unwrap(), []).unwrap();
    }
    World::on(database, vector["now"].as_u64().unwrap(), 4)
}

/// The payments that were sent to the old version, in their order.
fn old_payments(world: &World) -> Vec<Payment> {
    let read = |sent: &serde_json::Value| {
        let ticket = Ticket::from_text(sent["ticket"].as_str().unwrap());
        let quote = ticket.open(&world.deployment.keys).unwrap();
        let (amount, mint, pay_to) = (quote.amount, quote.mint, quote.pay_to);
        Payment {
            envelope: Envelope::V2 { ticket: Some(ticket), amount, mint, pay_to },
            transaction: from_base64(sent["transaction"].as_str().unwrap()).unwrap(),
        }
    };
    vectors::json(JOURNAL_V1)["payments"].as_array().unwrap().iter().map(read).collect()
}

/// A database with nothing in it.
fn empty_world() -> World {
    World::on(Connection::open_in_memory().unwrap(), START, 2)
}

/// What a database is made of, without what is in it.
fn tables(world: &World) -> Vec<String> {
    world.texts("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
}

fn in_flight(world: &World) -> Vec<String> {
    world.texts("SELECT asset || ' ' || amount FROM in_flight ORDER BY asset")
}

/// The world's database; before its `at`-th statement, counted from 0, something happens.
struct Interrupted<'w> {
    world: &'w World,
    at: u32,
    by: &'w dyn Fn() -> Result<(), SqlError>,
    statements: &'w Cell<u32>,
}

impl Sql for Interrupted<'_> {
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        if self.statements.replace(self.statements.get() + 1) == self.at {
            (self.by)()?;
        }
        Tables(self.world).run(statement, parameters).await
    }
}

/// Prepares the database; something happens before the `at`-th statement. Answers how many
/// there were.
fn interrupted(world: &World, at: u32, by: &dyn Fn() -> Result<(), SqlError>) -> Result<u32, PortError> {
    let statements = &Cell::new(0);
    let journal = SqlJournal::new(Interrupted { world, at, by, statements }, "main".to_owned());
    world.run(journal.prepare()).unwrap().map(|()| statements.get())
}

/// Prepares the database and answers how many statements that took.
fn prepare(world: &World) -> Result<u32, PortError> {
    interrupted(world, u32::MAX, &|| Ok(()))
}

#[test]
fn everything_in_an_old_database_is_found_and_goes_on_inv_1_2_4() {
    OLD.into_iter().for_each(everything_goes_on);
}

fn everything_goes_on(vector: &str) {
    let world = old_world(vector);
    let before = [world.events("door-1"), world.events("door-2")];
    prepare(&world).unwrap();
    assert_eq!([world.events("door-1"), world.events("door-2")], before);
    let [past, running, expired, pending] = old_payments(&world).try_into().unwrap();

    // What was bought is still whose it was, running or over.
    let session = sold(world.buy("door-1", ACCESS, &running)).session.session;
    assert_eq!(session.ends_at.millis_since(session.starts_at), 3_600_000);
    assert!(sold(world.buy("door-2", ACCESS, &past)).session.session.ends_at < world.now());
    assert_eq!(world.doors().orders[0].order.unlocked_until, Some(session.ends_at));
    assert_eq!(world.count("payment WHERE id IN (SELECT payment FROM in_flight)"), 1);

    // What is in flight is held against its balance.
    world.fund(3, PRICE);
    let (ticket, quote) = world.ticket("door-3", ACCESS, 1);
    let second = world.pay(3, &ticket, &quote);
    let outcome = world.buy("door-3", ACCESS, &second).unwrap();
    assert!(matches!(outcome, Err(SaleError::Refused { reason: "insufficient_funds", .. })), "{outcome:?}");
    assert_eq!(in_flight(&world), ["Text(\"main/door-2 10000\")"]);

    // It lands, becomes a session, and is held against nothing any more.
    sold(world.buy("door-2", ACCESS, &pending));
    assert_eq!((world.count("in_flight"), world.count("purse"), world.bounced()), (0, 0, 0));
    world.fund(3, PRICE);
    sold(world.buy("door-3", ACCESS, &second));
    // What had failed has left its quote free.
    assert!(matches!(world.buy("door-4", ACCESS, &expired), Some(Err(SaleError::Refused { .. }))));
    assert_eq!((world.count("session"), world.fees_today()), (4, 4 * 10_001));
    world.advance(3_600_000);
    assert_eq!(world.unlocked_until("door-1"), None);
}

#[test]
fn an_old_database_becomes_the_same_as_a_new_one_and_is_not_touched_again() {
    let new = empty_world();
    let old = OLD.map(old_world);
    for world in [&new].into_iter().chain(&old) {
        assert!(prepare(world).unwrap() > 2);
        assert_eq!(world.count("schema_version"), STEPS.len() as u64);
        assert_eq!(prepare(world), Ok(2), "it is asked for its version, and no more");
        assert_eq!(tables(world), tables(&new));
    }
}

#[test]
fn killed_before_any_statement_the_next_start_finishes_it_inv_2() {
    for vector in OLD {
        let whole = old_world(vector);
        for at in 0..prepare(&whole).unwrap() {
            let world = old_world(vector);
            let killed = || Err(SqlError::Other("killed".to_owned()));
            assert_eq!(interrupted(&world, at, &killed), Err(PortError("database: killed".to_owned())));
            prepare(&world).unwrap();
            assert_eq!(tables(&world), tables(&whole), "killed before {at}");
            assert_eq!(in_flight(&world), in_flight(&whole), "killed before {at}");
            assert_eq!(world.count("schema_version"), STEPS.len() as u64, "killed before {at}");
        }
    }
}

#[test]
fn two_processes_bring_it_up_to_date_at_once() {
    let whole = empty_world();
    for at in 0..prepare(&whole).unwrap() {
        for (world, pending) in [(empty_world(), 0), (old_world(JOURNAL_V1), 1), (old_world(JOURNAL_V2), 1)] {
            let other = || prepare(&world).map(drop).map_err(|error| SqlError::Other(error.0));
            interrupted(&world, at, &other).unwrap();
            assert_eq!(tables(&world), tables(&whole), "the other at {at}");
            assert_eq!(world.count("in_flight"), pending, "the other at {at}");
            assert_eq!(world.count("schema_version"), STEPS.len() as u64, "the other at {at}");
        }
    }
}

/// A process of version 1 claims for `door-3` what is claimed for `door-2`, under another name.
const OLD_CLAIM: &str = "INSERT INTO append (asset, revision, batch) SELECT 'main/door-3', 1, json_object(
    'v', 1, 'events', json('[]'), 'index', json('[]'), 'unfulfilled', 0,
    'state', json_set(state, '$.claims[0].payment', 'another')) FROM head WHERE asset = 'main/door-2'";

/// It sees that the payment for `door-2` has landed.
const OLD_LANDED: &str =
    "INSERT INTO append (asset, revision, batch) SELECT asset, revision + 1, json_object(
    'v', 1, 'events', json('[]'), 'index', json('[]'), 'unfulfilled', 0,
    'state', json_remove(state, '$.claims[0]')) FROM head WHERE asset = 'main/door-2'";

/// What a process of version 2 does: the same claim.
const CLAIM_V2: &str =
    "INSERT INTO entry (asset, revision, version, events, state, unsettled, unfulfilled, claims)
    SELECT 'main/door-3', 1, 1, '[]', json_set(state, '$.claims[0].payment', 'another'), unsettled, 0,
    json_array(json_object('id', 'another', 'ticket', 'q1', 'record', json('{}'), 'day', 1, 'fee', 1,
        'source', state ->> '$.claims[0].source', 'amount', state ->> '$.claims[0].paid.amount'))
    FROM head WHERE asset = 'main/door-2'";

/// It sees that the payment for `door-2` has landed.
const LANDED_V2: &str = "INSERT INTO entry (asset, revision, version, events, state, unfulfilled, landed)
    SELECT asset, revision + 1, 1, '[]', json_remove(state, '$.claims[0]'), 0,
    json_array(json_object('id', state ->> '$.claims[0].payment', 'record', json('{}')))
    FROM head WHERE asset = 'main/door-2'";

#[test]
fn what_an_old_process_appends_meanwhile_is_counted_or_not_written_inv_2() {
    let claimed = &["Text(\"main/door-2 10000\")", "Text(\"main/door-3 10000\")"][..];
    for (vector, statement, after) in [
        (JOURNAL_V1, OLD_CLAIM, claimed),
        (JOURNAL_V1, OLD_LANDED, &[]),
        (JOURNAL_V2, CLAIM_V2, claimed),
        (JOURNAL_V2, LANDED_V2, &[]),
    ] {
        let mut written = 0;
        for at in 0..prepare(&old_world(vector)).unwrap() {
            let world = old_world(vector);
            let wrote = Cell::new(false);
            let old_process = || {
                wrote.set(world.run(Tables(&world).run(statement, &[])).unwrap().is_ok());
                Ok(())
            };
            interrupted(&world, at, &old_process).unwrap();
            let before = &["Text(\"main/door-2 10000\")"][..];
            assert_eq!(in_flight(&world), if wrote.get() { after } else { before }, "before {at}");
            written += u32::from(wrote.get());
        }
        assert!(written > 2, "it is stopped late");
        // Once it is stopped it is told why, and stays so.
        let world = old_world(vector);
        prepare(&world).unwrap();
        let refused = world.run(Tables(&world).run(statement, &[])).unwrap();
        assert!(matches!(refused, Err(SqlError::Other(text)) if text.contains("newer version")));
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused_in_words_that_say_so() {
    let world = World::new();
    let newer = STEPS.len() + 1;
    let insert = format!("INSERT INTO schema_version (version) VALUES ({newer})");
    world.run(Tables(&world).run(&insert, &[])).unwrap().unwrap();
    let before = tables(&world);
    let PortError(line) = prepare(&world).unwrap_err();
    assert!(line.contains("newer version") && line.contains(&format!("version {newer}")), "{line}");
    assert!(!line.contains('\n'));
    assert_eq!(tables(&world), before);
}
