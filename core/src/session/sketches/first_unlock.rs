//! Time that starts at the first unlock: it is bought now, and its clock starts when the lock is first reported
//! unlocked.
//!
//! In addition to this file it has:
//!
//! * `entitlement.rs`: the variant `Allowance::FromFirstUnlock`, which is what is bought, and the variant
//!   `Entitlement::Unstarted`, which is what a session has until the time starts, with their arms in each method;
//! * `decide.rs`: one line after the commands, which checks whether a report has started the clock;
//! * the event `EntitlementChanged`, which exists already.
//!
//! A session that has started has `Entitlement::Time`, like any other. The time has to start within a limit, and then
//! starts by itself. No buyer can therefore hold an asset without an end, and none loses what was paid for. A late
//! report counts from when the lock was unlocked, also for time that was bought in the meantime. The end is not known
//! until the start. Until then there is no grant for a device without a network, because it would open for longer than
//! was paid for.

use super::changed;
use crate::session::entitlement::Entitlement;
use crate::session::event::Event;
use crate::session::fulfilment::{LockState, ReportedState};
use crate::session::running::Session;
use crate::session::state::StreamState;
use crate::time::Now;

/// Starts the session's clock if these events say that its lock was unlocked. `state` is what they happened to.
pub(in crate::session) fn begun(state: &StreamState, events: &[Event], now: &Now) -> Vec<Event> {
    let (Some(session), Some(report)) = (&state.session, events.iter().find_map(report)) else {
        return Vec::new();
    };
    let Entitlement::Unstarted { seconds, start_by, .. } = session.entitlement else {
        return Vec::new();
    };
    if report.lock() != LockState::Unlocked || !is_of(report, session) || session.is_over(now) {
        return Vec::new();
    }
    let start = report.at.max(session.starts_at).min(start_by);
    changed(state, session, Entitlement::until(start.plus_seconds(seconds), now), now)
}

const fn report(event: &Event) -> Option<&ReportedState> {
    match event {
        Event::FulfilmentReported(report) => Some(report),
        _ => None,
    }
}

/// Returns whether a report is about this session's time: by the desired state that it answers, or by when it was seen.
///
/// An extension may give the session a new desired state before the first one was answered.
fn is_of(report: &ReportedState, session: &Session) -> bool {
    report.sequence >= session.grant || report.at >= session.starts_at
}

mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::TestCaseError;

    use super::super::rig::Rig;
    use super::*;
    use crate::session::Claim;
    use crate::session::decide::Command;
    use crate::session::entitlement::Allowance;
    use crate::session::pending::{desired_state_for_host, pending};
    use crate::session::tests::START;
    use crate::time::Timestamp;

    const WITHIN_SECONDS: u64 = 60;

    fn from_first_unlock(claim: &mut Claim) {
        let seconds = claim.purchase.allowance.seconds().unwrap();
        claim.purchase.allowance = Allowance::FromFirstUnlock { seconds, start_within: WITHIN_SECONDS };
    }

    /// A lock and the host beside it, which asks now and then. The lock locks by itself when the time of its desired
    /// state is over.
    #[derive(Default)]
    struct Lock {
        sequence: u64,
        open_until: Option<u64>,
        unsent: Vec<ReportedState>,
    }

    /// The session as a person would describe it, in milliseconds of real time.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Model {
        Nobody,
        Waits { from: u64, start_by: u64, bought: u64 },
        Runs { end: u64 },
    }

    struct Watched {
        rig: Rig,
        ms: u64,
        lock: Lock,
        model: Model,
        opened: u64,
        paid: u64,
    }

    #[derive(Clone, Debug)]
    enum Random {
        Buy(u64),
        Extend(u64),
        Land,
        Fail,
        Pass(u64),
        ClaimRequest,
        Reboot,
    }

    fn asks() -> impl Strategy<Value = Vec<Random>> {
        let ask = prop_oneof![
            2 => (1u64..60).prop_map(Random::Buy),
            1 => (1u64..60).prop_map(Random::Extend),
            3 => Just(Random::Land),
            1 => Just(Random::Fail),
            4 => (1u64..40_000).prop_map(Random::Pass),
            4 => Just(Random::ClaimRequest),
            1 => Just(Random::Reboot),
        ];
        proptest::collection::vec(ask, 1..80)
    }

    /// Returns the wall clock's time after `ms` milliseconds.
    fn wall(ms: u64) -> Timestamp {
        Timestamp::from_millis(START + ms)
    }

    impl Watched {
        fn new() -> Self {
            let (rig, lock) = (Rig::new(), Lock::default());
            Self { rig, ms: 0, lock, model: Model::Nobody, opened: 0, paid: 0 }
        }

        /// Returns when the session is over if nothing else happens.
        fn last(&self) -> Option<u64> {
            match self.model {
                Model::Nobody => None,
                Model::Waits { start_by, bought, .. } => Some(start_by + bought),
                Model::Runs { end } => Some(end),
            }
        }

        fn step(&mut self, random: &Random) {
            match *random {
                Random::Buy(seconds) => {
                    let _ = self.rig.claim(false, seconds, from_first_unlock);
                }
                Random::Extend(seconds) if self.rig.session().is_some() => {
                    let _ = self.rig.claim(true, seconds, from_first_unlock);
                }
                Random::Extend(_) => {}
                Random::Land => self.land(),
                Random::Fail => self.rig.fail(),
                Random::Pass(ms) => self.pass(ms),
                Random::ClaimRequest => self.ask(),
                Random::Reboot => self.rig.reboot(),
            }
            self.rig.command(Command::EndDue).unwrap();
            if self.last().is_some_and(|last| last <= self.ms) && !self.rig.state.is_extending() {
                self.model = Model::Nobody;
            }
        }

        fn land(&mut self) {
            let Some(claim) = self.rig.land() else { return };
            let more = claim.purchase.allowance.seconds().unwrap() * 1000;
            self.model = match self.model {
                Model::Nobody => {
                    (self.opened, self.paid) = (0, 0);
                    let start_by = self.ms + WITHIN_SECONDS * 1000;
                    Model::Waits { from: self.ms, start_by, bought: more }
                }
                Model::Waits { from, start_by, bought } if self.ms < start_by + bought => {
                    Model::Waits { from, start_by, bought: bought + more }
                }
                Model::Waits { .. } => Model::Runs { end: self.ms + more },
                Model::Runs { end } => Model::Runs { end: end.max(self.ms) + more },
            };
            self.paid += more;
        }

        fn pass(&mut self, ms: u64) {
            let end = self.ms + ms;
            if let Some(until) = self.lock.open_until {
                self.opened += until.min(end) - self.ms;
                if until <= end {
                    self.lock.open_until = None;
                    self.lock.unsent.push(ReportedState::of_lock(
                        self.lock.sequence,
                        LockState::Locked,
                        wall(until),
                    ));
                }
            }
            self.rig.pass(ms);
            self.ms = end;
        }

        /// The host reports what the lock has done, asks what it should do, and does it.
        fn ask(&mut self) {
            for report in std::mem::take(&mut self.lock.unsent) {
                let seen = report.at.millis() - START;
                if let Model::Waits { from, start_by, bought } = self.model
                    && report.lock() == LockState::Unlocked
                    && seen >= from
                {
                    self.model = Model::Runs { end: seen.min(start_by) + bought };
                }
                self.rig.command(Command::Reported(report)).unwrap();
            }
            let order = desired_state_for_host(&self.rig.state, &self.rig.now());
            let was_open = self.lock.open_until.is_some();
            self.lock.open_until = self.rig.opens_for().map(|for_ms| self.ms + for_ms);
            let is_open = self.lock.open_until.is_some();
            if (was_open, self.lock.sequence) != (is_open, order.sequence) {
                self.lock.sequence = order.sequence;
                let state = if is_open { LockState::Unlocked } else { LockState::Locked };
                self.lock.unsent.push(ReportedState::of_lock(order.sequence, state, self.rig.now().wall));
            }
        }

        fn check(&self) -> Result<(), TestCaseError> {
            let now = self.rig.now();
            let session = self.rig.state.session.as_ref();
            prop_assert_eq!(session.is_some(), self.model != Model::Nobody);
            let is_over = self.last().is_none_or(|last| last <= self.ms);
            let due = pending(&self.rig.state, &now).due;
            match self.model {
                _ if is_over => prop_assert_eq!(self.rig.opens_for(), None),
                Model::Nobody => {}
                // Nothing is due before the limit plus all of the time, and no end is known.
                Model::Waits { start_by, bought, .. } => {
                    prop_assert_eq!((due, session.unwrap().ends_at()), (Some(wall(start_by + bought)), None));
                    prop_assert_eq!(self.rig.opens_for(), Some(bought.min(start_by + bought - self.ms)));
                }
                Model::Runs { end } => {
                    prop_assert_eq!((due, session.unwrap().ends_at()), (Some(wall(end)), Some(wall(end))));
                    prop_assert_eq!(self.rig.opens_for(), Some(end - self.ms));
                }
            }
            // Nothing is open unpaid, not even between two questions of the host.
            prop_assert!(self.opened <= self.paid, "{} {}", self.opened, self.paid);
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn whatever_happens_time_starts_at_the_first_unlock_and_all_of_it_is_given_once_inv_2_4(asks in asks()) {
            let mut watched = Watched::new();
            for random in asks {
                watched.step(&random);
                watched.check()?;
            }
        }
    }

    fn waiting() -> Rig {
        let mut rig = Rig::new();
        rig.claim(false, 5, from_first_unlock).unwrap();
        rig.land().unwrap();
        rig
    }

    fn seen(rig: &mut Rig, sequence: u64, lock: LockState, at: u64) {
        rig.command(Command::Reported(ReportedState::of_lock(sequence, lock, wall(at)))).unwrap();
    }

    #[test]
    fn time_that_nobody_starts_starts_by_itself_and_a_lock_is_told_no_more_than_was_bought_inv_2_4() {
        let mut rig = waiting();
        for (ms, opens_for) in
            [(0, Some(5_000)), (59_950, Some(5_000)), (2_050, Some(3_000)), (2_999, Some(1)), (1, None)]
        {
            rig.pass(ms);
            rig.command(Command::EndDue).unwrap();
            assert_eq!(rig.opens_for(), opens_for);
        }
        assert_eq!(rig.session(), None);
    }

    #[test]
    fn only_an_unlock_of_this_session_starts_its_time_inv_2() {
        let mut rig = waiting();
        rig.pass(10_000);
        let grant = rig.state.session.as_ref().unwrap().grant;
        assert_eq!(grant, 1);
        seen(&mut rig, grant - 1, LockState::Locked, 0);
        seen(&mut rig, grant, LockState::Unknown, 9_000);
        seen(&mut rig, grant, LockState::Locked, 9_500);
        assert!(matches!(rig.state.session.as_ref().unwrap().entitlement, Entitlement::Unstarted { .. }));
        seen(&mut rig, grant, LockState::Unlocked, 9_800);
        assert_eq!(rig.state.session.as_ref().unwrap().ends_at(), Some(wall(14_800)));
        let grant = rig.state.session.as_ref().unwrap().grant;
        assert_eq!(grant, 2, "the end is told with a new grant");
        seen(&mut rig, grant, LockState::Unlocked, 10_000);
        assert_eq!(rig.state.session.as_ref().unwrap().ends_at(), Some(wall(14_800)), "it starts once");
    }

    #[test]
    fn a_wall_clock_that_jumps_back_keeps_time_that_waits_from_no_end_inv_4() {
        let mut rig = waiting();
        rig.pass(1_000);
        rig.jump(-86_400_000);
        rig.pass(63_999);
        rig.command(Command::EndDue).unwrap();
        assert_eq!(rig.opens_for(), Some(1), "by the monotonic clock");
        rig.pass(1);
        rig.command(Command::EndDue).unwrap();
        assert_eq!((rig.session(), rig.opens_for()), (None, None));
    }

    #[test]
    fn a_reboot_under_time_that_waits_takes_none_of_it_inv_2() {
        let mut rig = waiting();
        rig.pass(1_000);
        rig.reboot();
        rig.jump(-86_400_000);
        assert!(rig.command(Command::EndDue).unwrap().is_empty());
        assert_eq!(rig.opens_for(), Some(5_000));
    }
}
