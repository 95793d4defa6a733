//! What the component may run, whatever it writes: no statement ends another one's transaction, reaches another file or
//! turns durability off.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Statements that are refused, with gaps where SQL allows white space and comments.
const REFUSED: [&str; 31] = [
    "BEGIN",
    "BEGIN~IMMEDIATE",
    "BEGIN~EXCLUSIVE~TRANSACTION",
    "COMMIT",
    "END~TRANSACTION",
    "ROLLBACK",
    "ROLLBACK~TO~s",
    "SAVEPOINT~s",
    "RELEASE~s",
    "ATTACH~'other.db'~AS~other",
    "ATTACH~DATABASE~':memory:'~AS~other",
    "DETACH~main",
    "VACUUM",
    "VACUUM~INTO~'other.db'",
    "VACUUM~main~INTO~'other.db'",
    "PRAGMA~synchronous~=~OFF",
    "PRAGMA~main.synchronous(0)",
    "PRAGMA~journal_mode~=~DELETE",
    "PRAGMA~journal_mode(OFF)",
    "PRAGMA~query_only~=~0",
    "PRAGMA~foreign_keys~=~OFF",
    "PRAGMA~user_version~=~3",
    "PRAGMA~writable_schema~=~1",
    "PRAGMA~writable_schema",
    "PRAGMA~wal_checkpoint(TRUNCATE)",
    "PRAGMA~locking_mode~=~EXCLUSIVE",
    "PRAGMA~temp_store_directory~=~'.'",
    "PRAGMA~optimize",
    "SELECT~load_extension('x')",
    "INSERT~INTO~t~(c)~SELECT~load_extension('x')",
    "INSERT~INTO~sqlite_schema~VALUES~('table','a','a',0,'')",
];

/// Statements that are allowed, and pieces that arbitrary text is made of.
const ALLOWED: [&str; 9] = [
    "SELECT~count(*)~FROM~t",
    "SELECT~1",
    "INSERT~OR~IGNORE~INTO~t~(c)~VALUES~('x')",
    "WITH~a~AS~(SELECT~2)~INSERT~INTO~u~SELECT~*~FROM~a",
    "UPDATE~t~SET~c~=~c",
    "DELETE~FROM~u",
    "PRAGMA~user_version",
    "PRAGMA~table_info(t)",
    "CREATE~TABLE~IF~NOT~EXISTS~u~(a)",
];

/// Returns these words in any case, with white space and comments between them.
fn spelt(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    let gap = select(vec![" ", "\n", "\t ", "/**/", " /* ; */ ", " -- ;\n"]);
    let ends =
        (select(vec!["", " ", "\n", "/* a */", "-- a\n"]), select(vec!["", ";", " ; ", "; -- end", ";;"]));
    (select(words), gap, ends, any::<u64>()).prop_map(|(words, gap, (before, after), cases)| {
        let mut in_text = false;
        let cased = words.chars().enumerate().map(|(at, c)| {
            in_text ^= c == '\'';
            if !in_text && cases >> (at % 64) & 1 == 1 { c.to_ascii_lowercase() } else { c }
        });
        let text: String = cased.collect();
        format!("{before}{}{after}", text.replace('~', gap))
    })
}

/// Returns statements, several in one text, one inside another, and text that is nearly one.
fn any_text() -> impl Strategy<Value = String> {
    let one = || prop_oneof![spelt(&REFUSED), spelt(&ALLOWED)];
    prop_oneof![
        4 => one(),
        2 => (one(), one()).prop_map(|(one, other)| format!("{one};{other}")),
        1 => one().prop_map(|one| format!("EXPLAIN {one}")),
        1 => one().prop_map(|one| format!("EXPLAIN QUERY PLAN {one}")),
        1 => one().prop_map(|one| format!("CREATE TRIGGER g AFTER INSERT ON u BEGIN {one}; END")),
        1 => (one(), any::<prop::sample::Index>(), "[ -~]{0,3}").prop_map(|(mut one, at, more)| {
            let at = at.index(one.len() + 1);
            one.insert_str(at, &more);
            one
        }),
        1 => (one(), any::<prop::sample::Index>()).prop_map(|(mut one, at)| {
            one.truncate(at.index(one.len() + 1));
            one
        }),
        1 => "\\PC{0,20}",
    ]
}

/// Returns the database's settings as every connection would read them, and the files beside it.
fn kept(dir: &Path) -> (String, i64, Vec<String>) {
    let other = rusqlite::Connection::open(dir.join(FILE)).unwrap();
    let mode = other.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    let version = other.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    drop(other);
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    (mode, version, names)
}

/// Returns how many rows another connection sees.
fn seen(dir: &Path) -> i64 {
    let other = rusqlite::Connection::open(dir.join(FILE)).unwrap();
    other.query_row("SELECT count(*) FROM own", [], |row| row.get(0)).unwrap()
}

/// Runs texts one after the other. After each, a statement of somebody else has to be on the disk.
async fn all_is_kept(db: &Db, dir: &Path, texts: &[String], refused: bool) {
    let before = kept(dir);
    for text in texts {
        let outcome = run(db, text).await;
        assert!(!refused || outcome.is_err(), "{text:?} was run");
        let rows = seen(dir);
        run(db, "INSERT INTO own (a) VALUES (1)").await.unwrap();
        assert_eq!(seen(dir), rows + 1, "what was acknowledged after {text:?} is not on the disk");
        assert_eq!(kept(dir), before, "after {text:?}");
    }
}

/// Calls `check` for many lists of texts, with one database.
fn for_all(texts: impl Strategy<Value = Vec<String>>, refused: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (dir, db) = runtime.block_on(with_table());
    for table in ["u (a)", "own (a)"] {
        runtime.block_on(run(&db, &format!("CREATE TABLE {table}"))).unwrap();
    }
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(texts in texts)| {
        runtime.block_on(all_is_kept(&db, dir.path(), &texts, refused));
    });
}

#[test]
fn a_statement_that_would_break_the_others_is_refused_however_it_is_spelt_inv_2() {
    for_all(proptest::collection::vec(spelt(&REFUSED), 1..3), true);
}

#[test]
fn whatever_the_component_writes_other_statements_stay_on_the_disk_inv_2() {
    for_all(proptest::collection::vec(any_text(), 1..4), false);
}
