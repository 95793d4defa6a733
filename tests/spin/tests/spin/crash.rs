//! The host dies between the claim and the outcome.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coinop_core::x402::{PAYMENT_RESPONSE, SettlementResponse};

use crate::support::{Buyer, PaymentPayload, Rule, Sold, World, eventually};

const SEND: &str = "sendTransaction";
const STATUS: &str = "getSignatureStatuses";

/// Sends a payment and kills the host while the RPC holds `sendTransaction` back.
pub(crate) async fn killed_while(rule: Rule) -> (World, PaymentPayload) {
    let world = Arc::new(World::start().await);
    let payment = Buyer::numbered(0).sign(&world, "/api/v1/access/door-1").await;
    world.relay.rule(SEND, rule);
    let sent = {
        let (world, payment) = (world.clone(), payment.clone());
        tokio::spawn(async move { payment.try_send(&world).await })
    };
    world.relay.held(SEND, 1).await;
    assert_eq!((world.database.payments(), world.database.sessions()), (1, 0), "claimed, and no more");
    // The sending task holds the world too, so it ends first, as if the buyer's power failed as well.
    sent.abort();
    assert!(sent.await.is_err());
    world.check();
    let world = Arc::into_inner(world).unwrap().restart().await;
    world.relay.forget();
    world.relay.rule(SEND, Rule::Pass);
    (world, payment)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_transaction_is_sent_charges_once_inv_2_3() {
    let (world, payment) = killed_while(Rule::HoldRequest).await;
    assert_eq!(world.earned().await, 0);
    let sold = payment.until_sold(&world).await;
    assert_eq!(world.earned().await, payment.amount);
    assert_eq!(world.chain.transactions().await, 1);
    assert_eq!(Sold::from(&payment.send(&world).await).session, sold.session);
    assert_eq!((world.database.payments(), world.database.sessions()), (1, 1));
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_the_transaction_was_sent_charges_once_inv_2_3() {
    let (world, payment) = killed_while(Rule::HoldAnswer).await;
    assert_eq!(world.earned().await, payment.amount, "it landed, and nobody has seen it");
    let sold = payment.until_sold(&world).await;
    assert_eq!(world.earned().await, payment.amount);
    assert_eq!(world.chain.transactions().await, 1);
    assert_eq!(Sold::from(&payment.send(&world).await).session, sold.session);
    assert_eq!((world.database.payments(), world.database.sessions()), (1, 1));
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_requests_finish_what_a_crash_left_inv_2_3_8() {
    let (world, payment) = killed_while(Rule::HoldRequest).await;
    // Unpaid requests do not, because they call nobody, however many come.
    let calls = world.relay.calls();
    let refused = world.send("POST", "/api/v1/access/door-1", &[]).await;
    assert_eq!((refused.status.as_u16(), world.relay.calls()), (402, calls));
    // A few seconds after its claim, whichever request comes next looks after the payment.
    eventually("the payment's session", async || {
        let status = world.get("/api/v1/assets/door-1/status").await;
        assert_eq!(status["available"], false);
        status["session"]["endsAt"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!((world.database.payments(), world.database.sessions()), (1, 1));
    assert_eq!(world.earned().await, payment.amount);
    let calls = world.relay.calls();
    let sold = Sold::from(&payment.send(&world).await);
    assert_eq!(world.session(&sold.session, &sold.token).await["status"], "active");
    assert_eq!((world.chain.transactions().await, world.relay.calls()), (1, calls));
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_payment_is_in_flight_the_asset_is_nobody_elses_inv_1_2() {
    let (world, payment) = killed_while(Rule::HoldRequest).await;
    world.relay.rule(SEND, Rule::HoldRequest);
    let other = Buyer::numbered(1).sign(&world, "/api/v1/access/door-1").await;
    let answer = other.send(&world).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "asset_busy".to_owned()));
    world.relay.rule(SEND, Rule::Pass);
    payment.until_sold(&world).await;
    assert_eq!(world.earned().await, payment.amount);
    assert_eq!(world.database.payments(), 1);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_nobody_tells_is_202_and_never_a_second_charge_inv_3() {
    let world = Arc::new(World::start().await);
    let payment = Buyer::numbered(0).sign(&world, "/api/v1/access/door-1").await;
    world.relay.rule(SEND, Rule::HoldAnswer);
    let sent = {
        let (world, payment) = (world.clone(), payment.clone());
        // A client has no say in how long it waits.
        let headers = [("payment-signature", payment.header), ("coinop-wait", "30000".to_owned())];
        tokio::spawn(async move {
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            world.send("POST", &payment.path, &headers).await
        })
    };
    world.relay.held(SEND, 1).await;
    world.relay.rule(STATUS, Rule::HoldRequest);
    world.relay.rule(SEND, Rule::Pass);
    let asked = Instant::now();
    // The request waits for 5 s, and then for the call under way, which ends after as long.
    let answer = sent.await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.json()["code"], "settlement_pending");
    assert_eq!(answer.header("retry-after"), "5");
    let settlement = SettlementResponse::from_header(answer.header(PAYMENT_RESPONSE)).unwrap();
    assert!(!settlement.success);
    assert_eq!(settlement.error_reason.as_deref(), Some("settlement_pending"));
    assert_eq!(answer.json()["transaction"], settlement.transaction, "where to look");
    assert_eq!((world.database.payments(), world.database.sessions()), (1, 0));
    world.relay.rule(STATUS, Rule::Pass);
    let sold = payment.until_sold(&world).await;
    assert_eq!(answer.json()["transaction"], *sold.transaction);
    assert_eq!((world.chain.transactions().await, world.earned().await), (1, payment.amount));
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_rpc_keeps_nobody_waiting_who_buys_nothing_inv_3() {
    let (world, _) = killed_while(Rule::HoldRequest).await;
    for method in [SEND, STATUS] {
        world.relay.rule(method, Rule::HoldRequest);
    }
    let due = world.database.due();
    eventually("the payment's recovery", async || (crate::time::now() > due).then_some(())).await;
    for path in ["/health", "/api/v1/assets/door-2/status", "/.well-known/jwks.json"] {
        let started = Instant::now();
        world.get(path).await;
        assert!(started.elapsed() < Duration::from_secs(2), "{path} took {:?}", started.elapsed());
    }
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_who_hangs_up_has_bought_all_the_same_inv_2() {
    let world = Arc::new(World::start().await);
    let payment = Buyer::numbered(0).sign(&world, "/api/v1/access/door-1").await;
    world.relay.rule(SEND, Rule::HoldRequest);
    let sent = {
        let (world, payment) = (world.clone(), payment.clone());
        tokio::spawn(async move { payment.try_send(&world).await })
    };
    world.relay.held(SEND, 1).await;
    sent.abort();
    assert!(sent.await.is_err());
    world.relay.rule(SEND, Rule::Pass);
    // No request comes, and the instance continues by itself.
    eventually("the session", async || (world.database.sessions() == 1).then_some(())).await;
    let calls = world.relay.calls_of(SEND);
    let sold = Sold::from(&payment.send(&world).await);
    assert_eq!(world.session(&sold.session, &sold.token).await["status"], "active");
    assert_eq!((world.relay.calls_of(SEND), world.earned().await), (calls, payment.amount));
    world.check();
}
