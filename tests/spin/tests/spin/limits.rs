//! What Spin does not have or does not allow.

use crate::support::{Buyer, Rule, Sold, World, eventually};

const UNAVAILABLE: (u16, &str) = (503, "unavailable");

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_wrong_variable_is_named_and_nobody_panics_inv_9() {
    let mut world = World::start().await;
    let cases = [
        ("coinop_config", None, "the variable coinop_config is not set"),
        ("coinop_config", Some(""), "the variable coinop_config is not set"),
        ("coinop_config", Some("listen = 1"), "coinop_config: cannot be read as JSON"),
        ("coinop_config", Some("{}"), "coinop_config: `public_url` is missing"),
        ("coinop_secret", None, "the variable coinop_secret is not set"),
        ("coinop_secret", Some("hunter2"), "coinop_secret must be 32 random bytes in base64"),
        ("coinop_secret_previous", Some("hunter2"), "coinop_secret_previous must be 32 random bytes"),
        ("coinop_epoch", Some("hunter2"), "coinop_epoch must be a number"),
        ("coinop_fee_payer", None, "the variable coinop_fee_payer is not set"),
        ("coinop_fee_payer", Some("hunter2"), "coinop_fee_payer must be a Solana key"),
    ];
    for (name, value, expected) in cases {
        let mut app = world.app();
        match value {
            Some(value) => app.variables.insert(name.to_owned(), value.to_owned()),
            None => app.variables.remove(name),
        };
        world = world.restart_as(app).await;
        for path in ["/api/v1/access/door-1", "/api/v1/assets", "/health"] {
            let answer = world.send("GET", path, &[]).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), UNAVAILABLE, "{path}");
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(!body.contains("coinop_"), "what is wrong is for the operator: {body}");
        }
        let printed = world.spin.printed();
        let line = printed.lines().next().unwrap_or_default();
        assert!(line.contains(expected), "{name} = {value:?}: {printed}");
        assert_eq!(printed.lines().count(), 3, "one line for each request: {printed}");
        assert!(!printed.contains("hunter2"), "{printed}");
        world.check();
    }
    assert!(!world.database.0.exists(), "who can't serve writes nothing");
    // Without the previous secret it runs.
    let mut app = world.app();
    app.variables.remove("coinop_secret_previous");
    let world = world.restart_as(app).await;
    Buyer::numbered(0).buy(&world, "/api/v1/access/door-1").await;
    world.check();
}

