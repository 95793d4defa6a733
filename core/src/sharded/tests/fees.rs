//! What a payer's trust bears, when payer and merchant have shards of their own.

use super::claims::{append, append_batch, claiming, has_claimed};
use super::cluster::{Cluster, FAULTS, Fault, asset, door, payer};
use crate::gateway::{Sale, SaleError};
use crate::ports::{Appended, Streams as _};
use crate::quote::Operation;
use crate::session::fee::Limit;
use crate::session::index::IndexChange;
use crate::session::{Batch, Command, FundsCheck, decide, failure};
use crate::sharded::{STALE_MS, ShardKey};
use crate::time::Now;
use crate::x402::PaymentPayload;

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
    assert!(cluster.sent.borrow().iter().all(|sent| !sent.starts_with("merchant")), "not even to release");
    assert!(!has_claimed(&cluster, 2));
    assert_eq!(cluster.number(&ShardKey::Merchant, "SELECT count(*) FROM hold"), 1);
}

#[test]
fn a_fee_that_was_spent_stays_spent_however_late_the_shards_hear_of_it_inv_5() {
    for kind in ["payer", "payment", "merchant"] {
        let cluster = Cluster::new();
        let (journal, stream) = (cluster.journal(1), door(1));
        let claimed = claiming(&cluster, 1, 1, 1_000_000, u64::MAX);
        assert_eq!(append_batch(&cluster, 1, &claimed), Some(Ok(Appended::Done)));
        // It lands with an error, which its stream knows at once, and one shard not for a long time.
        cluster
            .spoil(move |_, key, request| (key.kind() == kind && request == "update").then_some(Fault::Lost));
        let payment = claimed.state.claims[0].payment.clone();
        let failed = Command::Failed { payment, reason: failure::FAILED_ON_CHAIN };
        let now = Now::at(cluster.world.now());
        let events = decide(&claimed.state, failed, &now).unwrap();
        let failed = Batch::new(&stream, &claimed.state, events, &now).unwrap();
        assert_eq!(cluster.world.run(journal.append(&stream, 1, &failed)), Some(Ok(Appended::Done)));
        cluster.world.advance(STALE_MS);
        for key in [payer(1), ShardKey::Merchant] {
            cluster.go_off(&key);
        }
        assert_eq!(cluster.fees(), 10_001, "{kind}");
        cluster.mend();
        cluster.rest();
        assert_eq!(cluster.fees(), 10_001, "{kind}");
        assert_eq!(cluster.holds(&ShardKey::Merchant), 0, "{kind}: it is heard of in the end");
    }
}

/// Lets the merchant's shard answer nothing, and its senders wait.
fn silence_the_merchant(cluster: &Cluster) {
    cluster.spoil(|_, key, _| (*key == ShardKey::Merchant).then_some(Fault::Silence));
}

/// Returns a buyer's payment for a minute at the first door.
fn payment(cluster: &Cluster, who: u8) -> PaymentPayload {
    let (ticket, quote) = cluster.world.ticket("door-1", Operation::Access, 1);
    cluster.world.pay(who, &ticket, &quote)
}

/// Returns shards whose first buyer has had a session, which is over.
fn with_a_regular() -> Cluster {
    let cluster = Cluster::new();
    assert!(matches!(cluster.buy(&payment(&cluster, 1)), Some(Ok(Sale::Sold(_)))));
    cluster.rest();
    assert_eq!((cluster.fees(), cluster.trust()), (0, EARNED));
    cluster
}

/// Half of what one of these payments earns, in lamports: more than its fee.
const EARNED: i64 = 19_999;

#[test]
fn who_has_earned_trust_buys_at_once_while_the_merchants_shard_is_silent_and_a_newcomer_is_not_charged_inv_5()
{
    let cluster = with_a_regular();
    silence_the_merchant(&cluster);
    let newcomer = cluster.buy(&payment(&cluster, 2));
    assert!(matches!(newcomer, Some(Err(SaleError::Unavailable(_)))), "{newcomer:?}");
    assert_eq!(cluster.world.charged(), 1);
    let sold = cluster.buy(&payment(&cluster, 1));
    assert!(matches!(sold, Some(Ok(Sale::Sold(_)))), "{sold:?}");
    assert!(cluster.answered_in.get() < 1_000, "{} ms", cluster.answered_in.get());
    assert_eq!((cluster.world.charged(), cluster.trust()), (2, EARNED));
    cluster.mend();
    cluster.rest();
    assert_eq!((cluster.fees(), cluster.trust()), (0, 2 * EARNED));
}

