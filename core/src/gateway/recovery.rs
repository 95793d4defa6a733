//! What is due without being asked: sessions that end, payments without an
//! answer, devices that have not confirmed. The same code after a crash as before.

use super::{CommandError, Gateway};
use crate::ids::AssetId;
use crate::ports::{Clock as _, Journal as _, PortError, Ports};
use crate::session::{Command, LockState, Order, Report, order, pending};
use crate::time::Timestamp;

use super::sale::SaleError;

/// Assets that one step looks after at most.
const ASSETS_PER_STEP: u32 = 64;
/// Payments that one step looks after at most: each may cost several time-outs.
const PAYMENTS_PER_STEP: usize = 4;
/// How long until a payment without an answer is looked after again, in milliseconds.
const RETRY_MS: u64 = 2_000;

/// What one device should be doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedOrder {
    /// Which device.
    pub asset: AssetId,
    /// What.
    pub order: Order,
}

/// The outcome of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What devices should be doing.
    pub orders: Vec<PlannedOrder>,
    /// When to call again at the latest.
    pub next: Option<Timestamp>,
}

impl<P: Ports> Gateway<'_, P> {
    /// Takes in what devices report, carries out what is due, and says what devices
    /// should be doing. Bounded: what it leaves is due at [`Plan::next`].
    ///
    /// With `resync` the plan holds an order for every device of the configuration.
    ///
    /// # Errors
    /// When storage does not answer. Calling again is always safe.
    pub async fn step(&self, resync: bool, reports: Vec<(AssetId, Report)>) -> Result<Plan, PortError> {
        for (asset, report) in reports {
            if self.deployment().config.asset(&asset).is_some() {
                self.decide_on(&asset, Command::Reported(report)).await?;
            }
        }
        let started = self.ports().clock().now().wall;
        let due = self.ports().journal().due(started, ASSETS_PER_STEP).await?;
        // All doors first: asking the chain may take long.
        for asset in &due {
            self.decide_on(asset, Command::Tick).await?;
        }
        let overdue = self.settle_due(&due).await?;

        let orders = self.orders(resync).await?;
        let now = self.ports().clock().now().wall;
        let mut next = self.ports().journal().next_due(now).await?;
        let more = due.len() >= ASSETS_PER_STEP as usize;
        // Something may have become due while this step ran.
        let became_due = !overdue && !self.ports().journal().due(now, 1).await?.is_empty();
        if overdue || more || became_due {
            let soon = now.plus_millis(if more || became_due { 0 } else { RETRY_MS });
            next = Some(next.map_or(soon, |next| next.min(soon)));
        }
        Ok(Plan { orders, next })
    }

    /// Looks after payments without an answer; whether some still have none.
    async fn settle_due(&self, assets: &[AssetId]) -> Result<bool, PortError> {
        let mut left = PAYMENTS_PER_STEP;
        let mut overdue = false;
        for id in assets {
            let state = self.ports().journal().load(id).await?.state;
            let now = self.ports().clock().now();
            for claim in pending(&state, &now).settle {
                overdue = true;
                let Some(rest) = left.checked_sub(1) else { return Ok(true) };
                left = rest;
                // Also for an asset that is no longer in the configuration: money that
                // moved has to become a session all the same.
                match self.pursue(id, claim, now.wall).await {
                    Ok(()) => {}
                    Err(SaleError::Unavailable(error)) => return Err(error),
                    Err(other) => self.ports().log(&format!("looking after a payment: {other:?}")),
                }
            }
        }
        Ok(overdue)
    }

    async fn orders(&self, resync: bool) -> Result<Vec<PlannedOrder>, PortError> {
        let with_device = self.deployment().config.assets.iter().filter(|asset| asset.device.is_some());
        let assets: Vec<AssetId> = if resync {
            with_device.map(|asset| asset.id.clone()).collect()
        } else {
            let unfulfilled = self.ports().journal().unfulfilled(ASSETS_PER_STEP).await?;
            let driven: Vec<_> = with_device.map(|asset| &asset.id).collect();
            unfulfilled.into_iter().filter(|id| driven.contains(&id)).collect()
        };
        let mut orders = Vec::with_capacity(assets.len());
        for asset in assets {
            let state = self.ports().journal().load(&asset).await?.state;
            let now = state.steady(&self.ports().clock().now());
            orders.push(PlannedOrder { asset, order: order(&state, &now) });
        }
        Ok(orders)
    }

    /// Decides a command that can't be refused.
    async fn decide_on(&self, asset: &AssetId, command: Command) -> Result<(), PortError> {
        match self.command(asset, command).await {
            Ok(_) | Err(CommandError::Rejected(_)) => Ok(()),
            Err(CommandError::Conflict) => Err(PortError(format!("{asset} is changed by too many at once"))),
            Err(CommandError::Port(error)) => Err(error),
        }
    }
}

impl LockState {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Unlocked => "unlocked",
            Self::Unknown => "unknown",
        }
    }
}
