//! What is owed when a session is not delivered, or not to its end.

use super::*;
use crate::session::owed::{Owed, OwedReason};
use crate::session::pending::pending;

/// An asset with a lock, its clock, and what happened.
struct Door {
    state: StreamState,
    ms: u64,
    events: Vec<Event>,
}

impl Door {
    /// Returns a door that is sold for this many seconds, at 10 units each. It was ordered to unlock with number 1.
    fn sold(seconds: u64) -> Self {
        let mut door = Self { state: StreamState::default(), ms: 0, events: Vec::new() };
        door.claim(1, Operation::Access, seconds).unwrap();
        door.land(1, false);
        door
    }

    fn command(&mut self, command: Command) -> Result<(), Reject> {
        let events = decide(&self.state, command, &at(self.ms))?;
        self.state = events.iter().fold(self.state.clone(), evolve);
        self.events.extend(events);
        self.check();
        Ok(())
    }

    /// Checks that nothing is held of a session that is over, and that no more is owed of it than was paid (invariant 5).
    fn check(&self) {
        let books = ledger::entries(&StreamState::default(), &self.events);
        let mut balances: std::collections::BTreeMap<ledger::Book, i128> = std::collections::BTreeMap::new();
        for entry in books.iter().filter(|entry| entry.money.decimals == 6) {
            let amount = i128::from(entry.money.amount.atomic());
            *balances.entry(entry.from).or_default() -= amount;
            *balances.entry(entry.to).or_default() += amount;
        }
        for (book, balance) in &balances {
            assert!(*balance >= 0 || *book == ledger::Book::Paid, "{balances:?}");
        }
        let unclear: u64 = self
            .owed()
            .iter()
            .filter(|owed| owed.reason.is_unclear())
            .map(|owed| owed.money.amount.atomic())
            .sum();
        if self.state.session.is_none() {
            assert_eq!(
                balances.get(&ledger::Book::Held).copied().unwrap_or(0),
                i128::from(unclear),
                "{balances:?}"
            );
        }
    }

    fn claim(&mut self, number: u8, operation: Operation, seconds: u64) -> Result<(), Reject> {
        self.claim_for(number, operation, seconds, 1)
    }

    /// Claims a payment with this network fee, in lamports.
    fn claim_for(&mut self, number: u8, operation: Operation, seconds: u64, fee: u64) -> Result<(), Reject> {
        let mut ask = ask(number, operation, seconds);
        if let Rail::SvmExact(payment) = &mut ask.claim.rail {
            payment.fee_lamports = fee;
        }
        self.command(Command::Claim(Box::new(ask)))
    }

    fn land(&mut self, number: u8, is_awaited: bool) {
        let payment = PaymentId::of_message(&[number]);
        self.command(Command::Landed { payment, landing: Landing::SvmExact { slot: 1 }, is_awaited })
            .unwrap();
    }

    fn pass(&mut self, ms: u64) {
        self.ms += ms;
        self.command(Command::EndDue).unwrap();
    }

    /// The device reports on its present order.
    fn reports(&mut self, lock: LockState, failed: bool) {
        let sequence = self.state.fulfilment.sequence;
        let report = ReportedState::of_lock(sequence, lock, at(self.ms).wall).with_failed(failed);
        self.command(Command::Reported(report)).unwrap();
    }

    fn stop(&mut self) -> Result<(), Reject> {
        let session = self.state.session.as_ref().map(|session| session.id.clone());
        self.command(Command::Stop { session: session.ok_or(Reject::SessionOver)? })
    }

    fn extension(&self) -> Operation {
        Operation::Extend { session: self.state.session.as_ref().unwrap().id.clone() }
    }

    fn owed(&self) -> Vec<&Owed> {
        let owed = self.events.iter().filter_map(|event| match event {
            Event::MoneyOwed(owed) => Some(owed),
            _ => None,
        });
        owed.collect()
    }

    /// Returns what became owed: why, and how much.
    fn sums(&self) -> Vec<(OwedReason, u64)> {
        self.owed().iter().map(|owed| (owed.reason, owed.money.amount.atomic())).collect()
    }

