//! Tests that the stand-in has the traps that were seen on real Spin.

use coinop_bindings::sqlite::{Error, Value};
use coinop_spin_test::outbound::Origin;
use coinop_spin_test::sqlite::{BUSY, Connection, file};
use tempfile::TempDir;

async fn run(connection: &Connection, statements: &str) -> Result<Vec<Vec<Value>>, Error> {
    let result = connection.execute(statements.to_owned(), Vec::new()).await?;
    Ok(result.rows.into_iter().map(|row| row.values).collect())
}

fn io(message: &str) -> Error {
    Error::Io(message.to_owned())
}

async fn tables() -> (TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(&file(folder.path())).unwrap();
    run(&connection, "CREATE TABLE t (c TEXT UNIQUE)").await.unwrap();
    run(&connection, "CREATE TABLE child (c TEXT REFERENCES t (c))").await.unwrap();
    (folder, connection)
}

#[tokio::test]
async fn of_several_statements_only_the_first_is_run() {
    let (_folder, connection) = tables().await;
    let both = "INSERT INTO t VALUES ('a'); INSERT INTO t VALUES ('b')";
    assert_eq!(run(&connection, both).await, Ok(vec![]));
    assert_eq!(run(&connection, "SELECT c FROM t").await, Ok(vec![vec![Value::Text("a".to_owned())]]));
}

#[tokio::test]
async fn errors_are_in_sqlites_own_words() {
    let (_folder, connection) = tables().await;
    run(&connection, "INSERT INTO t VALUES ('a')").await.unwrap();
    let twice = run(&connection, "INSERT INTO t VALUES ('a')").await;
    assert_eq!(twice, Err(io("UNIQUE constraint failed: t.c")));
    let orphan = run(&connection, "INSERT INTO child VALUES ('b')").await;
    assert_eq!(orphan, Err(io("FOREIGN KEY constraint failed")));
    let pragmas = [("foreign_keys", Value::Integer(1)), ("journal_mode", Value::Text("delete".to_owned()))];
    for (pragma, value) in pragmas {
        assert_eq!(run(&connection, &format!("PRAGMA {pragma}")).await, Ok(vec![vec![value]]));
    }
}

#[tokio::test]
async fn each_connection_is_its_own_and_a_transaction_goes_with_it() {
    let (folder, first) = tables().await;
    let second = Connection::open(&file(folder.path())).unwrap();
    run(&first, "BEGIN IMMEDIATE").await.unwrap();
    run(&first, "INSERT INTO t VALUES ('a')").await.unwrap();
    assert_eq!(run(&second, "SELECT c FROM t").await, Ok(vec![]));
    let started = std::time::Instant::now();
    let locked = run(&second, "INSERT INTO t VALUES ('b')").await;
    assert_eq!(locked, Err(io("database is locked")));
    assert!(started.elapsed() >= BUSY);
    drop(first);
    run(&second, "INSERT INTO t VALUES ('b')").await.unwrap();
    assert_eq!(run(&second, "SELECT c FROM t").await, Ok(vec![vec![Value::Text("b".to_owned())]]));
}

#[test]
fn hosts_are_compared_as_they_are_written() {
    let allowed = |text| Origin::allowed(text).unwrap();
    assert_eq!(allowed("https://api.devnet.solana.com"), allowed("https://API.devnet.solana.com:443/"));
    assert_ne!(allowed("http://127.0.0.1:8899"), allowed("http://localhost:8899"));
    assert_ne!(allowed("http://127.0.0.1:8899"), allowed("http://127.0.0.1"));
    for refused in ["", "api.devnet.solana.com", "*://*:*", "https://a.example/key", "ftp://a.example"] {
        assert!(Origin::allowed(refused).is_err(), "{refused}");
    }
}
