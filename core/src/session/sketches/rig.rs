//! An asset on a machine whose clocks can jump, for the tests of the sketches.

use std::collections::HashMap;

use crate::ids::SessionId;
use crate::quote::Operation;
use crate::session::decide::{Command, decide};
use crate::session::event::Event;
use crate::session::pending::desired_state_for_host;
use crate::session::rail::Landing;
use crate::session::reject::Reject;
use crate::session::state::{StreamState, evolve};
use crate::session::tests::{START, ask};
use crate::session::{Claim, ClaimRequest};
use crate::time::{Monotonic, Now, Timestamp};

/// How much longer than by the exact clock a device may be told to stay open, in milliseconds. Clocks this close
/// together count as equal.
pub(super) const ROUNDING_MS: u64 = 50;

/// An asset, the clocks of its machine, and what was paid.
pub(super) struct Rig {
    pub(super) state: StreamState,
    wall: u64,
    mono: u64,
    boot: u32,
    number: u8,
    paid: HashMap<SessionId, u64>,
}

impl Rig {
    pub(super) fn new() -> Self {
        let state = StreamState::default();
        Self { state, wall: START, mono: 0, boot: 0, number: 0, paid: HashMap::new() }
    }

    /// Reads the clocks.
    pub(super) fn now(&self) -> Now {
        let mono = Monotonic { boot: self.boot.to_string(), ms: self.mono };
        Now { wall: Timestamp::from_millis(self.wall), mono: Some(mono) }
    }

    /// Lets `ms` milliseconds pass.
    pub(super) fn pass(&mut self, ms: u64) {
        self.wall += ms;
        self.mono += ms;
    }

    /// Moves the wall clock by this many milliseconds.
    pub(super) fn jump(&mut self, by: i64) {
        self.wall = self.wall.checked_add_signed(by).unwrap();
    }

    /// Restarts the machine: its monotonic clock begins again.
    pub(super) fn reboot(&mut self) {
        self.boot += 1;
        self.mono = 7;
    }

    /// Returns whether the wall clock is behind what the asset has seen.
    pub(super) fn is_behind(&self) -> bool {
        self.state.last.millis() > self.wall
    }

    /// Returns the session's id.
    pub(super) fn session(&self) -> Option<SessionId> {
        self.state.session.as_ref().map(|session| session.id.clone())
    }

    /// Returns for how many milliseconds from now the desired state lets the buyer in.
    pub(super) fn opens_for(&self) -> Option<u64> {
        let now = self.now();
        desired_state_for_host(&self.state, &now)
            .desired
            .open_until()
            .map(|until| until.millis_since(now.wall))
    }

    /// Claims an extension of the running session, or a new session. `change` alters the claim first.
    pub(super) fn claim(
        &mut self,
        extend: bool,
        seconds: u64,
        change: impl FnOnce(&mut Claim),
    ) -> Result<(), Reject> {
        self.number += 1;
        let operation = match self.session() {
            Some(session) if extend => Operation::Extend { session },
            _ => Operation::Access,
        };
        let mut asked = ask(self.number, operation, seconds);
        change(&mut asked.claim);
        let ClaimRequest { claim, .. } = &asked;
        assert_eq!(claim.session == ask(self.number, Operation::Access, 1).claim.session, !extend);
        self.command(Command::Claim(Box::new(asked))).map(|_| ())
    }

    /// Lets the payment in flight land while its buyer waits for it. Returns what it bought, if there was one.
    pub(super) fn land(&mut self) -> Option<Claim> {
        let claim = self.state.claims.first()?.clone();
        let payment = claim.payment.clone();
        self.command(Command::Landed { payment, landing: Landing::SvmExact { slot: 1 }, is_awaited: true })
            .unwrap();
        Some(claim)
    }

    /// Lets the payment in flight fail.
    pub(super) fn fail(&mut self) {
        if let Some(claim) = self.state.claims.first() {
            let payment = claim.payment.clone();
            self.command(Command::Failed { payment, reason: "x" }).unwrap();
        }
    }

    /// Decides a command and applies its events.
    ///
    /// Money never vanishes (invariant 2): with the events of a landing there is a session that has all that was paid
    /// for.
    pub(super) fn command(&mut self, command: Command) -> Result<Vec<Event>, Reject> {
        let before = self.state.clone();
        let events = decide(&before, command, &self.now())?;
        self.state = events.iter().fold(before.clone(), evolve);
        for event in &events {
            let text = serde_json::to_string(event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), *event, "readable for ever");
            if let Event::PaymentLanded { payment, .. } = event {
                let claim = before.claim(payment).unwrap();
                let paid = self.paid.entry(claim.session.clone()).or_default();
                *paid += claim.purchase.allowance.seconds().unwrap();
                let session = self.state.session.as_ref().expect("landed money is a session");
                assert_eq!(session.id, claim.session);
                assert_eq!(session.purchase.allowance.seconds(), Some(*paid));
            }
        }
        let text = serde_json::to_string(&self.state).unwrap();
        assert_eq!(serde_json::from_str::<StreamState>(&text).unwrap(), self.state);
        Ok(events)
    }
}
