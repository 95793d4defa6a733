//! What is due without being asked: sessions that end, payments without an
//! answer, devices that have not confirmed. The same code after a crash as before.

use super::{CommandError, Gateway, contended};
use crate::ids::{AssetId, StreamId};
use crate::ports::{Clock as _, Entropy as _, PortError, Ports, Schedule as _, Streams as _};
use crate::session::{Command, DesiredState, ReportedState, desired_state_for_box, pending};
use crate::time::Timestamp;

use super::buy::SaleError;

/// Streams that one step looks after at most.
const STREAMS_PER_STEP: u32 = 64;
/// Assets whose devices have not confirmed that one step looks through at most.
const ASSETS_LOOKED_AT: u32 = 4_096;
/// Payments that one step looks after at most: each may cost several time-outs.
const PAYMENTS_PER_STEP: usize = 4;
/// How long one call looks after payments, in milliseconds: it begins no other then.
const LONGEST_MS: u64 = 5_000;
/// How long until a payment without an answer is looked after again, in milliseconds.
const RETRY_MS: u64 = 2_000;

/// What one device should be doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedState {
    /// Which device.
    pub asset: AssetId,
    /// What.
    pub state: DesiredState,
}

/// The outcome of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What devices should be doing.
    pub states: Vec<PlannedState>,
    /// When to call again at the latest.
    pub next: Option<Timestamp>,
}

impl<P: Ports> Gateway<'_, P> {
    /// Takes in what devices report, ends what is over, and says what devices should
    /// be doing. It never waits for the chain: a door must not wait behind somebody's
    /// payment (that is [`Self::settle_due`]). Bounded: what it leaves is due at
    /// `Plan::next`.
    ///
    /// With `resync` the plan holds an order for every device of the configuration.
    ///
    /// # Errors
    /// When storage does not answer. Calling again is always safe.
    pub async fn step(
        &self,
        resync: bool,
        reports: Vec<(AssetId, ReportedState)>,
    ) -> Result<Plan, PortError> {
        for (asset, report) in reports {
            if self.deployment().config.asset(&asset).is_some() {
                self.decide_on(&StreamId::of_asset(asset), Command::Reported(report)).await?;
            }
        }
        let started = self.ports().clock().now().wall;
        for stream in &self.ports().journal().due(started, STREAMS_PER_STEP).await? {
            self.decide_on(stream, Command::Tick).await?;
        }
        Ok(Plan { states: self.states(resync).await?, next: self.next_end().await? })
    }

    /// When paid time is over next.
    async fn next_end(&self) -> Result<Option<Timestamp>, PortError> {
        let now = self.ports().clock().now().wall;
        // More than one step may take, or something that ended while it ran.
        let left = !self.ports().journal().due(now, 1).await?.is_empty();
        if left { Ok(Some(now)) } else { self.ports().journal().next_due(now).await }
    }

    /// Looks after payments without an answer: asks the chain, and sends them again.
    /// Bounded, and slow when the chain is. Returns when to call again at the latest.
    ///
    /// # Errors
    /// When storage does not answer. Calling again is always safe.
    pub async fn settle_due(&self) -> Result<Option<Timestamp>, PortError> {
        if self.settle_some().await? {
            return Ok(Some(self.ports().clock().now().wall));
        }
        self.next_look().await
    }

    /// Carries out what is due, within the bounds of one step. Returns whether there is more
    /// of it.
    pub(crate) async fn carry_out(&self) -> Result<bool, PortError> {
        let ended = self.step(false, Vec::new()).await;
        let settled = self.settle_some().await;
        ended.and(settled)
    }

    /// When something is due next: what one step changes, another may have to end.
    pub(crate) async fn next_due(&self) -> Result<Option<Timestamp>, PortError> {
        Ok([self.next_end().await?, self.next_look().await?].into_iter().flatten().min())
    }

    /// Looks after payments without an answer. Returns whether there are more than one call
    /// takes.
    async fn settle_some(&self) -> Result<bool, PortError> {
        let started = self.ports().clock().now().wall;
        let mut streams = self.ports().journal().unsettled(started, STREAMS_PER_STEP).await?;
        // Some may stay without an answer for long: begin anywhere, so that they do not
        // keep the others from their turn.
        let start = usize::from(self.ports().entropy().random()[0]);
        if let Some(count) = std::num::NonZeroUsize::new(streams.len()) {
            streams.rotate_left(start % count);
        }
        let mut left = PAYMENTS_PER_STEP;
        for id in &streams {
            let snapshot = self.ports().journal().load(id).await?;
            for claim in pending(&snapshot.state, &self.ports().clock().now()).settle {
                let now = self.ports().clock().now().wall;
                if left == 0 || now.millis_since(started) > LONGEST_MS {
                    return Ok(true);
                }
                left -= 1;
                // Also for an asset that is no longer in the configuration: money that
                // moved has to become a session all the same.
                match self.confirm(id, &snapshot, claim, now).await {
                    Ok(()) => {}
                    Err(SaleError::Unavailable(error)) => return Err(error),
                    // It has failed for good: that is written down, and logged, by now.
                    Err(_) => {}
                }
            }
        }
        Ok(false)
    }

    /// When to look after a payment without an answer next.
    async fn next_look(&self) -> Result<Option<Timestamp>, PortError> {
        let now = self.ports().clock().now().wall;
        let next = self.ports().journal().next_unsettled(now).await?;
        if self.ports().journal().unsettled(now, 1).await?.is_empty() {
            return Ok(next);
        }
        let soon = now.plus_millis(RETRY_MS);
        Ok(Some(next.map_or(soon, |next| next.min(soon))))
    }

    async fn states(&self, resync: bool) -> Result<Vec<PlannedState>, PortError> {
        let with_device = self.deployment().config.assets.iter().filter(|asset| asset.device.is_some());
        let assets: Vec<AssetId> = if resync {
            with_device.map(|asset| asset.id.clone()).collect()
        } else {
            let config = &self.deployment().config;
            let works = |id: &AssetId| config.asset(id).is_some_and(|asset| asset.device.is_some());
            let unfulfilled = self.ports().journal().unfulfilled(ASSETS_LOOKED_AT).await?;
            let mut unfulfilled: Vec<_> = unfulfilled.iter().map(|stream| stream.asset().clone()).collect();
            unfulfilled.retain(works);
            // Devices that are broken, or gone, must not keep the others from their turn.
            if let Some(count) = std::num::NonZeroUsize::new(unfulfilled.len()) {
                let [a, b, ..] = self.ports().entropy().random();
                unfulfilled.rotate_left(usize::from(u16::from_le_bytes([a, b])) % count);
            }
            unfulfilled
        };
        let mut states = Vec::with_capacity(assets.len());
        for asset in assets {
            let state = self.ports().journal().load(&StreamId::of_asset(asset.clone())).await?.state;
            let state = desired_state_for_box(&state, &self.ports().clock().now());
            states.push(PlannedState { asset, state });
        }
        Ok(states)
    }

    /// Decides a command that can't be refused.
    async fn decide_on(&self, stream: &StreamId, command: Command) -> Result<(), PortError> {
        match self.command(stream, None, command).await {
            Ok(_) | Err(CommandError::Rejected(_)) => Ok(()),
            Err(CommandError::Conflict) => Err(contended(stream)),
            Err(CommandError::Port(error)) => Err(error),
        }
    }
}
