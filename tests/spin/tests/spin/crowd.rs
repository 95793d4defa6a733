//! Many requests at once. Each has its own instance and its own connection, so only the database keeps them
//! apart.

use std::collections::BTreeSet;
use std::sync::Arc;

use coinop_core::x402::SettlementResponse;
use tokio::task::JoinSet;

use crate::support::{Answer, Buyer, PaymentPayload, Sold, World};

/// Sends payments at the same time. The answers come in another order.
async fn all_at_once(world: &Arc<World>, payments: Vec<PaymentPayload>) -> Vec<(PaymentPayload, Answer)> {
    let mut sends = JoinSet::new();
    for payment in payments {
        let world = world.clone();
        sends.spawn(async move {
            let answer = payment.send(&world).await;
            (payment, answer)
        });
    }
    sends.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_sends_of_one_payment_are_one_sale_inv_1() {
    let world = Arc::new(World::start().await);
    let payment = Buyer::numbered(0).sign(&world, "/api/v1/access/door-1").await;
    let answers = all_at_once(&world, vec![payment.clone(); 20]).await;
    let mut sales = BTreeSet::new();
    for (payment, answer) in answers {
        assert!(answer.status == 200 || answer.status == 202, "{answer:?}\n{}", world.spin.printed());
        let sold = if answer.status == 200 {
            Sold::from(&answer)
        } else {
            assert_eq!(answer.json()["code"], "settlement_pending");
            payment.until_sold(&world).await
        };
        sales.insert((sold.session, sold.transaction, sold.ends_at));
    }
    assert_eq!(sales.len(), 1, "{sales:?}");
    assert_eq!(world.chain.transactions().await, 1);
    assert_eq!((world.database.sessions(), world.database.payments()), (1, 1));
    assert_eq!(world.earned().await, payment.amount);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_payers_one_gets_it_and_nine_are_not_charged_inv_1_2_5() {
    let world = Arc::new(World::start().await);
    let mut payments = Vec::new();
    for number in 0..10 {
        payments.push(Buyer::numbered(number).sign(&world, "/api/v1/access/door-1").await);
    }
    let answers = all_at_once(&world, payments).await;
    let mut sold = 0;
    for (payment, answer) in &answers {
        match answer.status.as_u16() {
            409 => {
                assert_eq!(answer.code(), "asset_busy", "{answer:?}");
                assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
            }
            200 | 202 => {
                payment.until_sold(&world).await;
                sold += 1;
            }
            _ => panic!("{answer:?}\n{}", world.spin.printed()),
        }
    }
    assert_eq!(sold, 1, "{answers:?}");
    assert_eq!(world.earned().await, 10_000);
    assert_eq!(world.chain.transactions().await, 1);
    assert_eq!((world.database.sessions(), world.database.payments()), (1, 1));
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn payers_of_different_assets_do_not_disturb_each_other_inv_1_5() {
    let world = Arc::new(World::start().await);
    let mut payments = Vec::new();
    for (number, asset) in (0..).zip(["door-1", "door-2", "locker?quantity=60"]) {
        payments.push(Buyer::numbered(number).sign(&world, &format!("/api/v1/access/{asset}")).await);
    }
    let expected: u64 = payments.iter().map(|payment| payment.amount).sum();
    for (payment, answer) in all_at_once(&world, payments).await {
        assert!(answer.status == 200 || answer.status == 202, "{answer:?}\n{}", world.spin.printed());
        payment.until_sold(&world).await;
    }
    assert_eq!(world.earned().await, expected);
    assert_eq!(world.database.sessions(), 3);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_payments_from_a_balance_for_one_a_single_one_is_sent_inv_1_2_5() {
    let world = Arc::new(World::start().await);
    let buyer = Buyer::numbered(0);
    world.chain.set_tokens(&buyer.address(), "0.01").await;
    let mut payments = Vec::new();
    for asset in ["door-1", "door-2", "locker?quantity=10"] {
        payments.push(buyer.sign(&world, &format!("/api/v1/access/{asset}")).await);
    }
    let mut sold = 0;
    for (payment, answer) in all_at_once(&world, payments).await {
        if answer.status == 402 {
            let settlement = answer.header("payment-response");
            let settlement = SettlementResponse::from_header(settlement).unwrap();
            assert_eq!(settlement.error_reason.as_deref(), Some("insufficient_funds"), "{answer:?}");
        } else {
            payment.until_sold(&world).await;
            sold += 1;
        }
    }
    assert_eq!((sold, world.earned().await, world.chain.transactions().await), (1, 10_000, 1));
    assert_eq!((world.database.sessions(), world.database.payments()), (1, 1));
    assert_eq!(world.database.number("SELECT count(*) FROM source_balance"), 0);
    world.check();
}
