//! Whole sales on shards, with every kind of failure at each message.

use super::Database;
use super::cluster::{Cluster, FAULTS, Fault, asset, door, id_of, payer};
use crate::capacity::Capacity;
use crate::gateway::{Sale, SaleError};
use crate::ids::{AssetId, StreamId};
use crate::ports::{Accounts as _, Claims as _};
use crate::quote::Operation;
use crate::session::Reject;
use crate::sharded::{
    MerchantShard, PayerShard, PaymentShard, STALE_MS, ShardHandler, ShardKey, ShardedJournal,
};
use crate::sign_in::Proven;
use crate::testkit::keys;
use crate::x402::PaymentPayload;

/// What one payment of these sales may cost the fee payer, in lamports.
const FEE: i64 = 10_001;
/// Half of what it earns, in lamports: 0.01 USDC is worth 50,000.
const EARNED: i64 = 19_999;

/// Returns a payment for a minute at the first door, with or without its ticket.
fn payment(cluster: &Cluster, has_ticket: bool) -> PaymentPayload {
    if !has_ticket {
        return cluster.world.pay_v1(1, 10_000);
    }
    let (ticket, quote) = cluster.world.ticket("door-1", Operation::Access, 1);
    cluster.world.pay(1, &ticket, &quote)
}

/// Repeats the payment until an answer says how it ended.
fn insist(
    cluster: &Cluster,
    payment: &PaymentPayload,
    mut outcome: Option<Result<Sale, SaleError>>,
) -> Result<Sale, SaleError> {
    for _ in 0..20 {
        match outcome {
            None | Some(Ok(Sale::Pending(_)) | Err(SaleError::Unavailable(_))) => {}
            Some(answer) => return answer,
        }
        cluster.world.advance(1_000);
        cluster.go_off_if_due();
        outcome = cluster.buy(payment);
    }
    panic!("no answer");
}

/// Asserts that nothing is in flight and that every shard knows what happened.
fn is_settled(cluster: &Cluster, payment: &PaymentPayload, told: &str) {
    let (payer, payment) = (payer(1), ShardKey::Payment(id_of(payment)));
    assert_eq!(cluster.world.charged(), 1, "{told}");
    cluster.world.audit_settled();
    for table in ["in_flight", "hold", "source_balance"] {
        assert_eq!(cluster.number(&payer, &format!("SELECT count(*) FROM {table}")), 0, "{told}: {table}");
    }
    for table in ["reserved", "hold", "unpublished"] {
        let count = cluster.number(&ShardKey::Merchant, &format!("SELECT count(*) FROM {table}"));
        assert_eq!(count, 0, "{told}: {table}");
    }
    assert!(!cluster.has_tables(&payment), "{told}: what is known of the payment is kept for ever");
    let ended = "SELECT count(*) FROM session WHERE record ->> '$.ended'";
    assert_eq!((cluster.number(&payer, ended), cluster.number(&asset(1), ended)), (1, 1), "{told}");
    assert_eq!(cluster.number(&payer, "SELECT count(*) FROM session"), 1, "{told}");
    assert_eq!(cluster.number(&ShardKey::Merchant, ended), 1, "{told}: the merchant's list");
    assert_eq!(cluster.number(&ShardKey::Merchant, "SELECT count(*) FROM session"), 1, "{told}");
    let revision = "SELECT revision FROM head";
    let revisions = (cluster.number(&ShardKey::Merchant, revision), cluster.number(&asset(1), revision));
    assert_eq!(revisions.0, revisions.1, "{told}: the merchant's copy");
    for key in [payer, payment, ShardKey::Merchant, asset(1)] {
        assert_eq!(cluster.alarm(&key), None, "{told}: {key:?}");
    }
}

/// Asserts that the buyer has the session. Without a ticket the buyer may have to sign in for it, because the
/// bytes are public by now.
fn is_answered(answer: &Result<Sale, SaleError>, has_ticket: bool, told: &str) {
    match answer {
        Ok(Sale::Sold(_)) => {}
        Err(SaleError::AlreadyUsed) if !has_ticket => {}
        other => panic!("{told}: {other:?}"),
    }
}

/// Plays a sale in which the `nth` message fails this way. Returns whether there was such a message.
fn play(nth: usize, fault: Fault, has_ticket: bool, arrives_at_the_end: bool) -> bool {
    let cluster = Cluster::new();
    let payment = payment(&cluster, has_ticket);
    let told = format!("{fault:?} of {nth}, with a ticket: {has_ticket}");
    cluster.spoil(move |n, _, _| (n == nth).then_some(fault));
    let first = cluster.buy(&payment);
    let happened = cluster.count() > nth;
    if !arrives_at_the_end {
        cluster.let_late_ones_arrive();
    }
    is_answered(&insist(&cluster, &payment, first), has_ticket, &told);
    cluster.rest();
    if arrives_at_the_end {
        cluster.let_late_ones_arrive();
        cluster.rest();
    }
    assert_eq!((cluster.fees(), cluster.trust()), (0, EARNED), "{told}");
    is_settled(&cluster, &payment, &told);
    happened
}

