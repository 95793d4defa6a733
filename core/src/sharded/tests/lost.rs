//! A stream whose database was lost, while the other shards still have theirs.

use super::cluster::{Cluster, asset, payer};
use crate::gateway::{Sale, SaleError};
use crate::quote::Operation;
use crate::sharded::ShardKey;
use crate::x402::PaymentPayload;

fn bought(cluster: &Cluster) -> (String, PaymentPayload) {
    let (ticket, quote) = cluster.world.ticket("door-1", Operation::Access, 60);
    let payment = cluster.world.pay(1, &ticket, &quote);
    (session(cluster.buy(&payment)), payment)
}

fn session(outcome: Option<Result<Sale, SaleError>>) -> String {
    match outcome {
        Some(Ok(Sale::Sold(sold))) => sold.session.session.id.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Loses the database of the first door's stream.
fn lose(cluster: &Cluster) {
    let tables = ["journal", "head", "payment", "session", "sale", "owed", "entry", "in_flight", "unsent"];
    for table in tables {
        let _ = cluster.world.database.execute(&format!("DELETE FROM {table}"), []);
    }
    assert_eq!(cluster.number(&asset(1), "SELECT count(*) FROM payment"), 0);
}

#[test]
fn a_stream_that_lost_its_database_gives_a_buyer_with_the_ticket_the_session_back_once_inv_1_2() {
    let cluster = Cluster::new();
    let (first, payment) = bought(&cluster);
    lose(&cluster);
    assert_eq!(session(cluster.buy(&payment)), first);
    assert_eq!(session(cluster.buy(&payment)), first);
    cluster.world.advance(30_000);
    cluster.go_off_if_due();
    assert_eq!((cluster.world.charged(), cluster.world.sends.get(), cluster.world.finds.get()), (1, 1, 1));
    assert_eq!(cluster.number(&payer(1), "SELECT count(*) FROM session"), 1);
    for key in [payer(1), ShardKey::Merchant] {
        let held = cluster.number(&key, "SELECT count(*) FROM hold WHERE attempt <> 'landed'");
        assert_eq!(held, 0, "{key:?}");
    }
}
