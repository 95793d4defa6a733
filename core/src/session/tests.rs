mod assets;
mod owed;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::ids::{PaymentId, SessionId, StreamId};
use crate::money::{Amount, Money};
use crate::quote::{Operation, Ticket};
use crate::svm::Address;
use crate::time::{Now, Timestamp};

pub(super) const START: u64 = 1_800_000_000_000;

pub(super) fn at(ms: u64) -> Now {
    Now::at(Timestamp::from_millis(START + ms))
}

pub(super) fn purchase(seconds: u64) -> Purchase {
    let network = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1".to_owned();
    let token = Address::new([1; 32]).into();
    let price = Money { network, token, amount: Amount::new(seconds * 10), decimals: 6 };
    Purchase { quantity: seconds, allowance: Allowance::Time { seconds }, price }
}

pub(super) fn claim(number: u8, operation: Operation, seconds: u64) -> Claim {
    let session = match &operation {
        Operation::Access => SessionId::from_bytes([number; 16]),
        Operation::Extend { session } => session.clone(),
    };
    Claim {
        payment: PaymentId::of_message(&[number]),
        operation,
        session,
        purchase: purchase(seconds),
        ticket: Some(Ticket::from_text(format!("{number}")).id()),
        payer: Address::new([number; 32]).into(),
        rail: Rail::SvmExact(SvmExact {
            source: Address::new([number; 32]),
            transaction: "AQ==".to_owned(),
            signature: format!("sig{number}"),
            height: 100,
            fee_payer: Address::new([255; 32]),
            fee_lamports: 10_001,
            guarded: Guarded::default(),
        }),
        fulfilment: Fulfilment::Lock,
        seats: None,
        refund: Refund::default(),
        at: Timestamp::default(),
    }
}

/// Returns a claim by a payer whose payments never failed.
pub(super) fn ask(number: u8, operation: Operation, seconds: u64) -> ClaimRequest {
    let claim = claim(number, operation, seconds);
    ClaimRequest { claim, waits_until: None, generation: 0 }
}

/// What is asked of an asset, in a form that can be generated at random.
#[derive(Clone, Debug)]
enum Random {
    Access(u64),
    Extend(u64),
    Land(usize),
    Fail(usize),
    Pass(u64),
    ReportedState(LockState),
    Create,
    /// Whether the caller knows the listing as it is, and the new price.
    Change(bool, u8),
    Enable(bool),
    Delete,
}

fn asks() -> impl Strategy<Value = Vec<Random>> {
    let lock = prop_oneof![Just(LockState::Locked), Just(LockState::Unlocked), Just(LockState::Unknown)];
    let ask = prop_oneof![
        (1u64..100).prop_map(Random::Access),
        (1u64..100).prop_map(Random::Extend),
        (0usize..3).prop_map(Random::Land),
        (0usize..3).prop_map(Random::Fail),
        (1u64..60_000).prop_map(Random::Pass),
        lock.prop_map(Random::ReportedState),
        Just(Random::Create),
        (any::<bool>(), 1u8..9).prop_map(|(knows, price)| Random::Change(knows, price)),
        any::<bool>().prop_map(Random::Enable),
        Just(Random::Delete),
    ];
    proptest::collection::vec(ask, 1..60)
}

/// The asset as a person would describe it: until when it is occupied, and what was paid for.
#[derive(Default)]
struct Model {
    ends_at: Option<u64>,
    landed_seconds: u64,
    granted_ms: u64,
}

