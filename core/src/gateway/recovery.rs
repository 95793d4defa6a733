//! What becomes due without a request: sessions that end, payments without an answer, and devices that have not
//! confirmed.
//!
//! The same code runs after a crash as before it.

use super::{CommandError, Gateway, contended};
use crate::ids::{AssetId, StreamId};
use crate::ports::{Clock as _, Entropy as _, PortError, Ports, Schedule as _, Streams as _};
use crate::session::{Command, DesiredState, Report, desired_state_for_host, pending};
use crate::time::Timestamp;

use super::buy::SaleError;

/// How many streams one call looks after at most.
const STREAMS_PER_STEP: u32 = 64;
/// How many assets with unconfirmed devices one step looks at.
const ASSETS_LOOKED_AT: u32 = 4_096;
/// How many streams with a running session one start looks at.
const STREAMS_LOOKED_AT: u32 = 100_000;
/// Later than any paid time ends, in milliseconds since the epoch.
const END_OF_TIME: u64 = (1 << 53) - 1;
/// How many payments one call looks after at most. Each may cost several time-outs.
const PAYMENTS_PER_STEP: usize = 4;
/// After how long one call stops looking after further payments, in milliseconds.
const LONGEST_MS: u64 = 5_000;
/// After how long a payment without an answer is looked after again, in milliseconds.
const RETRY_MS: u64 = 2_000;

/// What one device should be doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedState {
    /// The asset of the device.
    pub asset: AssetId,
    pub state: DesiredState,
}

/// The result of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What devices should be doing.
    pub states: Vec<PlannedState>,
    /// When to call again at the latest; `None` if nothing will be due.
    pub next: Option<Timestamp>,
}

/// Returns whether a payment that is to be looked after at `next` was claimed before the clock was set back.
const fn is_of_another_time(next: Timestamp, now: Timestamp) -> bool {
    now.overdue_since(next) == u64::MAX
}