    fn is_over(&self) -> bool {
        self.state.session.is_none()
    }

    /// Returns whether a buyer could have the door now.
    fn is_offered(&self) -> Result<(), Reject> {
        let next = Command::Claim(Box::new(ask(9, Operation::Access, 1)));
        decide(&self.state, next, &at(self.ms)).map(drop)
    }
}

#[test]
fn a_device_that_says_that_it_cannot_unlock_is_given_up_after_30_s_and_all_is_owed_inv_2_4() {
    let mut door = Door::sold(600);
    door.pass(200);
    door.reports(LockState::Locked, true);
    assert_eq!(pending(&door.state, &at(door.ms)).due, Some(at(30_000).wall));
    door.pass(29_799);
    assert!(!door.is_over(), "it is tried again");
    door.pass(1);
    assert!(door.is_over());
    assert_eq!(door.sums(), [(OwedReason::DeviceFailed, 6_000)]);
    assert_eq!(desired_state(&door.state, &at(door.ms)).unlocked_until(), None);
    // A short session is given up at its end.
    let mut door = Door::sold(5);
    door.reports(LockState::Unknown, true);
    door.pass(5_000);
    assert_eq!((door.is_over(), door.sums()), (true, vec![(OwedReason::DeviceFailed, 50)]));
}

#[test]
fn a_broken_device_is_sold_to_nobody_until_it_was_unlocked_or_its_host_began_anew_inv_2() {
    let mut door = Door::sold(5);
    door.reports(LockState::Locked, true);
    door.pass(5_000);
    let unreachable = |door: &Door| matches!(door.is_offered(), Err(Reject::Unreachable { .. }));
    assert!(unreachable(&door));
    // That it locks does not show that it unlocks.
    door.reports(LockState::Locked, false);
    door.pass(86_400_000);
    assert!(unreachable(&door));
    let back = |found| Command::Returned { found, away_since: at(0).wall };
    let mut other = Door { state: door.state.clone(), ms: door.ms, events: Vec::new() };
    other.command(back(LockState::Unknown)).unwrap();
    assert_eq!(other.is_offered(), Ok(()));
    door.reports(LockState::Unlocked, false);
    assert_eq!(door.is_offered(), Ok(()));
}

#[test]
fn a_device_that_does_not_answer_is_not_offered_until_it_answers_again_inv_2() {
    let mut door = Door::sold(5);
    door.reports(LockState::Unlocked, false);
    door.pass(5_000);
    door.reports(LockState::Unknown, false);
    assert!(matches!(door.is_offered(), Err(Reject::Unreachable { .. })));
    door.reports(LockState::Locked, false);
    assert_eq!((door.is_offered(), door.sums()), (Ok(()), vec![]));
}

#[test]
fn where_a_device_may_have_been_open_the_owner_decides_inv_3() {
    // An answer that was lost, although it is locked later; no answer at all.
    for answer in [Some(LockState::Unknown), None] {
        let mut door = Door::sold(5);
        if let Some(lock) = answer {
            door.reports(lock, false);
            door.reports(LockState::Locked, true);
        }
        door.pass(40_000);
        assert_eq!((door.is_over(), door.sums()), (true, vec![(OwedReason::DeviceUnclear, 50)]));
    }
}

#[test]
fn a_door_that_was_open_once_owes_nothing_at_its_end_inv_5() {
    let mut door = Door::sold(60);
    door.reports(LockState::Unlocked, false);
    door.pass(100);
    door.reports(LockState::Unknown, false);
    door.pass(59_900);
    door.reports(LockState::Locked, false);
    assert_eq!((door.is_over(), door.sums()), (true, vec![]));
}

