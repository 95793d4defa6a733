//! Calls the component's extra export, the device controller.

use std::sync::Arc;
use std::time::Duration;

use coinop_bindings::controller::DeviceController;
use coinop_bindings::device;
use wasmtime::Store;

use super::Failure;
use super::engine::Component;
use super::state::{GuestState, Host};
use super::store::{allow, store};
use crate::db::Caller;
use crate::devices::{DesiredState, ReportedState};
use crate::drivers::LockState;

/// The longest time of a step. A step waits only for the database. The devices do not wait for it, because
/// each keeps its own time.
const LONGEST_STEP: Duration = Duration::from_secs(15);
/// The longest time of looking after payments, which waits for the chain.
const LONGEST_SETTLING: Duration = Duration::from_secs(30);
/// How much of [`LONGEST_SETTLING`] may be spent waiting for the RPC. The rest lets the call end with an
/// answer even if the RPC is silent.
const LONGEST_WAIT_FOR_RPC: Duration = Duration::from_secs(20);

/// The result of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) states: Vec<DesiredState>,
    /// The latest moment of the next step, in milliseconds since the Unix epoch.
    pub(crate) next_ms: Option<u64>,
}

type Instance = (Store<GuestState>, DeviceController, u32);

/// An instance of the component for one loop of calls.
pub(crate) struct Controller {
    component: Component,
    host: Arc<Host>,
    /// How its writes count. Those of the settler wake the loop of steps, because a payment that lands opens a door.
    caller: Caller,
    instance: Option<Instance>,
}

impl Controller {
    /// Makes a controller for the loop of steps.
    pub(crate) fn for_steps(component: Component, host: Arc<Host>) -> Self {
        Self { component, host, caller: Caller::Controller, instance: None }
    }

    /// Makes a controller for looking after payments.
    pub(crate) fn for_settling(component: Component, host: Arc<Host>) -> Self {
        Self { component, host, caller: Caller::Settler, instance: None }
    }

    /// Runs one step. An error of the component and a trap have the same effect: a line for the operator, and
    /// a fresh instance next time.
    pub(crate) async fn step(&mut self, resync: bool, reports: &[ReportedState]) -> Result<Plan, Failure> {
        let (mut store, export, used) = self.take().await?;
        allow(&mut store, Duration::ZERO);
        let reports: Vec<device::ReportedState> = reports.iter().map(to_wit).collect();
        let call = export.coinop_device_controller().call_step(&mut store, resync, &reports);
        let called = tokio::time::timeout(LONGEST_STEP, call).await;
        let plan = self.finished(called)?;
        self.keep((store, export, used));
        Ok(Plan { states: plan.states.into_iter().map(order).collect(), next_ms: plan.next_ms })
    }

    /// Looks after payments without an answer. Returns when to do so again, in milliseconds since the Unix
    /// epoch.
    pub(crate) async fn settle(&mut self) -> Result<Option<u64>, Failure> {
        let (mut store, export, used) = self.take().await?;
        allow(&mut store, LONGEST_WAIT_FOR_RPC);
        let call = export.coinop_device_controller().call_settle(&mut store);
        let called = tokio::time::timeout(LONGEST_SETTLING, call).await;
        let next_ms = self.finished(called)?;
        self.keep((store, export, used));
        Ok(next_ms)
    }

    /// Takes the instance out, so that it is not used again if anything goes wrong or the call's future is
    /// dropped.
    async fn take(&mut self) -> Result<Instance, Failure> {
        match self.instance.take() {
            Some(instance) => Ok(instance),
            None => fresh(&self.component, &self.host, self.caller).await,
        }
    }

    fn keep(&mut self, (store, export, used): Instance) {
        if used + 1 < self.component.limits.reuse {
            self.instance = Some((store, export, used + 1));
        }
    }

    fn finished<T>(
        &self,
        called: Result<wasmtime::Result<Result<T, String>>, tokio::time::error::Elapsed>,
    ) -> Result<T, Failure> {
        called
            .map_err(|_| Failure::TimedOut)?
            .map_err(|error| {
                self.host.metrics.trapped();
                Failure::broken("the controller stopped", &error)
            })?
            .map_err(Failure::Broken)
    }
}

async fn fresh(component: &Component, host: &Arc<Host>, caller: Caller) -> Result<Instance, Failure> {
    let mut store = store(component, host, caller);
    let export = component.device.instantiate_async(&mut store).await;
    let export = export.map_err(|error| Failure::broken("the controller cannot be started", &error))?;
    Ok((store, export, 0))
}

fn to_wit(report: &ReportedState) -> device::ReportedState {
    device::ReportedState {
        asset: report.asset.clone(),
        sequence: report.sequence,
        state: match report.state {
            LockState::Locked => device::LockState::Locked,
            LockState::Unlocked => device::LockState::Unlocked,
            LockState::Unknown => device::LockState::Unknown,
        },
        failed: report.failed,
        away_since_ms: report.away_since_ms,
        at_ms: report.at_ms,
    }
}

fn order(order: device::DesiredState) -> DesiredState {
    DesiredState { asset: order.asset, sequence: order.sequence, unlocked_until_ms: order.unlocked_until_ms }
}
