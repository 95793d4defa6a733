//! Databases of other versions, and a database whose creation was interrupted.

use std::cell::Cell;

use rusqlite::Connection;

use super::super::schema::VERSION;
use super::super::{Sql, SqlError, SqlJournal, Value};
use crate::error::StoreError;
use crate::ports::PortError;
use crate::testkit::platform::Tables;
use crate::testkit::world::{START, World};

/// Returns an empty database.
fn empty_world() -> World {
    World::on(Connection::open_in_memory().unwrap(), START, 2)
}

/// Returns the definitions of a database's tables, without their content.
fn tables(world: &World) -> Vec<String> {
    world.texts("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
}

/// The world's database. Something happens before its `at`-th statement, counted from 0.
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

/// Prepares the database while something happens before the `at`-th statement. Returns the number of statements.
fn interrupted(world: &World, at: u32, by: &dyn Fn() -> Result<(), SqlError>) -> Result<u32, PortError> {
    let statements = &Cell::new(0);
    let journal = SqlJournal::new(Interrupted { world, at, by, statements }, "main".to_owned());
    world.run(journal.prepare()).unwrap().map(|()| statements.get())
}

/// Prepares the database and returns the number of statements.
fn prepare(world: &World) -> Result<u32, PortError> {
    interrupted(world, u32::MAX, &|| Ok(()))
}

#[test]
fn a_database_that_is_ready_is_not_touched_again() {
    let world = empty_world();
    assert!(prepare(&world).unwrap() > 2);
    let made = tables(&world);
    assert_eq!(prepare(&world), Ok(2), "it is asked for its version, and no more");
    assert_eq!(tables(&world), made);
}

#[test]
fn killed_before_any_statement_the_next_start_finishes_it_inv_2() {
    let whole = empty_world();
    for at in 0..prepare(&whole).unwrap() {
        let world = empty_world();
        let killed = || Err(SqlError::Other("killed".to_owned()));
        assert_eq!(
            interrupted(&world, at, &killed),
            Err(StoreError::Database(SqlError::Other("killed".to_owned())).into())
        );
        prepare(&world).unwrap();
        assert_eq!(tables(&world), tables(&whole), "killed before {at}");
        assert_eq!(world.count("schema_version"), 1, "killed before {at}");
    }
}

#[test]
fn two_processes_make_the_tables_at_once() {
    let whole = empty_world();
    for at in 0..prepare(&whole).unwrap() {
        let world = empty_world();
        let other = || prepare(&world).map(drop).map_err(|error| SqlError::Other(error.to_string()));
        interrupted(&world, at, &other).unwrap();
        assert_eq!(tables(&world), tables(&whole), "the other at {at}");
        assert_eq!(world.count("schema_version"), 1, "the other at {at}");
    }
}

/// Asserts that the database is refused in one line with these words, and that it stays as it is.
fn assert_refused(world: &World, words: &[&str]) {
    let before = tables(world);
    let line = prepare(world).unwrap_err().to_string();
    assert!(words.iter().all(|word| line.contains(word)) && !line.contains('\n'), "{line}");
    assert_eq!(tables(world), before);
}

#[test]
fn a_database_of_an_earlier_version_is_refused_in_words_that_say_so_inv_2() {
    for version in 1..VERSION {
        let world = empty_world();
        for statement in [
            "CREATE TABLE journal (asset TEXT, revision INTEGER)".to_owned(),
            "CREATE TABLE schema_version (version INTEGER PRIMARY KEY)".to_owned(),
            format!("INSERT INTO schema_version (version) VALUES ({version})"),
        ] {
            world.database.execute(&statement, []).unwrap();
        }
        assert_refused(&world, &["earlier version", &format!("version {version}"), "move it away"]);
    }
    // The first versions recorded no version.
    let world = empty_world();
    world.database.execute("CREATE TABLE journal (asset TEXT, revision INTEGER)", []).unwrap();
    assert_refused(&world, &["earlier version"]);
}

#[test]
fn a_database_of_a_newer_version_is_refused_in_words_that_say_so() {
    let world = World::new();
    let newer = VERSION + 1;
    let insert = format!("INSERT INTO schema_version (version) VALUES ({newer})");
    world.run(Tables(&world).run(&insert, &[])).unwrap().unwrap();
    assert_refused(&world, &["newer version", &format!("version {newer}")]);
}
