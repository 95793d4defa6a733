//! Tests of the database on a real file.

mod gate;

use std::time::Duration;

use super::*;

fn open(dir: &Path) -> Db {
    Db::open(dir, Metrics::new().unwrap()).unwrap()
}

async fn run(db: &Db, sql: &str) -> Result<Answer, Refused> {
    db.execute(sql.to_owned(), Vec::new(), Caller::Request).await
}

async fn with_table() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    run(&db, "CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT UNIQUE)").await.unwrap();
    (dir, db)
}

fn int(answer: &Answer) -> i64 {
    match answer.rows[0][0] {
        Value::Integer(i) => i,
        ref other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_type_comes_back_as_it_went_in() {
    let (_dir, db) = with_table().await;
    run(&db, "CREATE TABLE v (a, b, c, d, e)").await.unwrap();
    let values = vec![
        Value::Integer(i64::MIN),
        Value::Real(0.5),
        Value::Text("a\u{1F6AA}".into()),
        Value::Blob(vec![0, 255]),
        Value::Null,
    ];
    let answer = db
        .execute("INSERT INTO v VALUES (?1, ?2, ?3, ?4, ?5)".into(), values.clone(), Caller::Request)
        .await
        .unwrap();
    assert_eq!(answer.changes, Some(1));
    assert_eq!(answer.last_insert_rowid, Some(1));
    let answer = run(&db, "SELECT * FROM v").await.unwrap();
    assert_eq!(answer.columns, ["a", "b", "c", "d", "e"]);
    assert_eq!(answer.rows, vec![values]);
}

/// Invariant 1 rests on this: a claim is a unique insert, and the second claimer must get the error text that
/// Spin uses.
#[tokio::test]
async fn a_second_claimer_is_told_as_on_spin() {
    let (_dir, db) = with_table().await;
    run(&db, "INSERT INTO t (c) VALUES ('x')").await.unwrap();
    let error = run(&db, "INSERT INTO t (c) VALUES ('x')").await.unwrap_err();
    assert_eq!(error.0, "UNIQUE constraint failed: t.c");
}

/// Invariant 1: exactly one of many concurrent inserts wins, and a failing statement does not fail the
/// others.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_one_wins_and_the_rest_stands() {
    let (dir, db) = with_table().await;
    let mut tasks = Vec::new();
    for n in 0..64 {
        let db = db.clone();
        tasks.push(tokio::spawn(async move {
            let own = db
                .execute(
                    "INSERT INTO t (c) VALUES (?1)".into(),
                    vec![Value::Text(format!("own {n}"))],
                    Caller::Request,
                )
                .await;
            let shared = run(&db, "INSERT INTO t (c) VALUES ('shared')").await;
            (own.is_ok(), shared.is_ok())
        }));
    }
    let mut won = 0;
    for task in tasks {
        let (own, shared) = task.await.unwrap();
        assert!(own);
        won += usize::from(shared);
    }
    assert_eq!(won, 1);
    assert_eq!(int(&run(&db, "SELECT count(*) FROM t").await.unwrap()), 65);
    // The result is also in the file, as another connection sees it.
    let other = rusqlite::Connection::open(dir.path().join("coinop.db")).unwrap();
    let n: i64 = other.query_row("SELECT count(*) FROM t", [], |r| r.get(0)).unwrap();
    assert_eq!(n, 65);
}

/// A statement that rolls the transaction back fails alone too: the others of the same transaction are
/// carried out without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rollback_takes_nobody_with_it() {
    let (_dir, db) = with_table().await;
    run(
        &db,
        "CREATE TRIGGER no BEFORE INSERT ON t WHEN new.c = 'bad' BEGIN SELECT RAISE(ROLLBACK, 'not this one'); END",
    )
    .await
    .unwrap();
    let mut tasks = Vec::new();
    for n in 0..90 {
        let db = db.clone();
        tasks.push(tokio::spawn(async move {
            let c = if n % 3 == 0 { "bad".to_owned() } else { n.to_string() };
            let bad = c == "bad";
            let result = db
                .execute("INSERT INTO t (c) VALUES (?1)".into(), vec![Value::Text(c)], Caller::Request)
                .await;
            match result {
                Ok(_) => assert!(!bad),
                Err(e) => assert!(bad && e.0 == "not this one", "{e:?}"),
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(int(&run(&db, "SELECT count(*) FROM t").await.unwrap()), 60);
}

#[tokio::test]
async fn returning_answers_and_is_a_write() {
    let (_dir, db) = with_table().await;
    let answer = run(&db, "INSERT INTO t (c) VALUES ('r') RETURNING id, c").await.unwrap();
    assert_eq!(answer.columns, ["id", "c"]);
    assert_eq!(answer.rows, vec![vec![Value::Integer(1), Value::Text("r".into())]]);
    assert_eq!(int(&run(&db, "SELECT count(*) FROM t").await.unwrap()), 1);
}

#[tokio::test]
async fn a_write_is_seen_by_the_next_read() {
    let (_dir, db) = with_table().await;
    for n in 1..=50 {
        run(&db, &format!("INSERT INTO t (c) VALUES ('{n}')")).await.unwrap();
        assert_eq!(int(&run(&db, "SELECT count(*) FROM t").await.unwrap()), n);
    }
}

#[tokio::test]
async fn what_would_break_the_others_is_refused() {
    let (_dir, db) = with_table().await;
    for sql in [
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT s",
        "ATTACH 'other.db' AS other",
        "PRAGMA synchronous = OFF",
        "PRAGMA query_only = 0",
        "PRAGMA user_version = 3",
        "SELECT load_extension('x')",
        "INSERT INTO t (c) VALUES ('1'); INSERT INTO t (c) VALUES ('2')",
        "SELECT 1; DROP TABLE t",
    ] {
        assert!(run(&db, sql).await.is_err(), "{sql}");
    }
    assert_eq!(int(&run(&db, "SELECT count(*) FROM t").await.unwrap()), 0);
    let error = run(&db, "SELECT 1; SELECT 2").await.unwrap_err();
    assert_eq!(error.0, "more than one statement in one call");
    for sql in ["PRAGMA user_version", "PRAGMA table_info(t)", "SELECT 1;  -- end"] {
        run(&db, sql).await.unwrap();
    }
    let mode = run(&db, "PRAGMA journal_mode").await.unwrap();
    assert_eq!(mode.rows[0][0], Value::Text("wal".into()));
}

/// A connection that read the schema between the creation of a view and its trigger does not refuse what the
/// trigger allows. A buyer may come at that moment of the first start.
#[tokio::test]
async fn what_was_made_a_moment_ago_is_there_for_every_connection() {
    let (_dir, db) = with_table().await;
    run(&db, "CREATE VIEW v AS SELECT c FROM t").await.unwrap();
    run(&db, "SELECT * FROM v").await.unwrap();
    let trigger = "CREATE TRIGGER w INSTEAD OF INSERT ON v BEGIN INSERT INTO t (c) VALUES (new.c); END";
    run(&db, trigger).await.unwrap();
    run(&db, "INSERT INTO v VALUES ('x')").await.unwrap();
    assert_eq!(int(&run(&db, "SELECT count(*) FROM t").await.unwrap()), 1);
}

#[tokio::test]
async fn foreign_keys_hold() {
    let (_dir, db) = with_table().await;
    run(&db, "CREATE TABLE child (t INTEGER REFERENCES t (id))").await.unwrap();
    let error = run(&db, "INSERT INTO child VALUES (99)").await.unwrap_err();
    assert_eq!(error.0, "FOREIGN KEY constraint failed");
}

#[tokio::test]
async fn what_has_to_be_written_only_now_and_then_is_written() {
    let (_dir, db) = with_table().await;
    run(&db, "CREATE TABLE u (a)").await.unwrap();
    for _ in 0..20 {
        // Each connection prepares the statement while it has nothing to do, and runs it again when it has.
        let made = (0..8).map(|_| run(&db, "CREATE TABLE IF NOT EXISTS u (a)"));
        for made in made {
            made.await.unwrap();
        }
        run(&db, "DROP TABLE u").await.unwrap();
        run(&db, "CREATE TABLE IF NOT EXISTS u (a)").await.unwrap();
        run(&db, "INSERT INTO u VALUES (1)").await.unwrap();
    }
}

/// A query that counts without end.
const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) ";

/// Runs on one thread: a read that kept this thread busy would hold up everything.
#[tokio::test]
async fn a_long_read_holds_up_nobody_and_an_endless_one_is_ended() {
    let (_dir, db) = with_table().await;
    let endless = tokio::spawn({
        let db = db.clone();
        async move { run(&db, &format!("{ENDLESS} SELECT count(*) FROM n")).await }
    });
    let mut reads = 0;
    while !endless.is_finished() {
        assert_eq!(int(&run(&db, "SELECT count(*) FROM t").await.unwrap()), 0);
        reads += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(reads > 10, "{reads} reads beside it");
    assert_eq!(endless.await.unwrap().unwrap_err().0, "the statement took too long");
}

#[tokio::test]
async fn an_endless_write_is_ended_and_takes_no_other_with_it() {
    let (_dir, db) = with_table().await;
    let sql = format!("INSERT INTO t (c) {ENDLESS} SELECT 'x' || i FROM n");
    let other = "INSERT INTO t (c) VALUES ('other')";
    let (endless, other) = tokio::join!(run(&db, &sql), run(&db, other));
    assert_eq!(endless.unwrap_err().0, "the statement took too long");
    other.unwrap();
    assert_eq!(int(&run(&db, "SELECT count(*) FROM t").await.unwrap()), 1);
}

/// Writes by requests wake the controller. Its own writes, reads, and writes that changed nothing do not.
#[tokio::test]
async fn the_controller_is_told_of_requests_writes() {
    let (_dir, db) = with_table().await;
    let written = db.written();
    let told = async || tokio::time::timeout(Duration::from_millis(50), written.notified()).await.is_ok();
    told().await;
    run(&db, "INSERT INTO t (c) VALUES ('a')").await.unwrap();
    assert!(told().await);
    run(&db, "SELECT * FROM t").await.unwrap();
    run(&db, "DELETE FROM t WHERE c = 'none'").await.unwrap();
    db.execute("INSERT INTO t (c) VALUES ('b')".into(), Vec::new(), Caller::Controller).await.unwrap();
    assert!(!told().await);
}

/// Whoever waits for a payment's outcome is told when the settler has written, and the controller is told as well.
#[tokio::test]
async fn who_waits_for_an_outcome_is_told_of_the_settlers_writes_alone() {
    let (_dir, db) = with_table().await;
    let (settled, written) = (db.settled(), db.written());
    db.execute("INSERT INTO t (c) VALUES ('a')".into(), Vec::new(), Caller::Request).await.unwrap();
    db.execute("INSERT INTO t (c) VALUES ('b')".into(), Vec::new(), Caller::Controller).await.unwrap();
    db.execute("SELECT * FROM t".into(), Vec::new(), Caller::Settler).await.unwrap();
    db.execute("DELETE FROM t WHERE c = 'none'".into(), Vec::new(), Caller::Settler).await.unwrap();
    written.notified().await;
    assert!(!settled.has_changed().unwrap());
    db.execute("INSERT INTO t (c) VALUES ('c')".into(), Vec::new(), Caller::Settler).await.unwrap();
    let told = async {
        settled.clone().changed().await.unwrap();
        written.notified().await;
    };
    tokio::time::timeout(Duration::from_secs(5), told).await.unwrap();
}

#[tokio::test]
async fn a_data_folder_serves_one_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = lock_data_dir(dir.path()).unwrap();
    let error = lock_data_dir(dir.path()).unwrap_err();
    assert!(error.0.contains("another `coinop serve`"), "{error:?}");
    drop(first);
    lock_data_dir(dir.path()).unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_opening_again() {
    let (dir, db) = with_table().await;
    run(&db, "INSERT INTO t (c) VALUES ('kept')").await.unwrap();
    drop(db);
    let db = open(dir.path());
    assert_eq!(int(&run(&db, "SELECT count(*) FROM t").await.unwrap()), 1);
}
