//! One device's worker.
//!
//! At any time it has one goal, which follows only from the latest order and the clock: unlocked until T, or
//! locked. It operates the driver until the device is *seen* to have reached the goal, and starts again as
//! soon as the goal changes.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::desired_state::{DesiredState, ReportedState};
use crate::clock::SteadyClock;
use crate::drivers::{Driver, Failed, LockState, Permission};
use crate::failpoint;
use crate::metrics::Metrics;

/// How long a device is left as it was found at the start, until the first order comes. The door of a paid
/// session should not close and open again because the gateway was restarted. The time is short because a
/// device that nobody paid for must not stand open much longer than this.
const FIRST_ORDER: Duration = Duration::from_millis(500);
/// How often a device whose state can be read is checked when nothing happens.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// The longest that a worker sleeps while the device is unlocked. Timers stop while a machine sleeps, and the
/// wall clock may leap. Looking at the clock this often bounds the effect of both.
const NAP: Duration = Duration::from_millis(200);
/// The pause between two tries: the first one, which doubles each time, and the longest one.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What a device's worker is asked to do.
#[derive(Debug, Clone, Default)]
pub(super) struct Target {
    order: Option<DesiredState>,
    /// Counts the orders that were taken, so that a repeated one is answered too.
    version: u64,
    /// The host is shutting down, so the worker locks the device whatever the order says.
    pub(super) closing: bool,
}

impl Target {
    /// Returns the target of a device for which there will be no order.
    pub(super) fn closing() -> Self {
        Self { closing: true, ..Self::default() }
    }

    /// Takes an order unless it already has a later one. Returns whether it took it.
    pub(super) fn take(&mut self, order: &DesiredState) -> bool {
        if self.order.as_ref().is_some_and(|o| o.sequence > order.sequence) {
            return false;
        }
        self.order = Some(order.clone());
        self.version = self.version.wrapping_add(1);
        true
    }

    /// Returns whether the order lets the device be unlocked.
    pub(super) fn is_unlocking(&self) -> bool {
        !self.closing && self.order.as_ref().is_some_and(|order| order.unlocked_until_ms.is_some())
    }

    fn sequence(&self) -> u64 {
        self.order.as_ref().map_or(0, |order| order.sequence)
    }

