//! Assets that are created, changed and deleted by API, and sales in between.

use proptest::test_runner::TestCaseError;
use serde_json::Value;

use super::*;
use crate::capacity::Capacity;
use crate::listing::Listing;
use crate::money::Decimal;
use crate::pricing::{Tariff, Unit};

/// Returns a tariff by the second, at `price` hundred-thousandths of a token.
pub(super) fn tariff(price: u8) -> Tariff {
    let price = Decimal::parse(&format!("0.0000{price}")).unwrap();
    Tariff { price, unit: Unit::Second, unit_seconds: 1, min_quantity: 1, max_quantity: 1_000 }
}

/// Returns a listing. At a price of 1, a second costs as much as in `purchase`.
pub(super) fn listing(price: u8) -> Listing {
    Listing {
        name: "Room 7".to_owned(),
        description: String::new(),
        icon_url: None,
        picture: None,
        tags: None,
        tariff: tariff(price),
        capacity: Capacity::EXCLUSIVE,
        refund: Refund::default(),
        enabled: true,
        generation: 0,
    }
}

/// Returns a claim that was checked against the asset as it is now.
pub(super) fn ask_for(state: &StreamState, number: u8, operation: Operation, seconds: u64) -> ClaimRequest {
    let generation = state.listing.as_ref().map_or(0, |listing| listing.generation);
    ClaimRequest { generation, ..ask(number, operation, seconds) }
}

/// Returns a change of the asset by a caller who knows its listing, or does not.
pub(super) fn change(state: &StreamState, knows: bool, change: impl FnOnce(&mut Listing)) -> Command {
    let mut next = state.listing.clone().unwrap_or_else(|| listing(1));
    let mut base = next.clone();
    base.name.push_str(if knows { "" } else { " as it never was" });
    change(&mut next);
    Command::Change { base: Box::new(base), next: Box::new(next) }
}

/// Checks what always holds for an asset's listing after a command that was not refused.
pub(super) fn check(
    before: &StreamState,
    command: &Command,
    after: &StreamState,
) -> Result<(), TestCaseError> {
    let (was, is) = (&before.listing, &after.listing);
    let generation = |listing: &Option<Listing>| listing.as_ref().map_or(0, |listing| listing.generation);
    match command {
        Command::Create(_) => {
            prop_assert!(was.is_none());
            prop_assert_eq!(generation(is), before.generation + 1);
        }
        Command::Change { base, next } => {
            prop_assert_eq!(was.as_ref(), Some(&**base));
            prop_assert_eq!(is.as_ref(), Some(&Listing { generation: generation(was), ..(**next).clone() }));
        }
        Command::Delete => {
            prop_assert!(was.is_some() && is.is_none());
            // No session runs, and no money is on its way (invariant 2).
            prop_assert!(after.session.is_none() && after.claims.is_empty());
        }
        Command::Claim(ask) => {
            prop_assert_eq!(ask.generation, generation(is));
            prop_assert!(is.as_ref().is_none_or(|listing| listing.enabled));
        }
        _ => prop_assert_eq!(was, is),
    }
    prop_assert!(is.is_none() || generation(is) == after.generation);
    prop_assert!(after.generation >= before.generation);
    Ok(())
}

fn after(state: StreamState, command: Command, ms: u64) -> StreamState {
    decide(&state, command, &at(ms)).unwrap().iter().fold(state, evolve)
}

fn created() -> StreamState {
    after(StreamState::default(), Command::Create(Box::new(listing(1))), 0)
}

fn claim_of(generation: u64, ticket: bool) -> Command {
    let mut ask = ClaimRequest { generation, ..ask(1, Operation::Access, 60) };
    ask.claim.ticket = ask.claim.ticket.filter(|_| ticket);
    Command::Claim(Box::new(ask))
}

#[test]
fn an_asset_is_made_once_and_each_of_an_id_is_another() {
    let first = created();
    assert_eq!(first.listing.as_ref().unwrap().generation, 1);
    let again = Command::Create(Box::new(listing(2)));
    assert_eq!(decide(&first, again.clone(), &at(1)), Err(Reject::Exists));
    let second = after(after(first, Command::Delete, 2), again, 3);
    assert_eq!((second.generation, second.listing.unwrap().generation), (2, 2));
}

