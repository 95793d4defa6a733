//! What a stream tells the other shards, and how the merchant's shard stores it.

use super::{Database, now};
use crate::sharded::{MerchantShard, Outbox, Publication, ShardHandler as _};
use crate::store::{Sql, SqlError, SqlJournal, Value};
use crate::testkit::platform::execute;
use crate::testkit::world::World;

/// The world's database without its crash points.
struct Quiet<'w>(&'w World);

impl Sql for Quiet<'_> {
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        execute(&self.0.database, statement, parameters)
            .map_err(|error| SqlError::from_message(&error.to_string()))
    }
}

#[test]
fn everything_that_happened_is_told_once_it_is_received_no_more_inv_2() {
    let world = World::new();
    let (sold, _) = world.bought(1, "door-1", 1);
    let (sql, journal) = (Quiet(&world), SqlJournal::new(Quiet(&world), "main".to_owned()));
    let outbox = Outbox::new(&sql, &journal);
    now(outbox.prepare()).unwrap();
    let first = now(outbox.next_to_buyers(0)).unwrap().unwrap();
    // It was not received, so the same delivery comes again.
    assert_eq!(now(outbox.next_to_buyers(0)).unwrap().as_ref(), Some(&first));
    assert_eq!(now(outbox.next_to_merchant(0)), Ok(None), "buyers come first");
    assert_eq!(now(outbox.next_to_merchant(first.revision)).unwrap().as_ref(), Some(&first));
    let payment = &sold.payment;
    assert_eq!(first.payers.len(), 1);
    let payer = &first.payers[0];
    assert_eq!((&payer.payer, payer.ended.len(), payer.sessions.len()), (&payment.payer, 1, 1));
    assert_eq!((&payer.ended[0].payment, &payer.ended[0].failed), (&payment.payment, &None));
    let record = serde_json::to_string(&sold.session).unwrap();
    assert_eq!(payer.sessions[0].record, record);
    assert_eq!(first.merchant.sessions, payer.sessions);
    assert_eq!((payer.sessions[0].asset.as_str(), &payer.sessions[0].payer), ("door-1", &payment.payer));
    assert_eq!((first.payments.len(), first.merchant.ended.len()), (1, 1));
    assert_eq!(first.payments[0].stream, payment.stream);
    assert_eq!(first.merchant.head.stream, "main/door-1");
    assert_eq!(first.revision, first.merchant.head.revision);
    now(outbox.delivered(&first)).unwrap();
    assert_eq!((now(outbox.next_to_buyers(0)), now(outbox.is_pending())), (Ok(None), Ok(false)));

    // The update about the session's end carries the session's final record.
    world.advance(61_000);
    world.step();
    let second = now(outbox.next_to_buyers(0)).unwrap().unwrap();
    assert!(
        second.payers[0].ended.is_empty() && second.payers[0].sessions[0].record.contains(r#""ended":true"#)
    );
    assert_eq!(second.merchant.sessions, second.payers[0].sessions);
    // What only buyers have received is left for the merchant's shard, and told to no buyer again.
    now(outbox.told(&second, second.revision)).unwrap();
    assert_eq!((now(outbox.next_to_buyers(0)), now(outbox.is_pending())), (Ok(None), Ok(true)));
    assert_eq!(now(outbox.next_to_merchant(0)).unwrap().as_ref(), Some(&second));
    now(outbox.delivered(&second)).unwrap();
    // A late confirmation of an earlier delivery takes nothing back.
    now(outbox.delivered(&first)).unwrap();
    assert_eq!(now(outbox.next_to_merchant(u64::MAX)), Ok(None));
}

#[test]
fn the_merchants_copy_is_the_latest_that_it_was_told_and_readers_get_what_changed() {
    let world = World::new();
    world.bought(1, "door-1", 1);
    let (sql, journal) = (Quiet(&world), SqlJournal::new(Quiet(&world), "main".to_owned()));
    let outbox = Outbox::new(&sql, &journal);
    now(outbox.prepare()).unwrap();
    let mut update = now(outbox.next_to_buyers(0)).unwrap().unwrap().merchant;
    let database = Database::new();
    let handler = MerchantShard::new(&database);
    now(handler.prepare()).unwrap();
    now(handler.apply(&update)).unwrap();
    assert_eq!(now(handler.unpublished()), Ok(vec![]));

    let listed = |revision: u64, listing: &str| {
        let state = format!(r#"{{"last":1,"listing":{listing}}}"#);
        crate::sharded::Head { revision, state, ..update.head.clone() }
    };
    let (dear, cheap) = (listed(12, r#"{"price":"2"}"#), listed(11, r#"{"price":"1"}"#));
    let publication = |listing: Option<&str>| Publication {
        asset: "main/door-1".to_owned(),
        listing: listing.map(str::to_owned),
    };
    let (gone, again) = (listed(13, "null"), listed(14, r#"{"price":"3"}"#));
    update.head = dear;
    now(handler.apply(&update)).unwrap();
    // An update that arrives late does not count.
    update.head = cheap;
    now(handler.apply(&update)).unwrap();
    assert_eq!(now(handler.unpublished()), Ok(vec![publication(Some(r#"{"price":"2"}"#))]));
    // The listing changes during publication, so it has to be published again.
    update.head = again;
    now(handler.apply(&update)).unwrap();
    now(handler.published(&publication(Some(r#"{"price":"2"}"#)))).unwrap();
    assert_eq!(now(handler.unpublished()), Ok(vec![publication(Some(r#"{"price":"3"}"#))]));
    now(handler.published(&publication(Some(r#"{"price":"3"}"#)))).unwrap();
    assert_eq!(now(handler.unpublished()), Ok(vec![]));
    update.head = crate::sharded::Head { revision: 15, ..gone };
    now(handler.apply(&update)).unwrap();
    assert_eq!(now(handler.unpublished()), Ok(vec![publication(None)]));
    now(handler.published(&publication(None))).unwrap();
    assert_eq!(now(handler.unpublished()), Ok(vec![]));
}
