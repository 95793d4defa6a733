//! The device controller, which `coinop serve` calls in addition to HTTP.

use coinop_core::{AssetId, Timestamp, device};

use crate::deployment::prepared_gateway;

mod bindings {
    //! Generated from `wit/device.wit`.
    #![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all, reason = "generated")]
    wit_bindgen::generate!({ path: "wit", world: "device-controller" });
    use super::Controller;
    export!(Controller);
}

use bindings::exports::coinop::device::controller::{DesiredState, Guest, LockState, Plan, ReportedState};

struct Controller;

impl Guest for Controller {
    fn step(resync: bool, reports: Vec<ReportedState>) -> Result<Plan, String> {
        spin_executor::run(async {
            let gateway = prepared_gateway().await?;
            let reports = reports.into_iter().filter_map(read).collect();
            let plan = gateway.step(resync, reports).await.map_err(|error| error.to_string())?;
            let states = plan.states.into_iter().map(|planned| DesiredState {
                asset: planned.asset.to_string(),
                sequence: planned.state.sequence,
                unlocked_until_ms: planned.state.unlocked_until().map(Timestamp::millis),
            });
            Ok(Plan { states: states.collect(), next_ms: plan.next.map(Timestamp::millis) })
        })
    }

    fn settle() -> Result<Option<u64>, String> {
        spin_executor::run(async {
            let next = prepared_gateway().await?.settle_due().await.map_err(|error| error.to_string())?;
            Ok(next.map(Timestamp::millis))
        })
    }
}

/// Converts a report. Returns `None` if the asset's id cannot exist.
fn read(report: ReportedState) -> Option<(AssetId, device::Report)> {
    let asset = AssetId::parse(&report.asset)?;
    let state = match report.state {
        LockState::Locked => device::LockState::Locked,
        LockState::Unlocked => device::LockState::Unlocked,
        LockState::Unknown => device::LockState::Unknown,
    };
    if let Some(since) = report.away_since_ms {
        let away_since = Timestamp::from_millis(since);
        return Some((asset, device::Report::Began { found: state, away_since }));
    }
    let at = Timestamp::from_millis(report.at_ms);
    let seen = device::ReportedState::of_lock(report.sequence, state, at).with_failed(report.failed);
    Some((asset, device::Report::Seen(seen)))
}