#[test]
fn a_change_is_made_from_what_the_asset_is_and_from_nothing_else() {
    let state = created();
    let cheaper = change(&state, true, |listing| listing.tariff = tariff(2));
    let named = change(&state, true, |listing| listing.name = "Room 8".to_owned());
    let changed = after(state.clone(), cheaper, 1);
    // A caller who has seen the asset as it was before reverts nothing.
    assert_eq!(decide(&changed, named.clone(), &at(2)), Err(Reject::Outdated));
    assert_eq!(after(state.clone(), named, 2).listing.unwrap().name, "Room 8");
    // A change that changes nothing writes nothing.
    assert_eq!(decide(&state, change(&state, true, |_| {}), &at(1)), Ok(Vec::new()));
    let gone = after(state.clone(), Command::Delete, 1);
    assert_eq!(decide(&gone, change(&state, true, |_| {}), &at(2)), Err(Reject::Gone));
    // The generation can't be changed.
    let other = change(&state, true, |listing| listing.generation = 9);
    assert_eq!(after(state, other, 1).listing.unwrap().generation, 1);
}

#[test]
fn an_asset_that_somebody_has_alone_is_not_shared_meanwhile_inv_1() {
    let shared = |state: &StreamState| change(state, true, |listing| listing.capacity = Capacity::Unlimited);
    let running = after(
        after(created(), claim_of(1, true), 0),
        Command::Landed {
            payment: PaymentId::of_message(&[1]),
            landing: Landing::SvmExact { slot: 1 },
            is_awaited: false,
        },
        2,
    );
    assert_eq!(decide(&running, shared(&running), &at(3)), Err(Reject::InUse { until: at(60_002).wall }));
    let free = created();
    let open = after(free.clone(), shared(&free), 3);
    assert_eq!(open.listing.as_ref().unwrap().capacity, Capacity::Unlimited);
    // Nor is it sold to somebody alone whose quote is from before.
    let claim = Command::Claim(Box::new(ask_for(&open, 1, Operation::Access, 60)));
    assert_eq!(decide(&open, claim, &at(4)), Err(Reject::Gone));
}

#[test]
fn nothing_is_deleted_or_made_under_a_payment_or_a_session_inv_2() {
    let in_use = |ms| Err(Reject::InUse { until: at(ms).wall });
    let create = Command::Create(Box::new(listing(1)));
    let claimed = after(created(), claim_of(1, true), 0);
    assert_eq!(decide(&claimed, Command::Delete, &at(1)), in_use(10_001));
    let payment = PaymentId::of_message(&[1]);
    let running = after(
        claimed,
        Command::Landed { payment, landing: Landing::SvmExact { slot: 1 }, is_awaited: false },
        2,
    );
    assert_eq!(decide(&running, Command::Delete, &at(3)), in_use(60_002));
    // A session is over when its time is over, even if nothing has ended it yet.
    let gone = after(running.clone(), Command::Delete, 60_002);
    assert_eq!((gone.session, gone.listing), (None, None));
    // An asset can't be created under an id while a session runs that the configuration sold under it.
    let configured = StreamState { listing: None, generation: 0, ..running };
    assert_eq!(decide(&configured, create.clone(), &at(3)), in_use(60_002));
    assert_eq!(after(configured, create, 60_002).generation, 1);
    assert_eq!(decide(&StreamState::default(), Command::Delete, &at(0)), Err(Reject::Gone));
}

#[test]
fn a_claim_is_held_against_the_asset_as_it_is_inv_1_6() {
    let made = created();
    let dearer = after(made.clone(), change(&made, true, |listing| listing.tariff = tariff(2)), 1);
    let disabled = after(made.clone(), change(&made, true, |listing| listing.enabled = false), 1);
    let deleted = after(made.clone(), Command::Delete, 1);
    let again = after(deleted.clone(), Command::Create(Box::new(listing(1))), 2);
    for (state, generation, ticket, expected) in [
        (&made, 1, true, None),
        (&made, 1, false, None),
        // A quote keeps its price. A payment without one pays what is asked now.
        (&dearer, 1, true, None),
        (&dearer, 1, false, Some(Reject::PriceChanged)),
        (&disabled, 1, true, Some(Reject::Disabled)),
        (&disabled, 1, false, Some(Reject::Disabled)),
        (&deleted, 1, true, Some(Reject::Gone)),
        (&again, 1, true, Some(Reject::Gone)),
        (&again, 1, false, Some(Reject::Gone)),
        (&again, 2, true, None),
        // An asset of the configuration is sold, whatever was created by API under its id.
        (&disabled, 0, true, None),
    ] {
        let decided = decide(state, claim_of(generation, ticket), &at(3));
        assert_eq!(decided.err(), expected, "{generation} {ticket} {:?}", state.listing);
    }
}

