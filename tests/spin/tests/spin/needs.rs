//! A request asks its host for no more than it needs. Each request has its own instance, so each pays for all
//! of it.

use coinop_core::config::Config;
use serde_json::{Value, json};

use crate::support::{Answer, Buyer, World};

const UNAVAILABLE: (u16, &str) = (503, "unavailable");

/// Returns a world with a configuration that was changed and packed.
async fn packed(change: impl FnOnce(&mut Value)) -> World {
    World::start_with(|values| {
        let mut value = serde_json::from_str(&values["coinop_config"]).unwrap();
        change(&mut value);
        let pack = Config::pack(&value).unwrap();
        values.insert("coinop_config".to_owned(), pack.config);
        for (number, part) in pack.parts.into_iter().enumerate() {
            values.insert(format!("coinop_assets_{number}"), part);
        }
    })
    .await
}

/// Returns a world with a packed configuration, after every `from` in one part has become `to`.
async fn rewritten(from: &str, to: &str) -> World {
    let world = packed(|_| ()).await;
    let mut app = world.app();
    let part = app.variables.values_mut().find(|value| value.contains(from)).unwrap();
    *part = part.replace(from, to);
    world.restart_as(app).await
}

fn is_unavailable(answer: &Answer) -> bool {
    answer.status == UNAVAILABLE.0 && answer.code() == UNAVAILABLE.1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_402_health_and_the_keys_open_no_database_inv_8() {
    for world in [World::start().await, packed(|_| ()).await] {
        let asked = [
            ("GET", "/api/v1/access/door-1", 402),
            ("POST", "/api/v1/access/door-2?quantity=3", 402),
            ("GET", "/api/v1/access/locker?signin", 402),
            ("GET", "/health", 200),
            ("GET", "/.well-known/jwks.json", 200),
            ("OPTIONS", "/api/v1/assets/door-1", 204),
            ("GET", "/api/v1/access/door-1?quantity=0", 400),
            ("GET", "/nothing", 404),
        ];
        for (method, path, status) in asked {
            let answer = world.send(method, path, &[]).await;
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        }
        assert_eq!(world.spin.instances(), asked.len());
        assert_eq!((world.spin.databases.opened(), world.spin.databases.executed()), (0, 0));
        assert!(!world.database.0.exists());
        assert_eq!((world.spin.outgoing.sent(), world.relay.calls()), (0, 0));
        assert_eq!(world.spin.printed(), "");
        // A sale needs the database, and so does a status request.
        Buyer::numbered(0).buy(&world, "/api/v1/access/door-1").await;
        let (opened, executed) = (world.spin.databases.opened(), world.spin.databases.executed());
        assert!(opened > 0 && executed > opened, "{opened}, {executed}");
        world.get("/api/v1/assets/door-2/status").await;
        assert_eq!(world.spin.databases.opened(), opened + 1);
        world.check();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asset_that_was_made_by_api_is_looked_up_in_the_database() {
    let world = World::start().await;
    let answer = world.send("GET", "/api/v1/access/door-9", &[]).await;
    assert_eq!(answer.status, 404, "{answer:?}");
    assert_eq!(world.spin.databases.opened(), 1);
    world.check();
}

/// Returns an answer without what changes with the time.
fn without_the_time(mut answer: Value) -> Value {
    if let Some(members) = answer.as_object_mut() {
        members.remove("now");
        members.remove("checkCode");
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_configuration_sells_and_lists_the_same_inv_6_7() {
    let (plain, packed) = (World::start().await, packed(|_| ()).await);
    for path in ["/api/v1/assets", "/api/v1/assets/door-2", "/api/v1/assets/locker/status"] {
        let [plain, packed] = [plain.get(path).await, packed.get(path).await].map(without_the_time);
        assert_eq!(plain, packed, "{path}");
    }
    assert_eq!(packed.send("GET", "/ready", &[]).await.status, 200);
    Buyer::numbered(0).buy(&packed, "/api/v1/access/locker?quantity=2").await;
    assert_eq!(packed.earned().await, 2_000);
    packed.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_another_asset_stops_no_sale_and_who_needs_all_is_told_inv_6() {
    let line = "{\"id\":\"door-2\",\"max_quantity\":240,\"price\":\"0.01\"";
    let world = rewritten(line, &line.replace("0.01", "0")).await;
    assert_eq!(world.send("GET", "/health", &[]).await.status, 200);
    Buyer::numbered(0).buy(&world, "/api/v1/access/door-1").await;
    let printed = world.spin.printed();
    assert!(printed.starts_with("sold door-1 ") && printed.lines().count() == 1, "{printed}");
    let opened = world.spin.databases.opened();
    let asked = ["/api/v1/access/door-2", "/api/v1/assets/door-2/status", "/api/v1/assets", "/ready"];
    for path in asked {
        let answer = world.send("GET", path, &[]).await;
        assert!(is_unavailable(&answer), "{path}: {answer:?}");
    }
    let printed = world.spin.printed();
    assert_eq!(printed.lines().count(), 1 + asked.len(), "{printed}");
    for line in printed.lines().skip(1) {
        assert!(line.starts_with("coinop can't serve: coinop_config: packed_assets["), "{line}");
        assert!(line.ends_with("].price: must be more than 0"), "{line}");
    }
    assert_eq!(world.spin.databases.opened(), opened, "nothing was begun for them");
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_assets_with_one_id_neither_is_sold_inv_6() {
    let line = "{\"id\":\"door-1\",\"max_quantity\":240,\"price\":\"0.01\",\"unit\":\"minute\"}\n";
    let world = rewritten(line, &format!("{line}{}", line.replace("0.01", "0.02"))).await;
    let asked = ["/api/v1/access/door-1", "/ready"];
    for path in asked {
        let answer = world.send("GET", path, &[]).await;
        assert!(is_unavailable(&answer), "{path}: {answer:?}");
    }
    let printed = world.spin.printed();
    assert_eq!(
        printed.matches(".id: another asset has this id already; choose a different one\n").count(),
        asked.len(),
        "{printed}"
    );
    assert_eq!(world.send("GET", "/api/v1/access/locker", &[]).await.status, 402);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_in_a_packed_configuration_is_refused_when_it_is_asked_for_inv_2() {
    let world = packed(|config| config["asset"][1]["device"] = json!({ "driver": "simulated" })).await;
    let asked = ["/api/v1/access/door-2", "/ready"];
    for path in asked {
        let answer = world.send("GET", path, &[]).await;
        assert!(is_unavailable(&answer), "{path}: {answer:?}");
    }
    let said = "].device: Workers and Spin cannot control devices; remove `device` from this asset, or run \
                `coinop serve` beside the device\n";
    let printed = world.spin.printed();
    assert_eq!(printed.matches(said).count(), asked.len(), "{printed}");
    Buyer::numbered(0).buy(&world, "/api/v1/access/door-1").await;
    world.check();
}