/// Nothing here operates a device, so the asset would be sold and never unlocked.
#[tokio::test(flavor = "multi_thread")]
async fn an_asset_with_a_device_is_not_sold_where_nothing_works_it_inv_2() {
    let mut config = None;
    let world = World::start_with(|values| {
        let mut changed: serde_json::Value = serde_json::from_str(&values["coinop_config"]).unwrap();
        config = values.insert("coinop_config".to_owned(), {
            changed["asset"][1]["device"] = serde_json::json!({ "driver": "simulated" });
            changed.to_string()
        });
    })
    .await;
    for path in ["/api/v1/access/door-1", "/api/v1/access/door-2", "/ready"] {
        let answer = world.send("GET", path, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), UNAVAILABLE, "{path}");
    }
    let said = "coinop_config: asset[1].device: Workers and Spin cannot control devices; remove `device` \
                from this asset, or run `coinop serve` beside the device";
    let printed = world.spin.printed();
    assert_eq!(printed, format!("coinop can't serve: {said}\n").repeat(3));
    world.check();
    // Without the device it sells.
    let mut app = world.app();
    app.variables.insert("coinop_config".to_owned(), config.unwrap());
    let world = world.restart_as(app).await;
    Buyer::numbered(0).buy(&world, "/api/v1/access/door-2").await;
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rpc_that_is_not_allowed_is_not_called_and_nobody_is_charged_inv_2_8() {
    let world = World::start_with(|values| {
        let allowed = values["coinop_rpc_host"].replace("127.0.0.1", "localhost");
        values.insert("coinop_rpc_host".to_owned(), allowed);
    })
    .await;
    let payment = Buyer::numbered(0).sign(&world, "/api/v1/access/door-1").await;
    assert_eq!(world.spin.outgoing.denied(), 0);
    let refused = payment.send(&world).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!((world.spin.outgoing.sent(), world.relay.calls()), (0, 0));
    assert!(world.spin.outgoing.denied() > 0);
    assert_eq!((world.database.payments(), world.earned().await), (0, 0));
    let printed = world.spin.printed();
    assert!(printed.contains("the RPC can't be reached"), "{printed}");
    assert_eq!(world.send("GET", "/ready", &[]).await.status, 503);
    world.check();

    // The same payment succeeds once the operator has corrected the setting.
    let mut app = world.app();
    app.allowed = vec![coinop_spin_test::outbound::Origin::allowed(&world.relay.url()).unwrap()];
    let world = world.restart_as(app).await;
    assert_eq!(world.send("GET", "/ready", &[]).await.status, 200);
    payment.until_sold(&world).await;
    assert_eq!(world.earned().await, payment.amount);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_database_refuses_before_money_moves_inv_2_3() {
    let world = World::start().await;
    let payment = Buyer::numbered(0).sign(&world, "/api/v1/access/door-1").await;
    // The first request that needs the tables creates them.
    world.get("/api/v1/assets").await;
    let lock = world.database.open();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    // A read succeeds beside an unfinished writer, but a claim does not.
    assert_eq!(world.send("POST", "/api/v1/access/door-1", &[]).await.status, 402);
    let refused = payment.send(&world).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), UNAVAILABLE);
    assert!(world.spin.printed().contains("database is locked"), "{}", world.spin.printed());
    assert_eq!((world.relay.calls_of("sendTransaction"), world.earned().await), (0, 0));
    // Beside a writer that is committing, no read succeeds either.
    lock.execute_batch("ROLLBACK; BEGIN EXCLUSIVE").unwrap();
    let refused = world.send("GET", "/api/v1/assets", &[]).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), UNAVAILABLE);
    lock.execute_batch("ROLLBACK").unwrap();
    payment.until_sold(&world).await;
    assert_eq!(world.earned().await, payment.amount);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_cannot_be_written_is_written_later_inv_2() {
    let world = std::sync::Arc::new(World::start().await);
    let payment = Buyer::numbered(0).sign(&world, "/api/v1/access/door-1").await;
    world.relay.rule("sendTransaction", Rule::HoldAnswer);
    let sent = {
        let (world, payment) = (world.clone(), payment.clone());
        tokio::spawn(async move { payment.send(&world).await })
    };
    world.relay.held("sendTransaction", 1).await;
    let lock = world.database.open();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    world.relay.rule("sendTransaction", Rule::Pass);
    eventually("a failure to write", async || {
        world.spin.printed().contains("the outcome of a payment can't be written").then_some(())
    })
    .await;
    assert_eq!(world.earned().await, payment.amount);
    lock.execute_batch("ROLLBACK").unwrap();
    // The first request was told to ask again if all that took longer than Spin lets a buyer wait.
    let first = sent.await.unwrap();
    let sold = payment.until_sold(&world).await;
    match first.status.as_u16() {
        202 => assert_eq!(first.json()["code"], "settlement_pending"),
        _ => assert_eq!(Sold::from(&first).session, sold.session),
    }
    assert_eq!((world.chain.transactions().await, world.earned().await), (1, payment.amount));
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_inv_8() {
    let world = World::start().await;
    let address = world.spin.address.to_string();
    let send = async |length: usize| {
        let body = format!("{{\"quantity\":1{}}}", " ".repeat(length));
        let path = "/api/v1/access/door-1";
        crate::support::send(&address, "POST", path, &[], body.into()).await.unwrap()
    };
    assert_eq!(send(1000).await.status, 402);
    let refused = send(70_000).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (413, "body_too_large"));
    world.check();
}