#[test]
fn a_stop_counts_from_the_devices_report_that_it_is_locked_inv_2_4() {
    let mut door = Door::sold(60);
    door.reports(LockState::Unlocked, false);
    door.pass(20_000);
    door.stop().unwrap();
    assert_eq!(desired_state(&door.state, &at(door.ms)).unlocked_until(), None, "it is to be locked at once");
    let before = door.events.len();
    door.stop().unwrap();
    assert_eq!(door.events.len(), before, "a second order to stop changes nothing");
    assert!(matches!(door.claim(2, door.extension(), 1), Err(Reject::SessionOver)));
    door.pass(3_000);
    assert!(!door.is_over());
    door.reports(LockState::Locked, false);
    // 37 of 60 s are left.
    assert_eq!((door.is_over(), door.sums()), (true, vec![(OwedReason::Stopped, 370)]));
    assert_eq!(door.is_offered(), Ok(()));
}

#[test]
fn who_cuts_the_wire_and_stops_gets_nothing_back_inv_2() {
    for report in [None, Some(LockState::Unknown)] {
        let mut door = Door::sold(60);
        door.reports(LockState::Unlocked, false);
        door.pass(1_000);
        door.stop().unwrap();
        if let Some(lock) = report {
            door.reports(lock, false);
        }
        door.pass(58_999);
        assert!(!door.is_over(), "the door may be open, so time runs on");
        door.pass(1);
        assert_eq!((door.is_over(), door.sums()), (true, vec![]));
    }
    // An older report that it was locked says nothing about this order.
    let mut door = Door::sold(60);
    door.reports(LockState::Unlocked, false);
    door.stop().unwrap();
    let old = ReportedState::of_lock(1, LockState::Locked, at(0).wall);
    door.command(Command::Reported(old)).unwrap();
    assert!(!door.is_over());
}

#[test]
fn a_device_that_answers_but_does_not_lock_counts_for_a_minute_and_no_longer_inv_2() {
    let mut door = Door::sold(600);
    door.reports(LockState::Unlocked, false);
    door.pass(100_000);
    door.stop().unwrap();
    door.pass(500);
    door.reports(LockState::Unlocked, false);
    assert_eq!(pending(&door.state, &at(door.ms)).due, Some(at(160_000).wall));
    door.pass(59_499);
    assert!(!door.is_over());
    door.pass(1);
    assert_eq!((door.is_over(), door.sums()), (true, vec![(OwedReason::Stopped, 4_400)]));
    assert_eq!(desired_state(&door.state, &at(door.ms)).unlocked_until(), None, "it is still to be locked");
}

#[test]
fn who_stops_leaves_at_least_twice_what_the_network_fees_may_have_cost_inv_5() {
    // 10,000 lamports are worth 0.002 USDC, or 2,000 units.
    for (seconds, extended, least) in [(600, None, 4_000), (600, Some(300), 8_000), (60, None, 600)] {
        let mut door = Door { state: StreamState::default(), ms: 0, events: Vec::new() };
        door.claim_for(1, Operation::Access, seconds, 10_000).unwrap();
        door.land(1, false);
        door.reports(LockState::Unlocked, false);
        if let Some(seconds) = extended {
            door.claim_for(2, door.extension(), seconds, 10_000).unwrap();
            door.land(2, false);
        }
        door.stop().unwrap();
        door.reports(LockState::Locked, false);
        let paid = 10 * (seconds + extended.unwrap_or(0));
        let owed: u64 = door.sums().iter().map(|(_, sum)| sum).sum();
        assert_eq!((door.is_over(), paid - owed), (true, least));
    }
    // What the owner fails to deliver is given back whole.
    let mut door = Door { state: StreamState::default(), ms: 0, events: Vec::new() };
    door.claim_for(1, Operation::Access, 600, 10_000).unwrap();
    door.land(1, false);
    door.reports(LockState::Locked, true);
    door.pass(30_000);
    assert_eq!(door.sums(), [(OwedReason::DeviceFailed, 6_000)]);
}

#[test]
fn who_stops_at_a_door_that_says_that_it_failed_gets_all_back_at_once_inv_2() {
    let mut door = Door::sold(60);
    door.reports(LockState::Locked, true);
    door.pass(1_000);
    door.stop().unwrap();
    assert_eq!((door.is_over(), door.sums()), (true, vec![(OwedReason::DeviceFailed, 600)]));
    // It might still have unlocked, so one who stops at once closes no shop.
    door.reports(LockState::Locked, false);
    assert_eq!(door.is_offered(), Ok(()));
}

