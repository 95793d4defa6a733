//! Calling the component's extra export, the device controller.

use std::sync::Arc;
use std::time::Duration;

use coinop_bindings::controller::DeviceController;
use coinop_bindings::device;
use wasmtime::Store;

use super::Failure;
use super::engine::Component;
use super::state::{GuestState, Host, allow, store};
use crate::db::Origin;
use crate::devices::{Order, Report};
use crate::drivers::LockState;

/// A step settles what is unclear, and may wait for the chain. The devices do
/// not wait for it: each keeps its own time.
const LONGEST_STEP: Duration = Duration::from_secs(15);
/// The most of it that may be spent waiting for the RPC, so that a step ends in
/// a plan even when the RPC is silent.
const LONGEST_WAIT_FOR_RPC: Duration = Duration::from_secs(10);

/// What one step said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) orders: Vec<Order>,
    /// When to ask again at the latest, in milliseconds since the Unix epoch.
    pub(crate) next_ms: Option<u64>,
}

/// The controller's own instance of the component.
pub(crate) struct Controller {
    component: Component,
    host: Arc<Host>,
    instance: Option<(Store<GuestState>, DeviceController, u32)>,
}

impl Controller {
    pub(crate) fn new(component: Component, host: Arc<Host>) -> Self {
        Self { component, host, instance: None }
    }

    /// One step. An error of the component's own and a trap are the same here:
    /// a line for the operator, and a fresh instance next time.
    pub(crate) async fn step(&mut self, resync: bool, reports: &[Report]) -> Result<Plan, Failure> {
        // Taken out, so that whatever goes wrong it is not used again; also if
        // this future is dropped in the middle of a call.
        let (mut store, export, used) = match self.instance.take() {
            Some(instance) => instance,
            None => fresh(&self.component, &self.host).await?,
        };
        allow(&mut store, LONGEST_WAIT_FOR_RPC);
        let reports: Vec<device::Report> = reports.iter().map(told).collect();
        let call = export.coinop_device_controller().call_step(&mut store, resync, &reports);
        let plan = tokio::time::timeout(LONGEST_STEP, call)
            .await
            .map_err(|_| Failure::TimedOut)?
            .map_err(|error| {
                self.host.metrics.trapped();
                Failure::broken("the controller stopped", &error)
            })?
            .map_err(Failure::Broken)?;
        if used + 1 < self.component.limits.reuse {
            self.instance = Some((store, export, used + 1));
        }
        Ok(Plan { orders: plan.orders.into_iter().map(order).collect(), next_ms: plan.next_ms })
    }
}

async fn fresh(
    component: &Component,
    host: &Arc<Host>,
) -> Result<(Store<GuestState>, DeviceController, u32), Failure> {
    let mut store = store(component, host, Origin::Controller);
    let export = component.device.instantiate_async(&mut store).await;
    let export = export.map_err(|error| Failure::broken("the controller cannot be started", &error))?;
    Ok((store, export, 0))
}

fn told(report: &Report) -> device::Report {
    device::Report {
        asset: report.asset.clone(),
        sequence: report.sequence,
        state: match report.state {
            LockState::Locked => device::LockState::Locked,
            LockState::Unlocked => device::LockState::Unlocked,
            LockState::Unknown => device::LockState::Unknown,
        },
        at_ms: report.at_ms,
    }
}

fn order(order: device::Order) -> Order {
    Order { asset: order.asset, sequence: order.sequence, unlocked_until_ms: order.unlocked_until_ms }
}