    fn goal(&self, now_ms: u64) -> Goal {
        match self.order.as_ref().and_then(|o| o.unlocked_until_ms) {
            Some(until_ms) if !self.closing && until_ms > now_ms => Goal::Unlocked { until_ms },
            _ => Goal::Locked,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Locked,
    Unlocked { until_ms: u64 },
}

impl Goal {
    fn reached(self, state: LockState) -> bool {
        match self {
            Self::Locked => state == LockState::Locked,
            Self::Unlocked { .. } => state == LockState::Unlocked,
        }
    }
}

pub(super) struct Worker {
    asset: String,
    driver: Box<dyn Driver>,
    targets: watch::Receiver<Target>,
    clock: SteadyClock,
    metrics: Metrics,
    reports: mpsc::UnboundedSender<ReportedState>,
    /// What the device was last seen doing. Unknown again once something was done to it.
    state: LockState,
    counted: Option<&'static str>,
    /// The last report: the order's sequence, the state, whether it failed, and the target's version.
    last_report: Option<(u64, LockState, bool, u64)>,
    /// Since when nobody had worked the device, until that is reported.
    away_since_ms: Option<u64>,
    failures: u32,
}

impl Worker {
    pub(super) fn new(
        asset: String,
        driver: Box<dyn Driver>,
        targets: watch::Receiver<Target>,
        clock: SteadyClock,
        metrics: Metrics,
        reports: mpsc::UnboundedSender<ReportedState>,
        away_since_ms: Option<u64>,
    ) -> Self {
        Self {
            asset,
            driver,
            targets,
            clock,
            metrics,
            reports,
            state: LockState::Unknown,
            counted: None,
            last_report: None,
            away_since_ms,
            failures: 0,
        }
    }

    /// Operates the device until the host shuts down. Returns whether the device was locked then.
    pub(super) async fn run(mut self) -> bool {
        if !self.targets.borrow().closing {
            self.await_order().await;
        }
        loop {
            let target = self.targets.borrow_and_update().clone();
            let goal = target.goal(self.clock.now_ms());
            self.permit(goal);
            if !goal.reached(self.state) {
                self.act(goal, &target).await;
            } else if self.last_report.is_none_or(|(.., version)| version != target.version) {
                // The order asks for the state that the device already has, as far as is known: it is an
                // extension or a repeat. The worker only looks at the device.
                if self.look_for(goal).await {
                    self.report(&target, false);
                }
            } else if target.closing {
                return true;
            } else if self.rest(goal).await.is_err() {
                self.close();
            }
        }
    }

    /// Looks at the device, and leaves it as it is until the first order comes or [`FIRST_ORDER`] is over.
    async fn await_order(&mut self) {
        let started = self.clock.monotonic();
        // The check has a time limit because the device may stand open until it answers.
        let _ = timeout(FIRST_ORDER, self.look()).await;
        if let Some(away_since_ms) = self.away_since_ms.take() {
            self.send(0, false, Some(away_since_ms));
        }
        let asked = |target: &Target| target.closing || target.order.is_some();
        let left = FIRST_ORDER.saturating_sub(self.clock.monotonic().saturating_sub(started));
        let orphaned = matches!(timeout(left, self.targets.wait_for(asked)).await, Ok(Err(_)));
        if orphaned {
            self.close();
        }
    }

    /// Tells the driver until when the device may be unlocked.
    fn permit(&mut self, goal: Goal) {
        self.driver.permit(match goal {
            Goal::Locked => None,
            Goal::Unlocked { until_ms } => Some(Permission { until_ms, left: self.clock.until(until_ms) }),
        });
    }

    /// Acts as if the host were shutting down. Without the controller that gives the orders, the device has
    /// no right to be open.
    fn close(&mut self) {
        let target = Target { closing: true, ..self.targets.borrow().clone() };
        self.targets = watch::channel(target).1;
    }

    /// Tries once to reach the goal.
    async fn act(&mut self, goal: Goal, target: &Target) {
        self.state = LockState::Unknown;
        let done = match goal {
            Goal::Locked => {
                failpoint::reach("device.lock");
                let done = self.driver.lock().await;
                failpoint::reach("device.relocked");
                Some(done)
            }
            Goal::Unlocked { .. } => {
                // An unlock that takes long must not outlast its permission.
                let overtaken = overtaken(self.targets.clone(), self.clock.clone());
                failpoint::reach("device.unlock");
                let done = tokio::select! {
                    biased;
                    () = overtaken => None,
                    done = self.driver.unlock() => Some(done),
                };
                failpoint::reach("device.unlocked");
                done
            }
        };
        let Some(done) = done else {
            // What was cut short may have unlocked it.
            self.report(target, false);
            return;
        };
        if !self.look_for(goal).await {
            self.report(target, false);
            return;
        }
        if goal.reached(self.state) {
            tracing::info!(
                asset = %self.asset,
                state = self.state.as_str(),
                sequence = target.sequence(),
                "device state"
            );
            self.failures = 0;
            self.report(target, false);
            return;
        }
        let is_certain = done.as_ref().is_err_and(|failed| failed.is_certain);
        let was_read_back = self.driver.can_look() && self.state == LockState::Locked;
        let unlocks = goal != Goal::Locked && self.state != LockState::Unlocked;
        self.report(target, unlocks && (is_certain || was_read_back));
        self.failures = self.failures.saturating_add(1);
        self.complain(goal, done);
        let wait = RETRY.0.saturating_mul(1u32 << self.failures.saturating_sub(1).min(6)).min(RETRY.1);
        let overtaken = overtaken(self.targets.clone(), self.clock.clone());
        match goal {
            Goal::Locked => sleep(wait).await,
            Goal::Unlocked { .. } => {
                let _ = timeout(wait, overtaken).await;
            }
        }
    }

    fn complain(&self, goal: Goal, done: Result<(), Failed>) {
        let error = match done {
            Err(Failed { error, .. }) => error,
            Ok(()) => "the driver reported success, but the device is not in the desired state".to_owned(),
        };
        let state = self.state.as_str();
        let (asset, tries) = (&self.asset, self.failures);
        match goal {
            Goal::Locked => {
                tracing::error!(%asset, %error, state, tries, "the device cannot be locked; trying again");
            }
            Goal::Unlocked { .. } => {
                tracing::warn!(%asset, %error, state, tries, "the device cannot be unlocked; trying again");
            }
        }
    }

    /// Checks whether the goal is reached. Returns false if the goal changed meanwhile, because a slow answer
    /// must not keep the device open.
    async fn look_for(&mut self, goal: Goal) -> bool {
        if goal == Goal::Locked {
            self.look().await;
            return true;
        }
        let overtaken = overtaken(self.targets.clone(), self.clock.clone());
        tokio::select! {
            biased;
            () = overtaken => false,
            () = self.look() => true,
        }
    }

    async fn look(&mut self) {
        failpoint::reach("device.check");
        let state = self.driver.check().await;
        failpoint::reach("device.checked");
        self.seen(state);
    }

    fn seen(&mut self, state: LockState) {
        self.state = state;
        let state = state.as_str();
        if self.counted != Some(state) {
            self.metrics.device(self.counted.replace(state), state);
        }
    }

    /// Reports what the device is doing, if that has changed or the target asks for it. `failed` says that it was to be
    /// unlocked and certainly was not.
    fn report(&mut self, target: &Target, failed: bool) {
        let report = (target.sequence(), self.state, failed, target.version);
        if self.last_report.replace(report) == Some(report) {
            return;
        }
        failpoint::reach("device.report");
        self.send(target.sequence(), failed, None);
    }

    fn send(&self, sequence: u64, failed: bool, away_since_ms: Option<u64>) {
        let report = ReportedState {
            asset: self.asset.clone(),
            sequence,
            state: self.state,
            failed,
            away_since_ms,
            at_ms: self.clock.now_ms(),
        };
        // The receiving loop ends only when the host shuts down.
        let _ = self.reports.send(report);
    }

    /// Waits, with the goal reached, until there may be something to do. An error means that no further order
    /// can come.
    async fn rest(&mut self, goal: Goal) -> Result<(), watch::error::RecvError> {
        let looked = self.clock.monotonic();
        loop {
            let nap = match goal {
                Goal::Locked => LOOK_AGAIN,
                Goal::Unlocked { until_ms } => self.clock.until(until_ms).min(NAP),
            };
            match timeout(nap, self.targets.changed()).await {
                Ok(changed) => return changed,
                Err(_) if self.due(goal) => return Ok(()),
                Err(_) => {}
            }
            self.permit(goal);
            if self.driver.can_look() && self.clock.monotonic().saturating_sub(looked) >= LOOK_AGAIN {
                let before = self.state;
                // The look gives way to an order, and to the moment at which the device must be locked.
                let mut targets = self.targets.clone();
                let clock = self.clock.clone();
                let interrupted = async {
                    match goal {
                        Goal::Locked => drop(targets.changed().await),
                        Goal::Unlocked { .. } => overtaken(targets, clock).await,
                    }
                };
                let seen = tokio::select! {
                    biased;
                    () = interrupted => return Ok(()),
                    state = self.driver.check() => state,
                };
                if seen != before {
                    tracing::warn!(
                        asset = %self.asset,
                        was = before.as_str(),
                        is = seen.as_str(),
                        "the device changed state without a command"
                    );
                }
                self.seen(seen);
                return Ok(());
            }
        }
    }

    fn due(&self, goal: Goal) -> bool {
        matches!(goal, Goal::Unlocked { until_ms } if until_ms <= self.clock.now_ms())
    }
}

/// Returns as soon as the device may no longer be unlocked.
async fn overtaken(mut targets: watch::Receiver<Target>, clock: SteadyClock) {
    loop {
        let goal = targets.borrow_and_update().goal(clock.now_ms());
        let Goal::Unlocked { until_ms } = goal else {
            return;
        };
        if let Ok(Err(_)) = timeout(clock.until(until_ms).min(NAP), targets.changed()).await {
            return;
        }
    }
}
