//! What a payer's trust bears, when payer and merchant have shards of their own.

use super::claims::{append, has_claimed};
use super::cluster::{Cluster, payer};
use crate::ports::Appended;
use crate::sharded::ShardKey;

#[test]
fn what_a_payers_trust_bears_takes_nothing_from_newcomers_on_any_shard_inv_5() {
    let cluster = Cluster::new();
    // Newcomers may cost one fee.
    assert_eq!(append(&cluster, 1, 1, 1_000_000, 10_001), Some(Ok(Appended::Done)));
    assert_eq!(append(&cluster, 2, 2, 1_000_000, 10_001), Some(Ok(Appended::OverBudget)));
    let trusted = "INSERT INTO trust (payer, lamports) SELECT payer, 10001 FROM in_flight RETURNING lamports";
    assert_eq!(cluster.number(&payer(1), trusted), 10_001);
    assert_eq!(append(&cluster, 2, 2, 1_000_000, 10_001), Some(Ok(Appended::Done)));
    assert_eq!((cluster.fees(), cluster.trust()), (10_001, 0), "each has borne one");
    assert_eq!(append(&cluster, 3, 3, 1_000_000, 10_001), Some(Ok(Appended::OverBudget)));
    assert_eq!((cluster.fees(), cluster.trust()), (10_001, 0));
}

#[test]
fn a_claim_that_its_payers_shard_refuses_never_reaches_the_merchants_inv_5() {
    let cluster = Cluster::new();
    // The balance covers half of a second payment.
    assert_eq!(append(&cluster, 1, 1, 5_000, u64::MAX), Some(Ok(Appended::Done)));
    cluster.sent.borrow_mut().clear();
    assert_eq!(append(&cluster, 2, 2, 5_000, u64::MAX), Some(Ok(Appended::NotCovered)));
    assert!(cluster.sent.borrow().iter().all(|sent| !sent.starts_with("merchant reserve")));
    assert!(!has_claimed(&cluster, 2));
    assert_eq!(cluster.number(&ShardKey::Merchant, "SELECT count(*) FROM hold"), 1);
}
