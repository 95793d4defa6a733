//! One sale.

use coinop_core::x402::SettlementResponse;

use crate::support::{Buyer, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_v2_purchase_moves_exactly_the_price_inv_1_5_6() {
    let world = World::start().await;
    let buyer = Buyer::numbered(0);
    let before = world.chain.tokens(&buyer.address()).await;
    let payment = buyer.sign(&world, "/api/v1/access/door-1?quantity=3").await;
    assert_eq!(payment.amount, 30_000);
    let sold = payment.until_sold(&world).await;
    assert_eq!(world.earned().await, 30_000);
    assert_eq!(world.chain.tokens(&buyer.address()).await, before - 30_000);
    assert_eq!(world.chain.transactions().await, 1);

    let status = world.session(&sold.session, &sold.token).await;
    assert_eq!(status["status"], "active");
    assert_eq!(status["spent"], "30000");
    assert_eq!(status["quantity"], 3);
    assert_eq!(status["endsAt"], *sold.ends_at);
    let asset = world.get("/api/v1/assets/door-1/status").await;
    assert_eq!(asset["available"], false);
    assert_eq!(asset["session"]["endsAt"], *sold.ends_at);
    world.check();
}

/// Some nodes, and some relays in front of them, refuse a body in chunks.
#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_the_rpc_says_how_long_it_is() {
    let world = World::start().await;
    Buyer::numbered(0).buy(&world, "/api/v1/access/door-1").await;
    assert_eq!(world.send("GET", "/ready", &[]).await.status, 200);
    assert!(world.relay.calls() > 3, "{} calls", world.relay.calls());
    assert_eq!(world.relay.unsized_calls(), 0);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_name_the_recent_blockhash_that_others_pay_with() {
    let world = World::start().await;
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let named = format!("{} 300 {now}", bs58::encode([7; 32]).into_string());
    let headers = [("coinop-recent-blockhash", named.as_str()), ("coinop-no-wait", "1")];
    let answer = world.send("GET", "/api/v1/access/door-1", &headers).await;
    assert_eq!(answer.status, 402);
    let required = coinop_core::encoding::from_base64(answer.header("payment-required")).unwrap();
    let required: serde_json::Value = serde_json::from_slice(&required).unwrap();
    assert_eq!(required["accepts"][0]["extra"].get("recentBlockhash"), None);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_time_extends_the_same_session_inv_1_5() {
    let world = World::start().await;
    let buyer = Buyer::numbered(0);
    let first = buyer.buy(&world, "/api/v1/access/door-1").await;
    let bearer = format!("Bearer {}", first.token);
    let headers = [("authorization", bearer.as_str())];
    let payment = buyer.sign_with(&world, "/api/v1/access/door-1/extend?quantity=2", &headers).await;
    let headers = [("authorization", bearer.as_str()), ("payment-signature", &payment.header)];
    let answer = world.send("POST", &payment.path, &headers).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["sessionId"], *first.session);
    let again = world.send("POST", &payment.path, &headers).await;
    assert_eq!(again.json()["endsAt"], answer.json()["endsAt"]);
    assert!(answer.json()["endsAt"].as_str().unwrap() > first.ends_at.as_str());
    assert_eq!(world.earned().await, 30_000);
    assert_eq!(world.database.sessions(), 1);
    // An extension's payment gives no access elsewhere.
    let elsewhere = [("payment-signature", payment.header.as_str())];
    let answer = world.send("POST", "/api/v1/access/door-2", &elsewhere).await;
    assert_eq!(answer.code(), "payment_already_used");
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_without_the_ticket_fetch_nothing_inv_1_9() {
    let world = World::start().await;
    let payment = Buyer::numbered(0).sign(&world, "/api/v1/access/door-1").await;
    let sold = payment.until_sold(&world).await;
    let mut elsewhere = payment.clone();
    elsewhere.path = "/api/v1/access/door-2".to_owned();
    for stolen in [payment.without_ticket(), elsewhere] {
        let answer = stolen.send(&world).await;
        assert_eq!(answer.status, 409);
        assert_eq!(answer.code(), "payment_already_used");
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!body.contains(&sold.session) && !body.contains(&sold.token));
        let response = SettlementResponse::from_header(answer.header("payment-response")).unwrap();
        assert!(!response.success);
    }
    assert_eq!(world.database.sessions(), 1);
    assert_eq!(world.earned().await, 10_000);
    world.check();
}