#[test]
fn whatever_happens_to_any_message_of_a_sale_it_is_charged_once_and_every_shard_hears_of_it_inv_1_2_5() {
    for fault in FAULTS {
        for has_ticket in [true, false] {
            let messages = (0..).take_while(|nth| play(*nth, fault, has_ticket, false)).count();
            // At least the history, the reservations and the updates.
            assert!(messages >= 7, "{messages} with {fault:?}");
        }
    }
}

#[test]
fn killed_at_any_other_point_of_a_sale_it_is_finished_once_and_every_shard_hears_of_it_inv_1_2_5() {
    for has_ticket in [true, false] {
        let mut killed = 0;
        loop {
            let cluster = Cluster::new();
            let payment = payment(&cluster, has_ticket);
            cluster.world.blow_at(killed);
            let first = cluster.buy(&payment);
            if first.is_some() {
                break;
            }
            let told = format!("killed at {killed}, with a ticket: {has_ticket}");
            is_answered(&insist(&cluster, &payment, first), has_ticket, &told);
            cluster.rest();
            assert_eq!((cluster.fees(), cluster.trust()), (0, EARNED), "{told}");
            is_settled(&cluster, &payment, &told);
            killed += 1;
        }
        assert!(killed >= 8, "{killed}");
    }
}

#[test]
fn who_paid_without_a_ticket_is_not_told_uncharged_once_the_asset_is_no_longer_shared_or_has_become_so_inv_3()
{
    for was_shared in [true, false] {
        let mut cluster = Cluster::new();
        let payment = payment(&cluster, false);
        let id = id_of(&payment);
        let session = cluster.world.deployment.keys.session_id(&id);
        let streams = [door(1), StreamId::of_session(door(1).asset().clone(), session)];
        let mut buy = |is_shared: bool| {
            let capacity = if is_shared { Capacity::Unlimited } else { Capacity::default() };
            cluster.world.deployment.config.assets[0].capacity = capacity;
            cluster.buy_in(&streams[usize::from(is_shared)], &payment)
        };
        assert!(matches!(buy(was_shared), Some(Ok(Sale::Sold(_)))));
        assert_eq!(buy(!was_shared).unwrap().unwrap_err(), SaleError::AlreadyUsed);
        // The payment's own shard forgets it after ten minutes.
        cluster.world.advance(STALE_MS);
        cluster.go_off(&ShardKey::Payment(id));
        let again = cluster.buy_in(&streams[usize::from(!was_shared)], &payment);
        assert_eq!(again.unwrap().unwrap_err(), SaleError::AlreadyUsed, "was shared: {was_shared}");
    }
}

#[test]
fn a_shard_whose_tables_were_half_made_makes_the_rest_and_sells_inv_2() {
    type Sql = Database;
    let of_payment = |cluster: &Cluster| {
        let payment = payment(cluster, false);
        (ShardKey::Payment(id_of(&payment)), payment)
    };
    let tables = [
        <PayerShard<&Sql> as ShardHandler>::TABLES,
        <MerchantShard<&Sql> as ShardHandler>::TABLES,
        <PaymentShard<&Sql> as ShardHandler>::TABLES,
    ];
    for (shard, tables) in tables.iter().enumerate() {
        for made in 1..tables.len() {
            let cluster = Cluster::new();
            let (key, payment) = of_payment(&cluster);
            let key = [payer(1), ShardKey::Merchant, key][shard].clone();
            cluster.keep_tables(&key, &tables[..made]);
            let sold = cluster.buy(&payment);
            assert!(matches!(sold, Some(Ok(Sale::Sold(_)))), "{key:?} with {made} statements: {sold:?}");
        }
    }
}

#[test]
fn a_payment_whose_preparation_took_long_is_sold_all_the_same_inv_2() {
    let cluster = Cluster::new();
    let payment = payment(&cluster, true);
    cluster.world.slow_first.set(Some(25_000));
    let sold = cluster.buy(&payment);
    assert!(matches!(sold, Some(Ok(Sale::Sold(_)))), "{sold:?}");
}

#[test]
fn a_message_that_arrives_when_all_is_over_leaves_nothing_behind_inv_1_5() {
    let messages = (0..).take_while(|nth| play(*nth, Fault::Late, true, true)).count();
    assert!(messages >= 7, "{messages}");
}

#[test]
fn a_landed_payments_fee_is_spent_while_its_update_is_on_the_way_inv_5() {
    let cluster = Cluster::new();
    let payment = payment(&cluster, true);
    cluster.spoil(|_, _, request| (request == "update").then_some(Fault::Lost));
    assert!(matches!(insist(&cluster, &payment, cluster.buy(&payment)), Ok(Sale::Sold(_))));
    cluster.world.advance(STALE_MS);
    for key in [payer(1), ShardKey::Merchant] {
        cluster.go_off(&key);
        assert_eq!(cluster.holds(&key), 0, "{key:?}");
    }
    // As long as nobody was told that it has landed, nothing is put back.
    assert_eq!((cluster.fees(), cluster.trust()), (FEE, 0));
    cluster.mend();
    cluster.rest();
    // The fee does not come back. What the session has earned is more.
    assert_eq!((cluster.fees(), cluster.trust()), (0, EARNED));
    is_settled(&cluster, &payment, "told after ten minutes");
}

