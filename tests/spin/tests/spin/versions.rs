//! New tables, and tables that an earlier or a later version of the component has left.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::support::{Buyer, World};

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_are_made_by_the_first_requests_all_at_once_inv_1() {
    let world = Arc::new(World::start().await);
    let mut requests = JoinSet::new();
    for _ in 0..20 {
        let world = world.clone();
        requests.spawn(async move { world.send("GET", "/api/v1/assets/door-1/status", &[]).await.status });
    }
    let answers = requests.join_all().await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}\n{}", world.spin.printed());
    assert_eq!(world.database.number("SELECT count(*) FROM schema_version"), 1);
    Buyer::numbered(0).buy(&world, "/api/v1/access/door-1").await;
    assert_eq!((world.database.sessions(), world.database.number("SELECT count(*) FROM in_flight")), (1, 0));
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_an_earlier_version_are_left_alone_and_the_log_says_why() {
    let world = World::start().await;
    std::fs::create_dir_all(world.database.0.parent().unwrap()).unwrap();
    world.database.open().execute("CREATE TABLE journal (asset TEXT, revision INTEGER)", []).unwrap();
    let before = world.database.bytes();
    let answer = world.send("GET", "/api/v1/assets/door-1/status", &[]).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    let printed = world.spin.printed();
    assert!(printed.contains("made by an earlier version of Coinop"), "{printed}");
    assert_eq!(world.database.bytes(), before);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_newer_version_are_left_alone_and_the_log_says_why() {
    let world = World::start().await;
    assert_eq!(world.send("GET", "/api/v1/assets/door-1/status", &[]).await.status, 200);
    world.database.open().execute("INSERT INTO schema_version (version) VALUES (99)", []).unwrap();
    let before = world.database.bytes();
    let answer = world.send("GET", "/api/v1/assets/door-1/status", &[]).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    let printed = world.spin.printed();
    assert!(printed.contains("made by a newer version of Coinop"), "{printed}");
    assert_eq!(world.database.bytes(), before);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_version_are_told_in_one_line_for_each_request_that_needs_them_inv_2_8() {
    let world = World::start().await;
    let payment = Buyer::numbered(0).sign(&world, "/api/v1/access/door-1").await;
    std::fs::create_dir_all(world.database.0.parent().unwrap()).unwrap();
    world.database.open().execute("CREATE TABLE journal (asset TEXT, revision INTEGER)", []).unwrap();
    let mut answers = vec![payment.send(&world).await];
    // The last path names no asset of the configuration, so the database is asked before anything else.
    for path in ["/ready", "/api/v1/assets", "/api/v1/assets/door-1/status", "/api/v1/access/door-9"] {
        answers.push(world.send("GET", path, &[]).await);
    }
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "unavailable"), "{answer:?}");
    }
    let printed = world.spin.printed();
    assert_eq!(printed.lines().count(), answers.len(), "{printed}");
    for line in printed.lines() {
        assert_eq!(line.matches("database: made by an earlier version of Coinop").count(), 1, "{line}");
        assert_eq!(line.matches("database:").count(), 1, "{line}");
    }
    assert_eq!((world.relay.calls_of("sendTransaction"), world.earned().await), (0, 0));
    // A request that only asks for the price needs no tables.
    assert_eq!(world.send("GET", "/api/v1/access/door-1", &[]).await.status, 402);
    assert_eq!(world.spin.printed(), printed);
    world.check();
}
