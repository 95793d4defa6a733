//! Tests of who gets a place and who has to go.

use super::*;

const LIMITS: ConnectionLimits = ConnectionLimits {
    connections: 4,
    per_client: 2,
    unread: 1_000,
    patience: Duration::from_secs(1),
    whole: Duration::from_secs(1),
};

struct Open(Places);

impl Open {
    fn new(limits: ConnectionLimits) -> Self {
        Self(Places::new(limits))
    }

    async fn take(&self, client: &str) -> Result<Place, Taken> {
        self.0.take(client.parse().unwrap(), false).await
    }

    /// Returns which of these had to go, by their indexes.
    fn gone(places: &[&Place]) -> Vec<usize> {
        places.iter().enumerate().filter(|(_, place)| place.has_to_go()).map(|(index, _)| index).collect()
    }
}

/// Lets a moment pass, so that no two things happen at the same time.
async fn moment() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}

#[tokio::test]
async fn the_longest_idle_goes_when_places_run_out_and_not_the_newest() {
    let open = Open::new(LIMITS);
    let mut places = Vec::new();
    for client in 1..=4 {
        places.push(open.take(&format!("192.0.2.{client}")).await.unwrap());
        moment().await;
    }
    // The first has just been served, so the second has been idle for longer.
    places[0].seat().answering();
    places[0].seat().answered(true);
    places[0].sent();
    let newest = open.take("192.0.2.9").await.unwrap();
    let all: Vec<&Place> = places.iter().chain([&newest]).collect();
    assert_eq!(Open::gone(&all), [1]);
    places[1].seat().until_it_must_go().await;
}

#[tokio::test]
async fn who_is_being_answered_never_goes() {
    let open = Open::new(LIMITS);
    let mut places = Vec::new();
    for client in 1..=4 {
        let place = open.take(&format!("192.0.2.{client}")).await.unwrap();
        place.seat().answering();
        places.push(place);
    }
    assert_eq!(open.take("192.0.2.9").await.err(), Some(Taken::ByAll));
    places[2].seat().answered(true);
    assert!(open.take("192.0.2.9").await.is_ok(), "who only takes an answer may have to go");
    assert_eq!(Open::gone(&places.iter().collect::<Vec<_>>()), [2]);
}

#[tokio::test]
async fn a_client_with_all_its_places_loses_its_own_longest_idle() {
    let open = Open::new(LIMITS);
    let first = open.take("2001:db8:1:2::1").await.unwrap();
    let other = open.take("192.0.2.1").await.unwrap();
    moment().await;
    let second = open.take("2001:db8:1:2:ffff::9").await.unwrap();
    let third = open.take("2001:db8:1:2::3").await.unwrap();
    assert_eq!(Open::gone(&[&first, &other, &second, &third]), [0]);
    for place in [&second, &third] {
        place.seat().answering();
    }
    assert_eq!(open.take("2001:db8:1:2::4").await.err(), Some(Taken::ByClient));
    assert!(open.take("2001:db8:1:3::4").await.is_ok(), "another network is another client");
}

#[tokio::test]
async fn a_trusted_proxy_has_places_for_all_its_clients_and_goes_last() {
    let open = Open::new(LIMITS);
    let proxy: IpAddr = "127.0.0.1".parse().unwrap();
    let mut proxied = Vec::new();
    for _ in 0..3 {
        proxied.push(open.0.take(proxy, true).await.unwrap());
        moment().await;
    }
    let stranger = open.take("192.0.2.1").await.unwrap();
    let _newest = open.take("192.0.2.2").await.unwrap();
    assert_eq!(Open::gone(&[&proxied[0], &proxied[1], &proxied[2], &stranger]), [3]);
}

#[tokio::test]
async fn a_place_is_free_again_when_its_connection_is_closed() {
    let open = Open::new(LIMITS);
    let mut places = Vec::new();
    for client in 1..=4 {
        places.push(open.take(&format!("192.0.2.{client}")).await.unwrap());
    }
    let all_free = open.0.clone();
    let all_free = tokio::spawn(async move { all_free.all_free().await });
    places.pop();
    assert!(open.take("192.0.2.9").await.is_ok());
    assert!(Open::gone(&places.iter().collect::<Vec<_>>()).is_empty());
    drop(places);
    all_free.await.unwrap();
    assert!(open.0.book().is_empty());
}

#[tokio::test]
async fn the_largest_unfinished_request_goes_when_all_hold_too_many_bytes() {
    let open = Open::new(LIMITS);
    let large = open.take("192.0.2.1").await.unwrap();
    let paying = open.take("192.0.2.2").await.unwrap();
    let small = open.take("192.0.2.3").await.unwrap();
    large.received(300);
    large.received(200);
    paying.received(480);
    paying.seat().answering();
    small.received(20);
    assert!(Open::gone(&[&large, &paying, &small]).is_empty());
    small.received(1);
    assert_eq!(Open::gone(&[&large, &paying, &small]), [0]);
    small.received(500);
    assert_eq!(Open::gone(&[&paying, &small]), [1], "it is the largest now");
}

#[tokio::test]
async fn what_was_answered_is_unread_no_longer() {
    let open = Open::new(LIMITS);
    let place = open.take("192.0.2.1").await.unwrap();
    for _ in 0..50 {
        place.received(90);
        place.received(10);
        place.seat().answering();
        place.seat().answered(true);
        place.sent();
    }
    assert!(!place.has_to_go());
    // The beginning of the next request may have come with the end of this one.
    place.received(990);
    assert!(!place.has_to_go());
    place.received(1);
    assert!(place.has_to_go());
}

#[tokio::test]
async fn a_connection_that_only_asks_whether_we_live_is_idle_all_the_while() {
    let open = Open::new(LIMITS);
    let healthy = open.take("192.0.2.1").await.unwrap();
    moment().await;
    let mut buyers = Vec::new();
    for client in 2..=4 {
        buyers.push(open.take(&format!("192.0.2.{client}")).await.unwrap());
    }
    moment().await;
    healthy.seat().answered(false);
    healthy.sent();
    let _newest = open.take("192.0.2.9").await.unwrap();
    assert!(healthy.has_to_go());
    assert!(Open::gone(&buyers.iter().collect::<Vec<_>>()).is_empty());
}
