//! Tests of pictures on real sockets.

use super::*;

/// How many answers with a picture one client may have under way.
const PER_CLIENT: usize = 8;

/// Starts a server whose configuration has a picture of 2 MiB beside it.
async fn world(bounds: ConnectionLimits, limits: Limits) -> World {
    let world = World::new(bounds, limits, Duration::ZERO).await;
    let pictures = world.folder.path().join("pictures");
    std::fs::create_dir(&pictures).unwrap();
    std::fs::write(pictures.join("large.png"), vec![b'x'; 2 << 20]).unwrap();
    world
}

/// Asks for the picture and reads only the head of the answer.
async fn slow(world: &World) -> (Client, u16, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut client = Client(socket.connect(world.address).await.unwrap());
    client.send("GET /pictures/large.png", "").await.unwrap();
    let (status, head, _) = client.answer(false).await.unwrap();
    (client, status, head)
}

#[tokio::test]
async fn slow_readers_of_pictures_are_few_and_the_others_are_told_to_come_again() {
    let many = ConnectionLimits { connections: 64, per_client: 64, ..BOUNDS };
    let world = world(many, rate(0, 1)).await;
    let mut readers = Vec::new();
    for _ in 0..PER_CLIENT {
        let (client, status, _) = slow(&world).await;
        assert_eq!(status, 200);
        readers.push(client);
    }
    for _ in 0..8 {
        let (_client, status, head) = slow(&world).await;
        assert_eq!(status, 503);
        assert!(
            head.contains("retry-after: 5\r\n") && head.contains("cache-control: no-store\r\n"),
            "{head}"
        );
    }
    assert!(world.page().contains(r#"coinop_http_refused_total{reason="pictures"} 8"#));
    assert_eq!(world.client().await.ask("GET /x", "").await.unwrap().0, 200, "all else is answered");
    readers.pop();
    eventually(async || (slow(&world).await.1 == 200).then_some(())).await;
}

#[tokio::test]
async fn who_takes_an_answer_in_drops_is_cut_off_in_the_end() {
    let bounds = ConnectionLimits { whole: Duration::from_secs(1), patience: LONG, ..BOUNDS };
    let world = world(bounds, rate(0, 1)).await;
    let (mut trickle, status, _) = slow(&world).await;
    assert_eq!(status, 200);
    let begun = std::time::Instant::now();
    let mut read = 0;
    let ended = async {
        let mut drop = [0; 2048];
        loop {
            match trickle.0.read(&mut drop).await {
                Ok(0) | Err(_) => break,
                Ok(n) => read += n,
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, ended).await.expect("the connection stays open");
    assert!(read < 2 << 20, "{read} bytes");
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    let mut again = world.client().await;
    for _ in 0..3 {
        let whole = again.ask("GET /pictures/large.png", "").await.unwrap();
        assert_eq!((whole.0, whole.2.len()), (200, 2 << 20), "an answer has its own time");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test]
async fn a_changed_picture_is_served_anew_and_a_head_has_its_length() {
    let world = world(BOUNDS, rate(0, 1)).await;
    let mut client = world.client().await;
    let (status, head, _) = client.ask("HEAD /pictures/large.png", "").await.unwrap();
    assert_eq!(status, 200);
    assert!(head.contains("content-length: 2097152\r\n"), "{head}");
    assert_eq!(client.ask("GET /pictures/large.png", "").await.unwrap().2.len(), 2 << 20);
    std::fs::write(world.folder.path().join("pictures/large.png"), b"small").unwrap();
    assert_eq!(client.ask("GET /pictures/large.png", "").await.unwrap().2, "small");
    assert_eq!(client.ask("GET /pictures/other.png", "").await.unwrap().0, 404);
    assert_eq!(client.ask("POST /pictures/large.png", "").await.unwrap().0, 405);
}

#[tokio::test]
async fn a_picture_counts_as_several_requests() {
    let world = world(BOUNDS, rate(1, 11)).await;
    let mut client = world.client().await;
    for status in [200, 200, 429] {
        assert_eq!(client.ask("HEAD /pictures/large.png", "").await.unwrap().0, status);
        client = world.client().await;
    }
    assert_eq!(client.ask("GET /x", "").await.unwrap().0, 200);
}
