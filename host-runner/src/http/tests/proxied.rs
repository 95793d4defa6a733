//! Tests of clients behind a proxy.

use coinop_core::config::Subnet;

use super::*;

fn behind_a_proxy(limits: Limits) -> Limits {
    Limits { trusted_proxies: vec![Subnet::parse("127.0.0.1").unwrap()], ..limits }
}

fn from(client: usize) -> String {
    format!("x-forwarded-for: 198.51.100.7, 192.0.2.{client}\r\n")
}

#[tokio::test]
async fn each_client_of_a_trusted_proxy_has_its_own_rate() {
    let world = World::new(BOUNDS, behind_a_proxy(rate(1, 10)), Duration::ZERO).await;
    let mut proxy = world.client().await;
    for client in 1..=20 {
        for _ in 0..10 {
            assert_eq!(proxy.ask("GET /x", &from(client)).await.unwrap().0, 200, "{client}");
        }
    }
    assert_eq!(proxy.ask("GET /x", &from(1)).await.unwrap().0, 429);
    let mut proxy = world.client().await;
    assert_eq!(proxy.ask("GET /x", &from(21)).await.unwrap().0, 200);
}

#[tokio::test]
async fn who_is_no_trusted_proxy_cannot_speak_for_others() {
    let world = World::new(BOUNDS, rate(1, 10), Duration::ZERO).await;
    let mut stranger = world.client().await;
    for client in 1..=10 {
        assert_eq!(stranger.ask("GET /x", &from(client)).await.unwrap().0, 200);
    }
    assert_eq!(stranger.ask("GET /x", &from(11)).await.unwrap().0, 429);
}

#[tokio::test]
async fn a_client_of_a_proxy_has_as_many_requests_under_way_as_another_has_connections() {
    let limits = Limits { connections_per_address: 3, ..rate(0, 1) };
    let bounds = ConnectionLimits { per_client: 3, ..BOUNDS };
    let world = World::new(bounds, behind_a_proxy(limits), Duration::ZERO).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut proxy = world.client().await;
        proxy.send("GET /never", &from(1)).await.unwrap();
        open.push(proxy);
    }
    world.asked(3).await;
    let (status, head, _) = world.client().await.ask("GET /x", &from(1)).await.unwrap();
    assert_eq!(status, 429);
    assert!(head.contains("retry-after: 1\r\n"), "{head}");
    for client in 2..=6 {
        let mut proxy = world.client().await;
        assert_eq!(proxy.ask("GET /x", &from(client)).await.unwrap().0, 200);
        open.push(proxy);
    }
    open.remove(0);
    eventually(async || {
        let mut proxy = world.client().await;
        (proxy.ask("GET /x", &from(1)).await?.0 == 200).then_some(())
    })
    .await;
}