proptest! {
    #[test]
    fn whatever_happens_paid_time_is_granted_once_and_nothing_is_open_unpaid_inv_1_2_4(asks in asks()) {
        let mut state = StreamState::default();
        let mut model = Model::default();
        let (mut ms, mut number) = (0, 0u8);
        for random in asks {
            let before = state.clone();
            let nth = |n: usize| before.claims.get(n % before.claims.len().max(1)).cloned();
            let command = match random {
                Random::Pass(more) => { ms += more; Command::EndDue }
                Random::Access(seconds) => { number += 1; Command::Claim(Box::new(assets::ask_for(&before, number, Operation::Access, seconds))) }
                Random::Extend(seconds) => {
                    let Some(session) = before.session.as_ref().map(|s| s.id.clone()) else { continue };
                    number += 1;
                    Command::Claim(Box::new(assets::ask_for(&before, number, Operation::Extend { session }, seconds)))
                }
                Random::Land(n) => { let Some(c) = nth(n) else { continue }; Command::Landed { payment: c.payment, landing: Landing::SvmExact { slot: 1 }, is_awaited: false } }
                Random::Fail(n) => { let Some(c) = nth(n) else { continue }; Command::Failed { payment: c.payment, reason: "x" } }
                Random::ReportedState(lock) => Command::Reported(ReportedState::of_lock(before.fulfilment.sequence, lock, at(ms).wall)),
                Random::Create => Command::Create(Box::new(assets::listing(1))),
                Random::Change(knows, price) => assets::change(&before, knows, |listing| listing.tariff = assets::tariff(price)),
                Random::Enable(enabled) => assets::change(&before, true, |listing| listing.enabled = enabled),
                Random::Delete => Command::Delete,
            };
            let landed = match &command {
                Command::Landed { payment, .. } => before.claim(payment).cloned(),
                _ => None,
            };
            let Ok(events) = decide(&before, command.clone(), &at(ms)) else { continue };
            state = events.iter().fold(before.clone(), evolve);
            assets::check(&before, &command, &state)?;

            // What landed too late to be of use is owed in full, in the same append.
            let is_over = model.ends_at.is_none_or(|end| end <= ms);
            let is_late = |landed: &Claim| is_over && at(ms).wall.millis_since(landed.at) > 120_000;
            if let Some(late) = landed.clone().filter(is_late) {
                let owed = events.iter().find_map(|event| match event { Event::MoneyOwed(owed) => Some(owed), _ => None });
                let owed = owed.unwrap();
                prop_assert_eq!((&owed.payment, &owed.money), (&Some(late.payment), &late.purchase.price));
                prop_assert!(state.session.is_none());
                model.ends_at = None;
            // Anything else is granted in full. The time begins now, or at the end of the running session.
            } else if let Some(landed) = landed {
                let running = model.ends_at.filter(|&end| matches!(landed.operation, Operation::Extend { .. }) || end > ms);
                let from = running.map_or(ms, |end| end.max(ms));
                let until = from + landed.purchase.allowance.seconds().unwrap() * 1000;
                model.ends_at = Some(until);
                model.landed_seconds += landed.purchase.allowance.seconds().unwrap();
                model.granted_ms += until - from;
                let session = state.session.as_ref().unwrap();
                prop_assert_eq!(&session.id, &landed.session);
                prop_assert_eq!(session.ends_at(), Some(at(until).wall));
            }
            prop_assert_eq!(model.granted_ms, model.landed_seconds * 1000);

            // It is open only while paid time runs, and never longer.
            let open = desired_state(&state, &at(ms)).unlocked_until();
            prop_assert_eq!(open, model.ends_at.filter(|&end| end > ms).map(|end| at(end).wall));

            // At most one payment for access is in flight, and none while a session runs.
            let extensions = state.claims.len() - state.claims.iter().filter(|c| c.operation == Operation::Access).count();
            prop_assert!(extensions <= 1);
            let access = state.claims.iter().filter(|c| c.operation == Operation::Access).count();
            prop_assert!(access <= usize::from(state.session.is_none()));
            // Money on its way to a session always finds it.
            for claim in &state.claims {
                if let Operation::Extend { session } = &claim.operation {
                    prop_assert_eq!(Some(session), state.session.as_ref().map(|s| &s.id));
                }
            }
            // Nothing that has to be done is forgotten.
            let pending = pending(&state, &at(ms));
            prop_assert!(!pending.end_due, "what was due to end has just ended");
            prop_assert_eq!(pending.unsettled.is_some(), !state.claims.is_empty());
            prop_assert_eq!(pending.due.is_some(), open.is_some());
            prop_assert_eq!(pending.unmet.is_none(), state.fulfilment.reported.as_ref().is_some_and(|r| {
                r.sequence == state.fulfilment.sequence && r.lock().fulfils(open.is_some())
            }));
        }
    }

    #[test]
    fn every_batch_is_read_back_as_it_was_written_inv_7(seconds in 1u64..1000, ms in 0u64..1_000_000) {
        let asset = StreamId::parse("door-1").unwrap();
        let mut state = StreamState::default();
        for command in [
            Command::Claim(Box::new(ask(1, Operation::Access, seconds))),
            Command::Landed { payment: PaymentId::of_message(&[1]), landing: Landing::SvmExact { slot: 7 }, is_awaited: false },
        ] {
            let events = decide(&state, command, &at(ms)).unwrap();
            let batch = Batch::new(&asset, &state, events, &at(ms)).unwrap();
            let text = serde_json::to_string(&batch).unwrap();
            let read: Batch = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&read, &batch);
            prop_assert_eq!(serde_json::to_string(&read).unwrap(), text);
            state = batch.state;
        }
    }
}