#[test]
fn however_much_is_sold_while_the_merchants_shard_is_silent_every_buyer_is_told_and_later_the_merchant_inv_2()
{
    const SALES: i64 = 12;
    let cluster = with_a_regular();
    silence_the_merchant(&cluster);
    for sale in 2..=SALES {
        let sold = cluster.buy(&payment(&cluster, 1));
        assert!(matches!(sold, Some(Ok(Sale::Sold(_)))), "{sold:?}");
        cluster.world.advance(60_000);
        cluster.go_off_if_due();
        assert_eq!(cluster.trust(), sale * EARNED);
    }
    let ended = "SELECT count(*) FROM session WHERE record ->> '$.ended'";
    assert_eq!(cluster.number(&payer(1), ended), SALES);
    assert_eq!(cluster.number(&ShardKey::Merchant, ended), 1);
    // The alarm tries again, and only the merchant's shard hears of it.
    let heard = |who: &str| cluster.sent.borrow().iter().filter(|sent| *sent == who).count();
    let (buyers, merchant) = (heard("payer update"), heard("merchant update"));
    for _ in 0..3 {
        cluster.world.advance(20_000);
        cluster.go_off_if_due();
    }
    assert_eq!(heard("payer update"), buyers);
    assert!(heard("merchant update") > merchant);
    cluster.mend();
    cluster.rest();
    assert_eq!(cluster.number(&ShardKey::Merchant, ended), SALES);
}

#[test]
fn whatever_happens_to_any_message_of_a_sale_to_who_has_earned_trust_no_fee_stays_counted_inv_2_5() {
    for fault in FAULTS {
        let mut nth = 0;
        loop {
            let cluster = with_a_regular();
            let payment = payment(&cluster, 1);
            cluster.spoil(move |n, _, _| (n == nth).then_some(fault));
            let mut outcome = cluster.buy(&payment);
            let happened = cluster.count() > nth;
            for _ in 0..20 {
                if matches!(outcome, Some(Ok(Sale::Sold(_)))) {
                    break;
                }
                cluster.world.advance(1_000);
                cluster.go_off_if_due();
                outcome = cluster.buy(&payment);
            }
            let told = format!("{fault:?} of {nth}: {outcome:?}");
            assert!(matches!(outcome, Some(Ok(Sale::Sold(_)))), "{told}");
            cluster.let_late_ones_arrive();
            cluster.rest();
            assert_eq!((cluster.world.charged(), cluster.fees()), (2, 0), "{told}");
            assert_eq!(cluster.trust(), 2 * EARNED, "{told}");
            for table in ["reserved", "hold"] {
                let count = format!("SELECT count(*) FROM {table}");
                assert_eq!(cluster.number(&ShardKey::Merchant, &count), 0, "{told}: {table}");
            }
            if !happened {
                assert!(nth >= 7, "{nth} messages");
                break;
            }
            nth += 1;
        }
    }
}

/// Returns shards whose first buyer is trusted with many fees.
fn trusting() -> Cluster {
    let cluster = Cluster::new();
    assert_eq!(append(&cluster, 1, 1, 1_000_000, u64::MAX), Some(Ok(Appended::Done)));
    let trusted =
        "INSERT INTO trust (payer, lamports) SELECT payer, 100000 FROM in_flight RETURNING lamports";
    assert_eq!(cluster.number(&payer(1), trusted), 100_000);
    cluster
}

/// Returns a batch that claims a payment for a door, with this done to what covers it.
fn claim(cluster: &Cluster, number: u8, at: u8, change: impl FnOnce(&mut FundsCheck)) -> Batch {
    let mut batch = claiming(cluster, number, at, 1_000_000, u64::MAX);
    change(batch.funds.as_mut().unwrap());
    batch
}