#[test]
fn an_update_is_sent_until_it_is_received_and_applied_once_inv_2() {
    for kind in ["payer", "payment", "merchant"] {
        for fault in [Fault::Lost, Fault::AnswerLost] {
            let cluster = Cluster::new();
            let payment = payment(&cluster, true);
            cluster
                .spoil(move |_, key, request| (key.kind() == kind && request == "update").then_some(fault));
            let sale = insist(&cluster, &payment, cluster.buy(&payment));
            assert!(
                matches!(sale, Ok(Sale::Sold(_))),
                "what is not told yet keeps no buyer waiting: {sale:?}"
            );
            let untold = || {
                cluster.number(&asset(1), "SELECT count(*) FROM head WHERE revision > coalesce((SELECT revision FROM delivered), 0)")
            };
            assert_eq!(untold(), 1, "{kind} {fault:?}");
            // The alarm keeps sending it until it is received.
            for _ in 0..3 {
                let at = cluster.alarm(&asset(1)).expect("it is woken to tell them");
                assert!(at.millis_since(cluster.world.now()) <= 5_000, "{kind} {fault:?}");
                cluster.world.advance(at.millis_since(cluster.world.now()));
                cluster.go_off(&asset(1));
                assert_eq!(untold(), 1, "{kind} {fault:?}");
            }
            cluster.mend();
            cluster.rest();
            assert_eq!((untold(), cluster.fees(), cluster.trust()), (0, 0, EARNED), "{kind} {fault:?}");
            is_settled(&cluster, &payment, &format!("{kind} {fault:?}"));
        }
    }
}

#[test]
fn a_second_payment_from_one_balance_at_once_is_told_that_the_door_is_busy_and_not_to_add_funds() {
    let cluster = Cluster::new();
    cluster.world.fund(1, 10_000);
    let outcomes = cluster.buy_at_once(&[1, 2].map(|_| (door(1), payment(&cluster, true))));
    let [Some(first), Some(second)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert!(matches!(first, Ok(Sale::Sold(_))), "{first:?}");
    assert!(matches!(second, Err(SaleError::Rejected(Reject::Busy { .. }))), "{second:?}");
}

#[test]
fn the_merchants_shard_lists_the_sessions_of_all_streams_and_of_one_asset() {
    let mut cluster = Cluster::new();
    let asset = &mut cluster.world.deployment.config.assets[0];
    (asset.capacity, asset.device) = (Capacity::Unlimited, None);
    let listed = |cluster: &Cluster, asset: Option<&str>| -> Vec<_> {
        let journal = ShardedJournal::read_only(cluster.ports(&ShardKey::Merchant), "main".to_owned());
        let asset = asset.map(|id| AssetId::parse(id).unwrap());
        let found = cluster.world.run(journal.sessions(asset.as_ref(), None, 9)).unwrap().unwrap();
        found.into_iter().map(|record| record.session.payer).collect()
    };
    assert_eq!(listed(&cluster, None), [], "a shard that was never written to");
    for who in [1, 2] {
        let (ticket, quote) = cluster.world.ticket("door-1", Operation::Access, 1);
        let payment = cluster.world.pay(who, &ticket, &quote);
        let stream = StreamId::of_session(door(1).asset().clone(), ticket.session());
        let sale = cluster.buy_in(&stream, &payment);
        assert!(matches!(sale, Some(Ok(Sale::Sold(_)))), "{sale:?}");
        cluster.world.advance(1_000);
    }
    let both = [keys::account(2), keys::account(1)];
    assert_eq!((listed(&cluster, None), listed(&cluster, Some("door-1"))), (both.to_vec(), both.to_vec()));
    assert_eq!(listed(&cluster, Some("door-2")), []);
    // Long after a session's own shard is deleted, the list still has it.
    cluster.rest();
    assert_eq!(listed(&cluster, None), both);
}

#[test]
fn a_used_proof_is_remembered_in_the_shard_that_answers_its_path_inv_9() {
    let cluster = Cluster::new();
    let sale = cluster.buy(&payment(&cluster, true));
    assert!(matches!(sale, Some(Ok(Sale::Sold(_)))), "{sale:?}");
    cluster.rest();
    let now = cluster.world.now();
    let proven =
        Proven { payer: keys::account(1), nonce: "ab".repeat(16), expires_at: now.plus_millis(300_000) };
    let payers = ShardedJournal::read_only(cluster.ports(&payer(1)), "main".to_owned());
    for journal in [cluster.journal(1), payers] {
        let used = || cluster.world.run(journal.use_proof(&proven, now)).unwrap().unwrap();
        assert_eq!((used(), used()), (true, false));
    }
}