#[test]
fn what_is_earned_of_a_stopped_session_is_rounded_up_as_a_price_is_inv_6() {
    let mut door = Door::sold(3);
    door.reports(LockState::Unlocked, false);
    door.pass(1_001);
    door.stop().unwrap();
    door.reports(LockState::Locked, false);
    // 1.001 of 3 s cost 10.01 of 30 units.
    assert_eq!(door.sums(), [(OwedReason::Stopped, 19)]);
}

#[test]
fn a_payment_that_is_known_too_late_is_owed_in_full_unless_its_buyer_asks_for_it_inv_2() {
    for (late, is_awaited, is_owed) in
        [(120_000, false, false), (120_001, false, true), (120_001, true, false), (999_999, true, false)]
    {
        let mut door = Door { state: StreamState::default(), ms: 0, events: Vec::new() };
        door.claim(1, Operation::Access, 60).unwrap();
        door.ms = late;
        door.land(1, is_awaited);
        assert_eq!(door.is_over(), is_owed, "{late}");
        assert_eq!(door.sums(), if is_owed { vec![(OwedReason::TooLate, 600)] } else { vec![] });
        assert!(door.state.claims.is_empty());
    }
    // Who has bought a day does not mind ten minutes.
    let mut door = Door { state: StreamState::default(), ms: 0, events: Vec::new() };
    door.claim(1, Operation::Access, 86_400).unwrap();
    door.ms = 600_000;
    door.land(1, false);
    assert!(!door.is_over());
}

#[test]
fn a_late_extension_extends_a_session_that_runs_and_is_owed_if_that_is_over_inv_2() {
    for (first, is_owed) in [(600, false), (100, true)] {
        let mut door = Door::sold(first);
        door.reports(LockState::Unlocked, false);
        let operation = door.extension();
        door.claim(2, operation, 60).unwrap();
        door.ms += 130_000;
        door.land(2, false);
        assert_eq!(door.sums(), if is_owed { vec![(OwedReason::TooLate, 600)] } else { vec![] });
        assert_eq!(door.is_over(), is_owed);
    }
}

#[test]
fn an_extension_of_a_session_whose_door_never_opened_is_refused_inv_2() {
    let mut door = Door::sold(600);
    let operation = door.extension();
    assert_eq!(door.claim(2, operation.clone(), 1), Ok(()), "it may open yet");
    door.command(Command::Failed { payment: PaymentId::of_message(&[2]), reason: "x" }).unwrap();
    door.reports(LockState::Locked, true);
    assert!(matches!(door.claim(3, operation.clone(), 1), Err(Reject::Unreachable { .. })));
    door.reports(LockState::Unlocked, false);
    assert_eq!(door.claim(4, operation, 1), Ok(()));
}

#[test]
fn an_extension_is_paid_in_the_token_of_its_session_inv_5() {
    let mut door = Door::sold(600);
    door.reports(LockState::Unlocked, false);
    let mut asked = ask(2, door.extension(), 1);
    asked.claim.purchase.price.token = Address::new([2; 32]).into();
    assert_eq!(door.command(Command::Claim(Box::new(asked))), Err(Reject::OtherToken));
}

#[test]
fn the_time_that_a_host_was_away_is_owed_if_the_door_was_locked_meanwhile_inv_2() {
    for (found, away, owed) in [
        (LockState::Locked, 90_000, Some(900)),
        (LockState::Locked, 60_000, None),
        (LockState::Unlocked, 90_000, None),
        (LockState::Unknown, 90_000, None),
        // The session ended while the host was away.
        (LockState::Locked, 10_000_000, Some(5_900)),
    ] {
        let mut door = Door::sold(600);
        door.reports(LockState::Unlocked, false);
        door.pass(10_000);
        door.ms += away;
        door.command(Command::Returned { found, away_since: at(10_000).wall }).unwrap();
        assert_eq!(door.sums(), owed.map(|owed| (OwedReason::Outage, owed)).into_iter().collect::<Vec<_>>());
        door.pass(0);
        // What is left after the outage is stopped: together it is never more than was paid.
        if door.stop().is_ok() {
            door.reports(LockState::Locked, false);
        }
        let all: u64 = door.sums().iter().map(|(_, owed)| owed).sum();
        assert!(all <= 5_900, "{all}");
    }
}