#[test]
fn a_claim_is_borne_by_trust_alone_only_if_it_depends_on_no_budget_no_seat_and_no_other_fee_inv_3_5() {
    let cluster = trusting();
    silence_the_merchant(&cluster);
    let guarded = claim(&cluster, 2, 2, |funds| funds.slack = Some(1_000_000));
    let unprofitable = claim(&cluster, 3, 2, |funds| {
        let limit = Limit { most: 1_000_000, refill: 0, period: 1 };
        funds.fee.as_mut().unwrap().unprofitable = Some(limit);
    });
    let mut seated = claim(&cluster, 4, 2, |_| {});
    let door = super::cluster::door(2);
    seated.index.push(IndexChange::Seat { asset: door.asset().clone(), taken_of: Some(2) });
    for batch in [guarded, unprofitable, seated] {
        assert!(append_batch(&cluster, 2, &batch).unwrap().is_err());
        assert!(!cluster.has_tables(&asset(2)), "{:?}", batch.funds);
    }
    let plain = claim(&cluster, 5, 2, |_| {});
    assert_eq!(append_batch(&cluster, 2, &plain), Some(Ok(Appended::Done)));
}

#[test]
fn a_fee_that_trust_bears_counts_against_the_guard_of_the_next_payment_inv_3() {
    let cluster = trusting();
    cluster.spoil(|_, _, _| None);
    assert_eq!(append(&cluster, 2, 2, 1_000_000, u64::MAX), Some(Ok(Appended::Done)));
    assert_eq!(*cluster.sent.borrow(), ["payment reserve", "payer reserve", "merchant reserve"]);
    // Two fees of 10,001 lamports are in flight.
    let guarded = claim(&cluster, 3, 3, |funds| funds.slack = Some(20_001));
    assert_eq!(append_batch(&cluster, 3, &guarded), Some(Ok(Appended::GuardAtRisk)));
    let guarded = claim(&cluster, 3, 3, |funds| funds.slack = Some(20_002));
    assert_eq!(append_batch(&cluster, 3, &guarded), Some(Ok(Appended::Done)));
}

#[test]
fn what_its_own_journal_refuses_the_merchants_shard_is_never_told_inv_5() {
    let cluster = trusting();
    cluster.spoil(|_, _, _| None);
    // The revision is taken.
    assert_eq!(append(&cluster, 2, 1, 1_000_000, u64::MAX), Some(Ok(Appended::Conflict)));
    assert!(cluster.sent.borrow().iter().all(|sent| !sent.starts_with("merchant")));
    assert_eq!(cluster.number(&ShardKey::Merchant, "SELECT count(*) FROM reserved"), 1);
}

#[test]
fn a_newcomer_whom_the_whole_budget_does_not_bear_is_refused_after_one_simulation_on_any_shard_inv_5() {
    let cluster = with_a_regular();
    let limit = Limit::newcomers(cluster.world.deployment.config.settlement.max_fee_lamports_per_day);
    let simulated = |spent: u64| {
        let (now, before) = (cluster.world.now().millis(), cluster.world.prepares.get());
        let set = format!("UPDATE fee_budget SET spent = {spent}, at = {now} RETURNING 1");
        assert_eq!(cluster.number(&ShardKey::Merchant, &set), 1);
        let outcome = cluster.buy(&payment(&cluster, 2));
        (cluster.world.prepares.get() - before, outcome)
    };
    let (simulations, refused) = simulated(limit.most - 5_000);
    assert!(matches!(refused, Some(Err(SaleError::FeeBudget(_)))), "{refused:?}");
    assert_eq!((simulations, cluster.world.charged()), (1, 1));
    // The second half is for those who pass a second one.
    let (simulations, sold) = simulated(limit.most / 2);
    assert!(matches!(sold, Some(Ok(Sale::Sold(_)))), "{sold:?}");
    assert_eq!((simulations, cluster.world.charged()), (2, 2));
}