#[test]
fn events_that_were_once_written_stay_readable_inv_7() {
    // This is version 2 of the encoding, as journals contain it. Never change this text.
    let written = [
        r#"{"type":"payment_claimed","payment":"4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a","operation":"access","session":"s_01010101010101010101010101010101","purchase":{"quantity":60,"allowance":{"time":{"seconds":60}},"price":{"network":"solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1","token":"4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi","amount":"600","decimals":6}},"ticket":"q1","payer":"4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi","rail":{"svm_exact":{"source":"4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi","transaction":"AQ==","signature":"sig1","height":100,"fee_payer":"4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi","fee_lamports":10001}},"fulfilment":"lock","at":1800000000000}"#,
        r#"{"type":"payment_landed","payment":"4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a","payer":"4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi","landing":{"svm_exact":{"slot":7}},"at":1800000001000}"#,
        r#"{"type":"session_started","id":"s_01010101010101010101010101010101","payer":"4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi","starts_at":1800000001000,"entitlement":{"time":{"ends_at":1800000061000,"deadline":{"boot":"b","ms":61000}}},"purchase":{"quantity":60,"allowance":{"time":{"seconds":60}},"price":{"network":"solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1","token":"4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi","amount":"600","decimals":6}},"transaction":"sig1","fulfilment":"lock","grant":1}"#,
        r#"{"type":"fulfilment_ordered","sequence":1,"desired":{"lock":{"unlocked_until":1800000061000}},"at":1800000001000}"#,
        r#"{"type":"fulfilment_reported","sequence":1,"observed":{"lock":"unlocked"},"at":1800000001050}"#,
        r#"{"type":"session_extended","session":"s_01010101010101010101010101010101","entitlement":{"time":{"ends_at":1800000121000,"deadline":null}},"purchase":{"quantity":120,"allowance":{"time":{"seconds":120}},"price":{"network":"solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1","token":"4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi","amount":"1200","decimals":6}},"grant":2,"at":1800000030000}"#,
        r#"{"type":"session_ended","session":"s_01010101010101010101010101010101","at":1800000121000}"#,
        r#"{"type":"payment_failed","payment":"4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a","payer":"4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi","reason":"transaction_expired","at":1800000200000}"#,
    ];
    let mut state = StreamState::default();
    for text in written {
        let event: Event = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), text);
        state = evolve(state, &event);
    }
    assert_eq!(state.session, None);
    assert_eq!(state.fulfilment.ordered().open_until(), Some(Timestamp::from_millis(1_800_000_061_000)));
    assert_eq!(state.last, Timestamp::from_millis(1_800_000_200_000));
}

