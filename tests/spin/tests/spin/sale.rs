//! One sale.

use coinop_core::x402::SettlementResponse;

use crate::support::{Buyer, Rule, World, eventually};

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
    let headers =
        [("coinop-recent-blockhash", named.as_str()), ("coinop-no-wait", "1"), ("coinop-wait", "0")];
    let answer = world.send("GET", "/api/v1/access/door-1", &headers).await;
    assert_eq!(answer.status, 402);
    let required = coinop_core::encoding::from_base64(answer.header("payment-required")).unwrap();
    let required: serde_json::Value = serde_json::from_slice(&required).unwrap();
    assert_eq!(required["accepts"][0]["extra"].get("recentBlockhash"), None);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_vouch_for_itself_inv_1() {
    let world = World::start().await;
    let payment = Buyer::numbered(0).sign(&world, "/api/v1/access/door-1").await;
    payment.until_sold(&world).await;
    let stolen = payment.without_ticket();
    let headers = [("payment-signature", stolen.header.as_str()), ("coinop-wait", "again")];
    let answer = world.send("POST", &stolen.path, &headers).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "payment_already_used".to_owned()));
    world.check();
}

/// Each request has an instance of its own here, so the blockhash is kept in the database.
#[tokio::test(flavor = "multi_thread")]
async fn the_node_is_asked_for_a_blockhash_once_for_all_buyers() {
    let world = World::start().await;
    let ask = async |n| {
        let body = serde_json::json!({ "account": Buyer::numbered(n).address(), "quantity": 1 }).to_string();
        world.post("/api/v1/access/door-1/transaction", body).await
    };
    let first = ask(0).await;
    assert_eq!(first.status, 200, "{first:?}");
    for n in 1..8 {
        let answer = ask(n).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["lastValidBlockHeight"], first.json()["lastValidBlockHeight"]);
    }
    assert_eq!(world.relay.calls(), 1);
    world.check();
}

/// A node that gives no blockhash is not asked by everyone at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_a_blockhash_is_asked_once_in_five_seconds() {
    let world = World::start().await;
    world.relay.rule("getLatestBlockhash", Rule::Refuse);
    let body = serde_json::json!({ "account": Buyer::numbered(0).address(), "quantity": 1 }).to_string();
    // What is refused for another reason does not take the turn of those who can pay.
    let refused = world.post("/api/v1/access/door-1/transaction", "{}".to_owned()).await;
    assert_eq!(refused.status, 400);
    for _ in 0..4 {
        let answer = world.post("/api/v1/access/door-1/transaction", body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "blockhash_unavailable"));
    }
    assert_eq!(world.relay.calls(), 1);
    world.relay.rule("getLatestBlockhash", Rule::Pass);
    let path = "/api/v1/access/door-1/transaction";
    let sold = async || (world.post(path, body.clone()).await.status == 200).then_some(());
    eventually("the node is asked again", sold).await;
    assert_eq!(world.relay.calls(), 2);
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