impl<P: Ports> Gateway<'_, P> {
    /// Records what devices report, ends what is over, and returns what devices should be doing.
    ///
    /// It never waits for the chain, because a door must not wait behind somebody's payment. Payments are the task of
    /// [`Self::settle_due`]. One step is bounded, and what it leaves is due at `Plan::next`.
    ///
    /// With `resync` the plan has the desired state of every device of the configuration, otherwise only of devices
    /// that have not confirmed theirs.
    ///
    /// # Errors
    /// Returns an error if the storage does not answer. Calling again is always safe.
    pub async fn step(&self, resync: bool, reports: Vec<(AssetId, Report)>) -> Result<Plan, PortError> {
        for (asset, report) in reports {
            if self.deployment().config.asset(&asset).is_some() {
                let command = match report {
                    Report::Seen(report) => Command::Reported(report),
                    Report::Began { found, away_since } => Command::Returned { found, away_since },
                };
                self.decide_on(&StreamId::of_asset(asset), command).await?;
            }
        }
        if resync {
            self.end_orphans().await?;
        }
        let started = self.ports().clock().now().wall;
        for stream in &self.ports().journal().due(started, STREAMS_PER_STEP).await? {
            self.decide_on(stream, Command::EndDue).await?;
        }
        Ok(Plan { states: self.states(resync).await?, next: self.next_end().await? })
    }

    /// Ends the sessions whose asset or device is no longer in the configuration. Nothing works their devices any more.
    async fn end_orphans(&self) -> Result<(), PortError> {
        let config = &self.deployment().config;
        let has_device = |id: &AssetId| config.asset(id).is_some_and(|asset| asset.device.is_some());
        let ever = Timestamp::from_millis(END_OF_TIME);
        for stream in self.ports().journal().due(ever, STREAMS_LOOKED_AT).await? {
            if !has_device(stream.asset()) {
                self.decide_on(&stream, Command::DeviceRemoved).await?;
            }
        }
        Ok(())
    }

    /// Returns when paid time ends next; now if something is over already.
    async fn next_end(&self) -> Result<Option<Timestamp>, PortError> {
        let now = self.ports().clock().now().wall;
        // There may be more than one step handles, or something ended while it ran.
        let left = !self.ports().journal().due(now, 1).await?.is_empty();
        if left { Ok(Some(now)) } else { self.ports().journal().next_due(now).await }
    }

    /// Looks after payments without an answer: asks the chain for their outcome, and sends them again if it is unclear.
    /// Returns when to call again at the latest.
    ///
    /// One call is bounded, and is slow when the chain is.
    ///
    /// # Errors
    /// Returns an error if the storage does not answer. Calling again is always safe.
    pub async fn settle_due(&self) -> Result<Option<Timestamp>, PortError> {
        if self.settle_batch().await? {
            return Ok(Some(self.ports().clock().now().wall));
        }
        self.next_look().await
    }

    /// Carries out what is due, within the bounds of one call. Returns whether more payments are due.
    pub(crate) async fn run_due(&self) -> Result<bool, PortError> {
        let ended = self.step(false, Vec::new()).await;
        let settled = self.settle_batch().await;
        ended.and(settled)
    }

    /// Returns when something is due next. It is asked after the work is done, because one step may change what another
    /// has to end.
    pub(crate) async fn next_due(&self) -> Result<Option<Timestamp>, PortError> {
        Ok([self.next_end().await?, self.next_look().await?].into_iter().flatten().min())
    }

    /// Looks after payments without an answer. Returns whether there are more than one call handles.
    async fn settle_batch(&self) -> Result<bool, PortError> {
        let started = self.ports().clock().now().wall;
        let until = self.next_claim(started).await?.filter(|next| is_of_another_time(*next, started));
        let mut streams =
            self.ports().journal().unsettled(until.unwrap_or(started), STREAMS_PER_STEP).await?;
        // Some payments may stay without an answer for long. A random start keeps them from blocking the others.
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
                // The asset may no longer be in the configuration: money that moved has to become a session all the
                // same.
                match self.confirm(id, &snapshot, claim, now, false).await {
                    Ok(()) => {}
                    Err(SaleError::Unavailable(error)) => return Err(error),
                    // The payment has failed for good. That is recorded and logged by now.
                    Err(_) => {}
                }
            }
        }
        Ok(false)
    }

    /// Returns the next time after `now` at which a payment has to be looked after.
    async fn next_claim(&self, now: Timestamp) -> Result<Option<Timestamp>, PortError> {
        self.ports().journal().next_unsettled(now).await
    }

    /// Returns when to look after a payment without an answer next.
    async fn next_look(&self) -> Result<Option<Timestamp>, PortError> {
        let now = self.ports().clock().now().wall;
        let next = self.next_claim(now).await?;
        let waits = next.is_none_or(|next| !is_of_another_time(next, now));
        if waits && self.ports().journal().unsettled(now, 1).await?.is_empty() {
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
            // A random start keeps broken or absent devices from blocking the others.
            if let Some(count) = std::num::NonZeroUsize::new(unfulfilled.len()) {
                let [a, b, ..] = self.ports().entropy().random();
                unfulfilled.rotate_left(usize::from(u16::from_le_bytes([a, b])) % count);
            }
            unfulfilled
        };
        let mut states = Vec::with_capacity(assets.len());
        for asset in assets {
            let state = self.ports().journal().load(&StreamId::of_asset(asset.clone())).await?.state;
            let state = desired_state_for_host(&state, &self.ports().clock().now());
            states.push(PlannedState { asset, state });
        }
        Ok(states)
    }

    /// Ends what is over in one stream.
    ///
    /// # Errors
    /// Returns an error if the storage does not answer. Calling again is always safe.
    pub(crate) async fn end_due(&self, stream: &StreamId) -> Result<(), PortError> {
        self.decide_on(stream, Command::EndDue).await
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