#[test]
fn a_session_whose_device_was_taken_away_ends_and_what_is_left_is_owed_inv_2() {
    let mut door = Door::sold(60);
    door.reports(LockState::Unlocked, false);
    door.pass(15_000);
    door.command(Command::DeviceRemoved).unwrap();
    assert_eq!((door.is_over(), door.sums()), (true, vec![(OwedReason::AssetRemoved, 450)]));
}

#[test]
fn a_session_that_has_only_a_grant_cannot_be_stopped_inv_2() {
    let mut door = Door { state: StreamState::default(), ms: 0, events: Vec::new() };
    let mut asked = ask(1, Operation::Access, 60);
    asked.claim.fulfilment = Fulfilment::None;
    door.command(Command::Claim(Box::new(asked))).unwrap();
    door.land(1, false);
    assert_eq!(door.stop(), Err(Reject::CannotStop));
    door.pass(60_000);
    assert_eq!((door.is_over(), door.sums()), (true, vec![]));
    assert_eq!(door.stop(), Err(Reject::SessionOver));
}

#[test]
fn a_stop_before_the_first_unlock_is_no_failure_inv_2() {
    let mut door = Door::sold(600);
    door.reports(LockState::Locked, true);
    door.stop().unwrap();
    door.reports(LockState::Locked, false);
    assert_eq!((door.is_over(), door.is_offered()), (true, Ok(())));
}

#[test]
fn time_after_the_paid_end_is_not_paid_back_however_late_a_report_comes_inv_2() {
    for (lock, owed) in [(LockState::Unlocked, vec![]), (LockState::Locked, vec![])] {
        let mut door = Door::sold(600);
        door.reports(LockState::Unlocked, false);
        door.pass(590_000);
        door.stop().unwrap();
        door.reports(LockState::Unlocked, false);
        door.ms += 7_200_000;
        if lock == LockState::Locked {
            let report = ReportedState::of_lock(door.state.fulfilment.sequence, lock, at(door.ms).wall);
            door.command(Command::Reported(report)).unwrap();
        }
        door.pass(0);
        assert_eq!((door.is_over(), door.sums()), (true, owed));
    }
}

#[test]
fn an_outage_is_counted_once_however_often_it_is_told_and_whatever_comes_after_inv_2() {
    let mut door = Door::sold(600);
    door.reports(LockState::Unlocked, false);
    door.pass(10_000);
    door.ms += 90_000;
    for _ in 0..3 {
        door.command(Command::Returned { found: LockState::Locked, away_since: at(10_000).wall }).unwrap();
    }
    assert_eq!(door.sums(), [(OwedReason::Outage, 900)]);
    // Stopped at 100 s, open until then; away from 110 s to 500 s, and locked since.
    let mut door = Door::sold(600);
    door.reports(LockState::Unlocked, false);
    door.pass(100_000);
    door.stop().unwrap();
    door.reports(LockState::Unlocked, false);
    door.ms = 500_000;
    door.command(Command::Returned { found: LockState::Locked, away_since: at(110_000).wall }).unwrap();
    door.pass(0);
    assert_eq!(door.sums(), [(OwedReason::Outage, 3_900), (OwedReason::Stopped, 1_000)]);
}

#[test]
fn what_a_host_that_died_had_not_told_leaves_the_rest_to_the_owner_inv_3() {
    let mut door = Door::sold(600);
    door.ms = 5_000;
    // The door was opened, and its host died before it could say so.
    door.command(Command::Returned { found: LockState::Locked, away_since: at(1_000).wall }).unwrap();
    door.reports(LockState::Locked, true);
    door.pass(595_000);
    assert_eq!((door.is_over(), door.sums()), (true, vec![(OwedReason::DeviceUnclear, 6_000)]));
}