#[test]
fn a_session_is_over_by_the_monotonic_clock_of_the_boot_that_saw_it_begin_inv_2_4() {
    use crate::time::Monotonic;
    let now = |wall: u64, boot: &str, ms: u64| Now {
        wall: Timestamp::from_millis(START + wall),
        mono: Some(Monotonic { boot: boot.to_owned(), ms }),
    };
    let mut state = StreamState::default();
    for command in [
        Command::Claim(Box::new(ask(1, Operation::Access, 60))),
        Command::Landed {
            payment: PaymentId::of_message(&[1]),
            landing: Landing::SvmExact { slot: 7 },
            is_awaited: false,
        },
    ] {
        let events = decide(&state, command, &now(0, "a", 5_000)).unwrap();
        state = events.iter().fold(state, evolve);
    }
    let session = state.session.unwrap();
    assert!(!session.is_over(&now(59_999, "a", 64_999)));
    assert!(session.is_over(&now(10, "a", 65_000)), "however far the wall clock is behind");
    assert!(!session.is_over(&now(3_600_000, "a", 63_999)), "however far the wall clock is ahead");
    assert!(session.is_over(&now(60_000, "a", 64_001)), "clocks that agree: by the earlier one");
    assert!(!session.is_over(&now(10, "b", 65_000)), "another boot's clock says nothing");
    assert!(session.is_over(&now(60_000, "b", 10)), "then by the wall clock");
}

#[test]
fn reports_that_are_late_or_about_nothing_are_not_believed_inv_4() {
    let state = StreamState {
        fulfilment: FulfilmentState {
            sequence: 3,
            desired: Some(Desired::Lock { unlocked_until: None }),
            reported: Some(ReportedState::of_lock(2, LockState::Unlocked, at(0).wall)),
            broken_since: None,
        },
        ..StreamState::default()
    };
    let report =
        |sequence, state| Command::Reported(ReportedState::of_lock(sequence, state, at(5_000_000).wall));
    for (sequence, lock, taken) in [
        (1, LockState::Locked, false),
        (2, LockState::Unlocked, false),
        (4, LockState::Locked, false),
        (3, LockState::Locked, true),
    ] {
        let events = decide(&state, report(sequence, lock), &at(1_000)).unwrap();
        assert_eq!(!events.is_empty(), taken, "{sequence}");
        // A host whose clock is ahead does not move the stream's clock forward.
        assert!(events.iter().all(|event| event.at() <= at(1_000).wall));
    }
}

#[test]
fn a_reject_changes_nothing_and_says_when_to_come_back() {
    let mut state = StreamState::default();
    for command in [
        Command::Claim(Box::new(ask(1, Operation::Access, 60))),
        Command::Landed {
            payment: PaymentId::of_message(&[1]),
            landing: Landing::SvmExact { slot: 7 },
            is_awaited: false,
        },
    ] {
        state = decide(&state, command, &at(0)).unwrap().iter().fold(state, evolve);
    }
    let busy = decide(&state, Command::Claim(Box::new(ask(2, Operation::Access, 1))), &at(10_000));
    assert_eq!(busy, Err(Reject::Busy { until: at(60_000).wall }));
    let other = Operation::Extend { session: SessionId::from_bytes([9; 16]) };
    assert_eq!(decide(&state, Command::Claim(Box::new(ask(2, other, 1))), &at(0)), Err(Reject::SessionOver));
    let own = Operation::Extend { session: SessionId::from_bytes([1; 16]) };
    let long = Command::Claim(Box::new(ask(2, own, MAX_SECONDS)));
    assert_eq!(decide(&state, long, &at(0)), Err(Reject::TooLong));
    assert_eq!(json!(LockState::Unknown), json!("unknown"));
}

#[test]
fn a_payer_who_has_to_wait_may_claim_again_at_that_moment_and_not_before() {
    let claim_at = |now: u64| {
        let ask = ClaimRequest { waits_until: Some(at(150_000).wall), ..ask(1, Operation::Access, 1) };
        decide(&StreamState::default(), Command::Claim(Box::new(ask)), &at(now)).err()
    };
    assert_eq!(claim_at(149_999), Some(Reject::BackOff { until: at(150_000).wall }));
    assert_eq!(claim_at(150_000), None);
}
