//! The component of the benchmarks. It moves no money, so it must sell nothing outside of them.

use coinop_core::encoding::base64;

use crate::crash::killed_while;
use crate::support::{Buyer, Rule, World, eventually, runtime, stubbed};

/// The only secret under which the stubbed settlement works (`tests/hooks/src/settlement.rs`).
const BENCH_SECRET: &[u8; 32] = b"coinop bench: money never moves.";

#[tokio::test(flavor = "multi_thread")]
async fn a_stubbed_component_sells_nothing_outside_the_benchmarks_and_says_so_inv_1() {
    let world = World::start_on(stubbed(), |_| {}).await;
    let payment = Buyer::numbered(0).sign(&world, "/api/v1/access/door-1").await;
    for _ in 0..2 {
        let answer = payment.send(&world).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "unavailable"), "{answer:?}");
    }
    assert_eq!(world.send("GET", "/ready", &[]).await.status, 503);
    let said =
        "settlement is a stub and sells nothing here: build the component with `cargo xtask build spin`";
    let printed = world.spin.printed();
    assert!(printed.contains(&format!("a payment can't be settled now: {said}")), "{printed}");
    assert!(printed.contains(&format!("not ready: {said}")), "{printed}");
    assert_eq!((world.database.sessions(), world.database.payments()), (0, 0));
    assert_eq!(world.earned().await, 0);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stubbed_component_does_not_grant_what_another_has_claimed_inv_1_3() {
    let (world, payment) = killed_while(Rule::HoldRequest).await;
    let world = world.restart_on(stubbed()).await;
    eventually("the claim is looked after", async || {
        world.get("/api/v1/assets").await;
        world
            .spin
            .printed()
            .contains("a payment may not have been sent again: settlement is a stub")
            .then_some(())
    })
    .await;
    assert_eq!((world.database.payments(), world.database.sessions()), (1, 0));
    assert_eq!(world.earned().await, 0);
    // The real component finds that the payment is still to be sent.
    let world = world.restart_on(runtime()).await;
    payment.until_sold(&world).await;
    assert_eq!(world.earned().await, 10_000);
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stubbed_component_works_for_the_benchmarks() {
    let world = World::start_on(stubbed(), |values| {
        values.insert("coinop_secret".to_owned(), base64(BENCH_SECRET));
    })
    .await;
    let payment = Buyer::numbered(0).sign(&world, "/api/v1/access/door-1").await;
    payment.until_sold(&world).await;
    assert_eq!(world.database.sessions(), 1);
    assert_eq!((world.earned().await, world.relay.calls()), (0, 0), "it asks no chain");
    assert_eq!(world.send("GET", "/ready", &[]).await.status, 503, "and never says that it is ready");
    world.check();
}
