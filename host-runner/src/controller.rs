//! The loop between the component's device controller and the devices.
//!
//! It asks the component what each device should be doing, passes the desired states on to the devices, and
//! brings their reports back. A slow database may delay it. The devices keep their time without it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

use crate::clock::SteadyClock;
use crate::devices::{DesiredState, ReportedState};
use crate::failpoint;
use crate::guest::{self, Failure, Plan};
use crate::metrics::Metrics;

/// How long the loop waits after an error.
const RETRY: Duration = Duration::from_secs(1);

/// The longest sleep. Nothing should depend on it.
const LONGEST: Duration = Duration::from_secs(60);

/// The shortest pause between two steps. Requests that write at the same time share one step.
const SHORTEST: Duration = Duration::from_millis(10);

/// How long the first step waits for what devices were found doing. It is shorter than a device is left as it was found.
const FOUND: Duration = Duration::from_millis(300);

/// The most reports kept while the component cannot take them. The latest one of each asset is among them.
const MOST: usize = 4096;

/// What decides: the component, or a stand-in in tests.
pub(crate) trait Decide: Send {
    fn step(
        &mut self,
        resync: bool,
        reports: &[ReportedState],
    ) -> impl Future<Output = Result<Plan, Failure>> + Send;
}

impl Decide for guest::Controller {
    async fn step(&mut self, resync: bool, reports: &[ReportedState]) -> Result<Plan, Failure> {
        Self::step(self, resync, reports).await
    }
}

/// What the loop works with.
pub(crate) struct Loop<D> {
    pub(crate) decide: D,
    pub(crate) targets: Box<dyn Fn(&DesiredState) + Send>,
    pub(crate) reports: mpsc::UnboundedReceiver<ReportedState>,
    /// How many devices report what they were found doing before their first command.
    pub(crate) devices: usize,
    /// Notified when a request has written something.
    pub(crate) written: Arc<Notify>,
    pub(crate) clock: SteadyClock,
    /// The devices' own clock, which follows no step of the system's.
    pub(crate) device_clock: SteadyClock,
    pub(crate) metrics: Metrics,
    /// Becomes true when the host shuts down.
    pub(crate) closing: watch::Receiver<bool>,
}

impl<D: Decide> Loop<D> {
    /// Runs until the host shuts down.
    pub(crate) async fn run(mut self) {
        let mut closing = self.closing.clone();
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => {}
            () = self.forever() => {}
        }
    }

    /// Returns a desired state with its end by the devices' clock.
    fn in_device_time(&self, state: &DesiredState) -> DesiredState {
        let ahead = self.clock.ms_ahead_of(&self.device_clock);
        let unlocked_until_ms = state.unlocked_until_ms.map(|until| until.saturating_sub(ahead));
        DesiredState { unlocked_until_ms, ..state.clone() }
    }

    /// Returns a report with its time by the wall clock.
    fn in_wall_time(&self, report: ReportedState) -> ReportedState {
        let ahead = self.clock.ms_ahead_of(&self.device_clock);
        ReportedState { at_ms: report.at_ms.saturating_add(ahead), ..report }
    }

    /// Waits until every device has reported what it was found doing.
    async fn found(&mut self, pending: &mut Vec<ReportedState>) {
        while pending.len() < self.devices {
            let Some(report) = self.reports.recv().await else { return };
            keep(pending, self.in_wall_time(report));
        }
    }

    async fn forever(&mut self) {
        let mut pending: Vec<ReportedState> = Vec::new();
        // What ends with the first step must know what was found. A device that does not answer waits for its first order.
        let _ = tokio::time::timeout(FOUND, self.found(&mut pending)).await;
        // True after a start and after every error. Some desired states may have been lost then, so the
        // component gives all of them again.
        let mut resync = true;
        loop {
            while let Ok(report) = self.reports.try_recv() {
                keep(&mut pending, self.in_wall_time(report));
            }
            failpoint::reach("step.begin");
            let wait = match self.decide.step(resync, &pending).await {
                Ok(plan) => {
                    failpoint::reach("step.planned");
                    self.metrics.stepped("ok");
                    pending.clear();
                    resync = false;
                    for state in &plan.states {
                        (self.targets)(&self.in_device_time(state));
                    }
                    tokio::time::sleep(SHORTEST).await;
                    let wait = plan.next_ms.map_or(LONGEST, |at| self.clock.until(at));
                    wait.min(LONGEST)
                }
                Err(error) => {
                    self.metrics.stepped("failed");
                    tracing::error!(%error, "the device controller failed; trying again");
                    resync = true;
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.written.notified() => {}
                Some(report) = self.reports.recv() => keep(&mut pending, self.in_wall_time(report)),
            }
        }
    }
}