#[test]
fn a_price_that_changed_and_came_back_is_no_change_and_other_bounds_are_inv_6() {
    let made = created();
    let few = |listing: &mut Listing| listing.tariff.max_quantity = 59;
    let fewer = after(made.clone(), change(&made, true, few), 1);
    assert_eq!(decide(&fewer, claim_of(1, false), &at(2)), Err(Reject::PriceChanged));
    let back = after(fewer.clone(), change(&fewer, true, |listing| listing.tariff = tariff(1)), 2);
    assert!(decide(&back, claim_of(1, false), &at(3)).is_ok());
    // Another length for the same money is another offer.
    let slower = |listing: &mut Listing| listing.tariff.unit_seconds = 2;
    let other = after(made.clone(), change(&made, true, slower), 1);
    assert_eq!(decide(&other, claim_of(1, false), &at(2)), Err(Reject::PriceChanged));
}

#[test]
fn events_of_assets_that_were_once_written_stay_readable_inv_7() {
    // This is the text that journals contain. Never change it.
    let written = [
        r#"{"type":"asset_created","listing":{"name":"Room 7","description":"","price":"0.01","unit":"minute","min_quantity":1,"max_quantity":527040,"enabled":true,"generation":1},"at":1800000000000}"#,
        r#"{"type":"asset_changed","listing":{"name":"Room 7","description":"With a view","price":"2.5","unit":"session","session_seconds":5400,"min_quantity":1,"max_quantity":1,"enabled":false,"generation":1},"at":1800000001000}"#,
        r#"{"type":"asset_deleted","at":1800000002000}"#,
    ];
    let mut states = vec![StreamState::default()];
    for text in written {
        let event: Event = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), text);
        states.push(evolve(states.last().unwrap().clone(), &event));
    }
    let listing = states[2].listing.as_ref().unwrap();
    assert_eq!((listing.tariff.unit_seconds, listing.enabled), (5_400, false));
    assert_eq!((&states[3].listing, states[3].generation), (&None, 1));
    // Members that a later version adds are ignored.
    let later = written[0].replace(r#""unit":"#, r#""colour":{"walls":"red"},"unit":"#);
    let event: Event = serde_json::from_str(&later).unwrap();
    assert_eq!(serde_json::to_string(&event).unwrap(), written[0]);
    // An asset of the configuration is written as it always was.
    let text =
        r#"{"last":0,"session":null,"claims":[],"fulfilment":{"sequence":0,"desired":null,"reported":null}}"#;
    assert_eq!(serde_json::to_string(&StreamState::default()).unwrap(), text);
    for state in states {
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<StreamState>(&text).unwrap(), state);
    }
}

#[test]
fn the_fields_of_a_listing_say_the_same_of_it_again() {
    let id = crate::ids::AssetId::parse("room-7").unwrap();
    let read = |fields: Value| {
        crate::config::Config::read_asset(&crate::testkit::world::World::new().deployment.config, &fields)
            .unwrap()
    };
    for fields in [
        json!({"id": "room-7", "price": "0.01", "unit": "minute"}),
        json!({"id": "room-7", "price": "12", "unit": "session", "session_seconds": 90}),
        json!({"id": "room-7", "price": "0.5", "unit": "day", "min_quantity": 2, "max_quantity": 3, "name": "Room", "description": "Seven", "enabled": false}),
        json!({"id": "room-7", "price": "1", "unit": "session", "session_seconds": 1, "min_quantity": 2}),
    ] {
        let asset = read(fields.clone());
        let listing = Listing::from(asset.clone());
        assert_eq!(Value::Object(listing.fields(&id)), fields);
        assert_eq!(listing.asset(&id), asset);
    }
}
