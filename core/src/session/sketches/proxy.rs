//! A fulfilment without a lock: while the session runs, its requests are let through to an upstream.
//!
//! In addition to this file it has, in `fulfilment.rs`, the variants `Fulfilment::Proxy`, `Desired::Proxy` and
//! `Observed::Proxy`, with their arms in each method.
//!
//! The desired state follows from the session, as for a lock, and a proxy asks for it with each request. A proxy that
//! runs elsewhere gets the same desired state, and reports what it does.

use crate::ids::SessionId;
use crate::session::fulfilment::Desired;
use crate::session::pending::desired_state_for_host;
use crate::session::state::StreamState;
use crate::time::Now;

/// Returns whether a request of this session is let through to the upstream now.
fn passes(state: &StreamState, session: &SessionId, now: &Now) -> bool {
    let is_its = state.session.as_ref().is_some_and(|running| running.id == *session);
    is_its && matches!(desired_state_for_host(state, now).desired, Desired::Proxy { passes_until: Some(_) })
}

mod tests {
    use proptest::prelude::*;

    use super::super::rig::Rig;
    use super::*;
    use crate::session::Claim;
    use crate::session::decide::Command;
    use crate::session::fulfilment::{Fulfilment, LockState, Observed, ReportedState};
    use crate::session::pending::{desired_state, pending};

    const DAY_MS: i64 = 86_400_000;

    fn proxied(claim: &mut Claim) {
        claim.fulfilment = Fulfilment::Proxy;
    }

    #[derive(Clone, Debug)]
    enum Random {
        Buy(u64),
        Extend(u64),
        Land,
        Fail,
        Pass(u64),
        Tick,
        ReportedState(bool),
        JumpBack(i64),
        Reboot,
    }

    fn asks() -> impl Strategy<Value = Vec<Random>> {
        let ask = prop_oneof![
            2 => (1u64..100).prop_map(Random::Buy),
            1 => (1u64..100).prop_map(Random::Extend),
            3 => Just(Random::Land),
            1 => Just(Random::Fail),
            4 => (1u64..60_000).prop_map(Random::Pass),
            2 => Just(Random::Tick),
            2 => any::<bool>().prop_map(Random::ReportedState),
            1 => (-2 * DAY_MS..0).prop_map(Random::JumpBack),
            1 => Just(Random::Reboot),
        ];
        proptest::collection::vec(ask, 1..80)
    }

    /// The upstream, which counts the requests that reach it.
    #[derive(Default)]
    struct Upstream {
        served: u64,
    }

    impl Upstream {
        fn request(&mut self, rig: &Rig, session: &SessionId) -> bool {
            let passes = passes(&rig.state, session, &rig.now());
            self.served += u64::from(passes);
            passes
        }
    }

    fn report(rig: &Rig, observed: Observed) -> Command {
        let order = desired_state(&rig.state, &rig.now());
        Command::Reported(ReportedState {
            sequence: order.sequence,
            observed,
            failed: false,
            at: rig.now().wall,
        })
    }

    proptest! {
        #[test]
        fn whatever_happens_a_request_passes_while_its_session_is_paid_and_never_else_inv_2_4(asks in asks()) {
            let (mut rig, mut upstream) = (Rig::new(), Upstream::default());
            let stranger = SessionId::from_bytes([255; 16]);
            // The end of the paid time and the present, in milliseconds of real time, and the session's buyer.
            let (mut end, mut ms, mut buyer, mut is_moved) = (0, 0, None, false);
            for random in asks {
                match random {
                    Random::Buy(seconds) => { let _ = rig.claim(false, seconds, proxied); }
                    Random::Extend(seconds) if rig.session().is_some() => { let _ = rig.claim(true, seconds, proxied); }
                    // An extension counts from the end by the wall clock, which is right if that clock is.
                    Random::Land if is_moved || rig.session().is_some() && rig.is_behind() => {}
                    Random::Land => {
                        // Time that begins while the wall clock is behind ends by the monotonic clock alone.
                        is_moved |= rig.is_behind();
                        if let Some(claim) = rig.land() {
                            end = ms.max(end) + claim.purchase.allowance.seconds().unwrap() * 1000;
                            buyer = Some(claim.session);
                        }
                    }
                    Random::Extend(_) => {}
                    Random::Fail => rig.fail(),
                    Random::Pass(more) => { rig.pass(more); ms += more; }
                    Random::Tick => { rig.command(Command::EndDue).unwrap(); }
                    Random::ReportedState(passes) => { let seen = report(&rig, Observed::Proxy { passes }); rig.command(seen).unwrap(); }
                    // What is left is known to the boot in which it began, or by a wall clock that stays right.
                    Random::JumpBack(_) if rig.state.session.as_ref().is_some_and(|session| {
                        session.entitlement.left_by_monotonic(&rig.now()).is_none()
                    }) => {}
                    Random::JumpBack(by) => { rig.jump(by); is_moved |= rig.session().is_some(); }
                    Random::Reboot if is_moved || rig.is_behind() => {}
                    Random::Reboot => rig.reboot(),
                }
                if rig.session().is_none() { is_moved = false; }

                // Nothing has to decide the end first: a request that comes before that is already refused.
                let is_paid = ms < end;
                if let Some(buyer) = &buyer {
                    prop_assert_eq!(upstream.request(&rig, buyer), is_paid);
                }
                prop_assert!(!upstream.request(&rig, &stranger));

                let order = desired_state(&rig.state, &rig.state.clamped_now(&rig.now()));
                prop_assert_eq!(order.desired.is_open(), is_paid);
                prop_assert_eq!(order.unlocked_until(), None, "no lock opens for it");
                let is_met = rig.state.fulfilment.reported.as_ref().is_some_and(|report| {
                    report.sequence == order.sequence && report.observed == Observed::Proxy { passes: is_paid }
                });
                let unmet = pending(&rig.state, &rig.now()).unmet.is_some();
                prop_assert_eq!(unmet, !is_met || rig.state.fulfilment.desired.is_none());
            }
        }
    }

    #[test]
    fn a_proxy_is_closed_at_the_end_and_a_lock_s_report_says_nothing_of_it_inv_4() {
        let (mut rig, mut upstream) = (Rig::new(), Upstream::default());
        rig.claim(false, 60, proxied).unwrap();
        rig.land().unwrap();
        let session = rig.session().unwrap();
        assert!(upstream.request(&rig, &session));
        rig.pass(59_999);
        assert!(upstream.request(&rig, &session));
        rig.pass(1);
        assert!(!upstream.request(&rig, &session), "nobody has decided the end yet");
        rig.command(Command::EndDue).unwrap();
        assert!(!upstream.request(&rig, &session));
        assert_eq!(rig.state.fulfilment.desired, Some(Desired::Proxy { passes_until: None }));
        for (observed, unmet) in [
            (Observed::Lock(LockState::Locked), true),
            (Observed::Proxy { passes: true }, true),
            (Observed::Proxy { passes: false }, false),
        ] {
            let seen = report(&rig, observed);
            rig.command(seen).unwrap();
            assert_eq!(pending(&rig.state, &rig.now()).unmet.is_some(), unmet, "{observed:?}");
        }
        assert_eq!(upstream.served, 2);
    }
}