/// Keeps a report for the next step. If a device repeats its last report, the first one is enough.
fn keep(pending: &mut Vec<ReportedState>, report: ReportedState) {
    let last = pending.iter().rev().find(|r| r.asset == report.asset);
    let same = |r: &ReportedState| {
        (r.sequence, r.state, r.failed, r.away_since_ms)
            == (report.sequence, report.state, report.failed, report.away_since_ms)
    };
    if last.is_some_and(same) {
        return;
    }
    if pending.len() >= MOST {
        pending.remove(0);
    }
    pending.push(report);
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::drivers::LockState;

    type Called = (bool, Vec<(u64, LockState)>);

    struct Script {
        called: mpsc::UnboundedSender<Called>,
        answers: Vec<Result<Plan, Failure>>,
    }

    impl Decide for Script {
        async fn step(&mut self, resync: bool, reports: &[ReportedState]) -> Result<Plan, Failure> {
            let reports = reports.iter().map(|r| (r.sequence, r.state)).collect();
            self.called.send((resync, reports)).unwrap();
            if self.answers.is_empty() {
                return Ok(Plan { states: Vec::new(), next_ms: None });
            }
            self.answers.remove(0)
        }
    }

    struct Rig {
        calls: mpsc::UnboundedReceiver<Called>,
        reports: mpsc::UnboundedSender<ReportedState>,
        written: Arc<Notify>,
        targets: Arc<Mutex<Vec<u64>>>,
        closing: watch::Sender<bool>,
        task: tokio::task::JoinHandle<()>,
        clock: SteadyClock,
    }

    fn rig(answers: impl FnOnce(&SteadyClock) -> Vec<Result<Plan, Failure>>) -> Rig {
        let (called, calls) = mpsc::unbounded_channel();
        let (reports, listen) = mpsc::unbounded_channel();
        let (closing, closed) = watch::channel(false);
        let clock = SteadyClock::system(Duration::ZERO);
        let written = Arc::new(Notify::new());
        let targets = Arc::new(Mutex::new(Vec::new()));
        let seen = targets.clone();
        let the_loop = Loop {
            decide: Script { called, answers: answers(&clock) },
            targets: Box::new(move |o| seen.lock().unwrap().push(o.sequence)),
            reports: listen,
            devices: 0,
            written: written.clone(),
            clock: clock.clone(),
            device_clock: clock.unset(),
            metrics: Metrics::new().unwrap(),
            closing: closed,
        };
        Rig { calls, reports, written, targets, closing, task: tokio::spawn(the_loop.run()), clock }
    }

    impl Rig {
        async fn called(&mut self) -> Called {
            let call = tokio::time::timeout(Duration::from_secs(5), self.calls.recv());
            call.await.unwrap().unwrap()
        }
        fn report(&self, sequence: u64, state: LockState) {
            let report = ReportedState {
                asset: "door".into(),
                sequence,
                state,
                failed: false,
                away_since_ms: None,
                at_ms: self.clock.now_ms(),
            };
            self.reports.send(report).unwrap();
        }
    }

    #[tokio::test]
    async fn it_starts_with_everything_and_then_only_with_what_is_new() {
        let order = DesiredState { asset: "door".into(), sequence: 3, unlocked_until_ms: None };
        let mut rig =
            rig(|clock| vec![Ok(Plan { states: vec![order], next_ms: Some(clock.now_ms() + 200) })]);
        let started = rig.clock.now_ms();
        assert_eq!(rig.called().await, (true, vec![]));
        // The loop steps by itself at the moment that the plan named.
        assert_eq!(rig.called().await, (false, vec![]));
        assert!(rig.clock.now_ms() >= started + 150);
        assert_eq!(*rig.targets.lock().unwrap(), [3]);
        // It steps at once when a request has written something and when there is a report.
        rig.written.notify_one();
        assert_eq!(rig.called().await, (false, vec![]));
        rig.report(3, LockState::Locked);
        assert_eq!(rig.called().await, (false, vec![(3, LockState::Locked)]));
        rig.closing.send(true).unwrap();
        rig.task.await.unwrap();
    }

    /// Invariant 3: a report is not lost with the step that failed.
    #[tokio::test]
    async fn after_an_error_it_says_everything_again() {
        let plan = || Plan { states: Vec::new(), next_ms: None };
        let mut rig = rig(|_| vec![Ok(plan()), Err(Failure::Broken("trap".into())), Ok(plan())]);
        rig.called().await;
        rig.report(1, LockState::Unlocked);
        assert_eq!(rig.called().await, (false, vec![(1, LockState::Unlocked)]));
        rig.report(1, LockState::Locked);
        rig.report(1, LockState::Locked);
        assert_eq!(rig.called().await, (true, vec![(1, LockState::Unlocked), (1, LockState::Locked)]));
    }
}
