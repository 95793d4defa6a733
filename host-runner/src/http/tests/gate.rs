//! Tests of what strangers can take from a gateway: places, memory, and calls to the RPC.

use super::*;

/// Begins requests and never ends them.
async fn begin(client: &mut Client, bytes: usize) {
    let head = format!("GET /x HTTP/1.1\r\nhost: x\r\nx: {}", "a".repeat(bytes));
    client.0.write_all(head.as_bytes()).await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn four_addresses_that_hold_every_place_keep_no_buyer_out() {
    let world = World::with(ConnectionLimits { connections: 16, per_client: 4, ..BOUNDS }).await;
    let mut open = Vec::new();
    for last in 2..=5 {
        for _ in 0..4 {
            let mut client = world.client_at(last).await;
            begin(&mut client, 100).await;
            open.push(client);
        }
    }
    for _ in 0..20 {
        let mut buyer = world.client_at(6).await;
        assert_eq!(buyer.ask("GET /x", "").await.unwrap().0, 200);
        assert_eq!(buyer.ask("GET /x", "").await.unwrap().0, 200, "who is served keeps its place");
    }
}

#[tokio::test]
async fn connections_that_are_being_closed_make_room_at_once() {
    let world = World::with(ConnectionLimits { connections: 4, per_client: 4, ..BOUNDS }).await;
    let mut refused = Vec::new();
    for _ in 0..4 {
        // After this answer the input is read for up to two seconds, because the client does not close.
        let mut client = world.client().await;
        let large = client.ask("POST /x", "content-length: 1000000\r\n").await.unwrap();
        assert_eq!(large.0, 413);
        refused.push(client);
    }
    let begun = std::time::Instant::now();
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut buyer = world.client().await;
        assert_eq!(buyer.ask("GET /x", "").await.unwrap().0, 200);
        open.push(buyer);
    }
    assert!(begun.elapsed() < Duration::from_millis(800), "{:?}", begun.elapsed());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_client_takes_no_place_of_another() {
    let world = World::with(ConnectionLimits { connections: 16, per_client: 2, ..BOUNDS }).await;
    let mut other = world.client_at(2).await;
    assert_eq!(other.ask("GET /x", "").await.unwrap().0, 200);
    let mut open = Vec::new();
    for _ in 0..10 {
        let mut client = world.client_at(3).await;
        assert_eq!(client.ask("GET /x", "").await.unwrap().0, 200);
        open.push(client);
    }
    for client in &mut open[..8] {
        client.closed().await;
    }
    assert!(world.page().contains(r#"coinop_http_refused_total{reason="idle_connection"} 8"#));
    for client in open[8..].iter_mut().chain([&mut other]) {
        assert_eq!(client.ask("GET /x", "").await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn a_client_drops_its_own_connections_for_others_only_as_often_as_it_may_ask() {
    let bounds = ConnectionLimits { per_client: 2, ..BOUNDS };
    let world = World::new(bounds, rate(1, 5), Duration::ZERO).await;
    let mut open = Vec::new();
    for _ in 0..40 {
        open.push(world.client().await);
    }
    let refused = || {
        let page = world.page();
        let count = |reason: &str| {
            let line = format!(r#"coinop_http_refused_total{{reason="{reason}"}} "#);
            page.lines().find_map(|it| it.strip_prefix(&line)?.parse::<u32>().ok()).unwrap_or(0)
        };
        (count("idle_connection"), count("client_connections"))
    };
    eventually(async || (refused().0 + refused().1 == 38).then_some(())).await;
    assert!((5..=8).contains(&refused().0), "{:?}", refused());
}

#[tokio::test]
async fn unfinished_requests_hold_no_more_than_their_bytes() {
    let world =
        World::with(ConnectionLimits { connections: 64, per_client: 64, unread: 100_000, ..BOUNDS }).await;
    let mut open = Vec::new();
    for _ in 0..40 {
        let mut client = world.client().await;
        begin(&mut client, 10_000).await;
        open.push(client);
    }
    let gone = || world.page().contains(r#"coinop_http_refused_total{reason="idle_connection"} 31"#);
    eventually(async || gone().then_some(())).await;
    let mut buyer = world.client().await;
    for _ in 0..100 {
        assert_eq!(buyer.ask("GET /x", "").await.unwrap().0, 200, "a buyer's own requests are small");
    }
}

#[tokio::test]
async fn a_head_of_16_kib_is_read_and_a_larger_one_is_refused_with_an_explanation() {
    let world = World::with(BOUNDS).await;
    let ask = async |size: usize| {
        let mut client = world.client().await;
        client.ask("GET /x", &format!("x: {}\r\n", "a".repeat(size))).await.unwrap()
    };
    assert_eq!(ask(16_000).await.0, 200);
    let (status, _, body) = ask(16_500).await;
    assert_eq!(status, 431);
    assert!(body.contains("headers_too_large"), "{body}");
}

#[tokio::test]
async fn asking_whether_it_lives_counts_and_holds_no_place() {
    let world = World::new(ConnectionLimits { connections: 2, ..BOUNDS }, rate(1, 4), Duration::ZERO).await;
    let mut healthy = world.client().await;
    let mut idle = world.client().await;
    assert_eq!(idle.ask("GET /x", "").await.unwrap().0, 200);
    for _ in 0..3 {
        assert_eq!(healthy.ask("GET /health", "").await.unwrap().0, 200);
    }
    let (status, head, _) = world.client().await.ask("GET /health", "").await.unwrap();
    assert_eq!(status, 429);
    assert!(head.contains("retry-after: "), "{head}");
    // For that request, the connection had to go that had asked for nothing else.
    healthy.closed().await;
    assert_eq!(idle.ask("GET /x", "").await.unwrap().0, 429, "it is open");
}

#[tokio::test]
async fn the_component_is_asked_once_whether_it_is_ready_however_many_want_to_know() {
    let world = Arc::new(World::with(ConnectionLimits { connections: 64, per_client: 64, ..BOUNDS }).await);
    // Some leave before there is an answer.
    for _ in 0..10 {
        world.client().await.send("GET /ready", "").await.unwrap();
    }
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let world = world.clone();
        all.spawn(async move {
            let mut client = world.client().await;
            for _ in 0..10 {
                assert_eq!(client.ask("GET /ready", "").await.unwrap().0, 503);
            }
        });
    }
    while let Some(ended) = all.join_next().await {
        ended.unwrap();
    }
    assert_eq!(world.gateway.pool.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_fails_is_told_at_the_machine_or_with_an_api_key_and_nobody_else_inv_9() {
    let world = World::with(BOUNDS).await;
    let mut client = world.client().await;
    let whole = r#"{"ready":false,"storage":"failing"}"#;
    let forwarded = "x-forwarded-for: 192.0.2.1\r\n";
    for (headers, expected) in [
        (String::new(), whole),
        (forwarded.to_owned(), r#"{"ready":false}"#),
        (format!("{forwarded}authorization: Bearer {KEY}\r\n"), whole),
        (format!("{forwarded}authorization: Bearer x{KEY}\r\n"), r#"{"ready":false}"#),
    ] {
        let (status, _, body) = client.ask("GET /ready", &headers).await.unwrap();
        assert_eq!((status, body.as_str()), (503, expected), "{headers}");
    }
}

#[tokio::test]
async fn refused_payments_cost_more_than_good_ones() {
    let world = World::new(BOUNDS, rate(10, 60), Duration::ZERO).await;
    let paid = "payment-signature: a\r\n";
    let mut client = world.client().await;
    for _ in 0..2 {
        assert_eq!(client.ask("GET /refused", paid).await.unwrap().0, 402);
    }
    let (status, head, _) = client.ask("GET /x", "").await.unwrap();
    assert_eq!(status, 429);
    assert!(head.contains("retry-after: 4\r\n") || head.contains("retry-after: 5\r\n"), "{head}");
    let world = World::new(BOUNDS, rate(10, 60), Duration::ZERO).await;
    let mut client = world.client().await;
    for _ in 0..10 {
        assert_eq!(client.ask("GET /x", paid).await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn the_merchants_requests_are_not_counted_with_the_buyers() {
    let world = World::new(BOUNDS, rate(1, 2), Duration::ZERO).await;
    let (key, wrong) =
        (format!("authorization: Bearer {KEY}\r\n"), format!("authorization: Bearer {KEY}x\r\n"));
    let mut merchant = world.client().await;
    for _ in 0..10 {
        assert_eq!(merchant.ask("GET /x", &key).await.unwrap().0, 200);
    }
    let mut guesser = world.client().await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(guesser.ask("GET /x", &wrong).await.unwrap().0);
    }
    assert_eq!(statuses, [200, 200, 429], "a wrong key gives no more than none");
}
