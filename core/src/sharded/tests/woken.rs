//! When shards are woken, and which requests leave no trace in them.

use super::cluster::{Cluster, Fault, asset, door, payer};
use crate::ids::PaymentId;
use crate::ports::{Claims as _, Clock as _, Schedule as _, Streams as _};
use crate::quote::Operation;
use crate::sharded::{
    AGAIN_MS, Boxed, Ended, Failed, Head, MerchantShard, MerchantUpdate, PaymentUpdate, Release, ShardKey,
    ShardServer, ShardedJournal, run_due_streams,
};
use crate::testkit::keys;
use crate::testkit::world::Chain;
use crate::time::Timestamp;

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn a_shard_that_is_only_asked_keeps_nothing_and_is_not_woken_inv_8() {
    let cluster = Cluster::new();
    let id = PaymentId::of_message(b"unknown");
    let payment = ShardKey::Payment(id.clone());
    let failed = PaymentUpdate {
        ended: Ended {
            payment: id.clone(),
            failed: Some(Failed { at: cluster.world.now(), reason: "transaction_expired".to_owned() }),
        },
        stream: door(1),
        at: cluster.world.now(),
    };
    let release = json(&Release { payment: id.clone(), attempt: "a".to_owned() });
    let history = json(&(keys::account(1), 3));
    for (key, request, body, answer) in [
        (&payment, "owner", json(&id), "null"),
        (&payment, "release", release.clone(), "null"),
        (&payment, "update", json(&failed), "null"),
        (&payer(1), "history", history, r#"{"failures":[],"trust":0,"has_bought":false}"#),
        (&payer(1), "release", release.clone(), "null"),
        (&ShardKey::Merchant, "release", release, "null"),
        (&asset(1), "payment", json(&id), "null"),
        (&asset(1), "run_due", "null".to_owned(), "null"),
    ] {
        let answered = cluster.ask(key, request, &body).unwrap();
        assert_eq!(answered.as_deref(), Ok(answer), "{key:?} {request}");
        assert!(!cluster.has_tables(key), "{key:?} {request}");
        assert_eq!(cluster.alarm(key), None, "{key:?} {request}");
    }
}

#[test]
fn what_a_shard_does_not_know_or_cannot_read_is_an_error_and_leaves_nothing() {
    let cluster = Cluster::new();
    let payment = ShardKey::Payment(PaymentId::of_message(b"unknown"));
    for key in [asset(1), payer(1), payment, ShardKey::Merchant] {
        for (request, body) in [
            ("", "null"),
            ("request", "{}"),
            ("nothing", "null"),
            ("reserve", "{}"),
            ("update", "[]"),
            ("owner", "1"),
            ("payment", "1"),
        ] {
            assert!(cluster.ask(&key, request, body).unwrap().is_err(), "{key:?} {request}");
            assert!(!cluster.has_tables(&key) && cluster.alarm(&key).is_none(), "{key:?} {request}");
        }
    }
}

#[test]
fn the_alarm_that_looks_after_a_payment_is_armed_with_its_claim_inv_2() {
    let cluster = Cluster::new();
    cluster.world.chain.set(Chain::Drops);
    let (ticket, quote) = cluster.world.ticket("door-1", Operation::Access, 1);
    let payment = cluster.world.pay(1, &ticket, &quote);
    // Everything is cut off right after the append, before the first call to the chain.
    let shop_ends_at = (0..40).find(|n| {
        let cluster = Cluster::new();
        cluster.world.blow_at(*n);
        let ended = cluster.buy(&payment).is_none();
        if ended && cluster.has_tables(&asset(1)) && cluster.world.sends.get() == 0 {
            let at = cluster.alarm(&asset(1)).expect("it is woken, whoever else is gone");
            assert!(at.millis_since(cluster.world.now()) <= 5_000);
            cluster.rest();
            assert_eq!(cluster.world.charged(), 1, "the alarm alone finishes it");
            return true;
        }
        false
    });
    assert!(shop_ends_at.is_some(), "it never ended between the claim and the chain");
}

#[test]
fn whoever_asks_again_and_again_does_not_put_the_alarm_off_inv_2() {
    let cluster = Cluster::new();
    let (ticket, quote) = cluster.world.ticket("door-1", Operation::Access, 1);
    let payment = cluster.world.pay(1, &ticket, &quote);
    cluster.spoil(|_, _, request| (request == "update").then_some(Fault::Lost));
    let _ = cluster.buy(&payment);
    let at = cluster.alarm(&asset(1)).unwrap();
    for _ in 0..4 {
        cluster.world.advance(1_000);
        let _ = cluster.buy(&payment);
        assert_eq!(cluster.alarm(&asset(1)), Some(at));
    }
}

/// Returns a stream's update with the listing that it has from this revision on.
fn listed(revision: u64, listing: &str) -> String {
    let head = Head {
        stream: "main/door-1".to_owned(),
        revision,
        state: format!(r#"{{"last":1,"listing":{listing}}}"#),
        due: None,
        unsettled: None,
        unfulfilled: false,
    };
    json(&MerchantUpdate { head, ended: Vec::new(), sessions: Vec::new(), owed: Vec::new() })
}

#[test]
fn what_the_catalogues_readers_could_not_be_given_the_alarm_gives_them() {
    let (cluster, merchant) = (Cluster::new(), ShardKey::Merchant);
    cluster.readers_are_gone.set(true);
    let answer = cluster.ask(&merchant, "update", &listed(1, r#"{"price":"1"}"#));
    assert_eq!(answer.unwrap().as_deref(), Ok("null"), "the asset is not told again for that");
    let again = |cluster: &Cluster| cluster.alarm(&merchant).map(|at| at.millis_since(cluster.world.now()));
    assert_eq!(again(&cluster), Some(AGAIN_MS));
    cluster.world.advance(AGAIN_MS);
    cluster.go_off(&merchant);
    assert_eq!((cluster.published.borrow().len(), again(&cluster)), (0, Some(AGAIN_MS)));
    cluster.readers_are_gone.set(false);
    cluster.world.advance(AGAIN_MS);
    cluster.go_off(&merchant);
    assert_eq!(cluster.published.borrow()[0].listing.as_deref(), Some(r#"{"price":"1"}"#));
    assert_eq!(cluster.alarm(&merchant), None);
    // The next change is published at once.
    cluster.ask(&merchant, "update", &listed(2, "null")).unwrap().unwrap();
    assert_eq!(cluster.published.borrow()[1].listing, None);
}

#[test]
fn what_somebody_else_is_publishing_and_may_fail_at_is_looked_after_again() {
    let cluster = Cluster::new();
    cluster.readers_are_gone.set(true);
    cluster.readers_take.set(4_000);
    let ports = cluster.ports(&ShardKey::Merchant);
    let server = ShardServer::new(MerchantShard::new(ports.clone()), ports);
    let update = listed(1, r#"{"price":"1"}"#);
    let applied = async { server.answer("update", &update).await.map(drop) };
    // The alarm goes off during the publication and finds it running.
    let goes_off = async {
        cluster.world.sleep(1_000).await;
        server.run_due().await;
        Ok(())
    };
    let both: Vec<Boxed<'_, _>> = vec![Box::pin(applied), Box::pin(goes_off)];
    assert_eq!(cluster.world.run_all(both), [Some(Ok(())), Some(Ok(()))]);
    assert!(cluster.alarm(&ShardKey::Merchant).is_some(), "nobody would give it to them any more");
    cluster.readers_are_gone.set(false);
    cluster.rest();
    assert_eq!(cluster.published.borrow().len(), 1);
}

#[test]
fn a_tick_has_each_asset_carry_out_what_is_due_and_leaves_those_that_do_not_answer_inv_2_4() {
    let cluster = Cluster::new();
    let (ticket, quote) = cluster.world.ticket("door-1", Operation::Access, 1);
    let payment = cluster.world.pay(1, &ticket, &quote);
    let _ = cluster.buy(&payment);
    cluster.world.advance(60_000);
    let merchant = ShardedJournal::read_only(cluster.ports(&ShardKey::Merchant), "main".to_owned());
    let due = |cluster: &Cluster| cluster.world.run(merchant.due(cluster.world.now(), 9)).unwrap().unwrap();
    assert_eq!(due(&cluster), [door(1)]);
    cluster.spoil(|_, _, request| (request == "run_due").then_some(Fault::Lost));
    assert_eq!(cluster.world.run(run_due_streams(&merchant)), Some(Ok(false)));
    assert_eq!(due(&cluster), [door(1)], "its session has not ended");
    cluster.mend();
    assert_eq!(cluster.world.run(run_due_streams(&merchant)), Some(Ok(false)));
    assert_eq!(due(&cluster), []);
    assert_eq!(cluster.number(&asset(1), "SELECT count(*) FROM session WHERE record ->> '$.ended'"), 1);
}

#[test]
fn only_an_assets_journal_is_written() {
    let cluster = Cluster::new();
    let batch = {
        let world = crate::testkit::world::World::new();
        world.bought(1, "door-1", 1);
        let event = serde_json::from_value(world.events("door-1")[0].clone()).unwrap();
        let now = crate::time::Now::at(Timestamp::from_millis(1));
        crate::session::Batch::new(&door(1), &crate::session::StreamState::default(), vec![event], &now)
            .unwrap()
    };
    for key in [payer(1), ShardKey::Merchant] {
        let journal = ShardedJournal::read_only(cluster.ports(&key), "main".to_owned());
        assert!(cluster.world.run(journal.append(&door(1), 0, &batch)).unwrap().is_err());
        let id = PaymentId::of_message(b"any");
        assert!(cluster.world.run(journal.is_claimed_elsewhere(&door(1), &id)).unwrap().is_err());
        assert!(!cluster.has_tables(&key));
    }
    assert_eq!(cluster.count(), 0);
}
