//! The driver: it loads, decides, appends and carries out, through the ports. The
//! only part of the core that waits for anything.
//!
//! What it does is always the same: load a state, [`decide`], append what follows
//! with the revision that was loaded, and start again if somebody else was first.
//! Effects come after the append that promises them, and every effect can be done
//! again.

mod assets;
mod pursuit;
mod recovery;
mod sale;
mod terms;

pub use assets::ManageError;
pub use recovery::{Plan, PlannedOrder};
pub use sale::{Buy, Examined, Sale, SaleError, Sold};
pub use terms::Verified;

use crate::config::Config;
use crate::ids::AssetId;
use crate::keys::KeyRing;
use crate::ports::{Appended, Clock as _, Journal as _, PortError, Ports};
use crate::session::index::IndexChange;
use crate::session::{Batch, Command, Cover, Reject, Stored, decide};

/// What a deployment is made of: read once, never changed.
#[derive(Debug)]
pub struct Deployment {
    /// The configuration.
    pub config: Config,
    /// The keys.
    pub keys: KeyRing,
}

/// A gateway: a deployment on a platform.
#[derive(Debug)]
pub struct Gateway<'a, P> {
    deployment: &'a Deployment,
    ports: &'a P,
}

/// How often a command is decided again because somebody else was first.
const ATTEMPTS: u32 = 16;

/// Why a command did not happen.
#[derive(Debug)]
enum CommandError {
    /// It is refused.
    Rejected(Reject),
    /// A payment or ticket that it claims is claimed already, or everybody else was
    /// always first.
    Conflict,
    /// Another asset has the payment that it claims.
    Elsewhere,
    /// The balance does not cover it beside what is in flight from there.
    NotCovered,
    /// The fee payer's budget of the day is spent.
    OverBudget,
    /// A wallet guard would fail beside what is in flight.
    GuardAtRisk,
    /// Storage does not answer.
    Port(PortError),
}

/// What came of a command.
#[derive(Debug)]
struct Written {
    /// The asset after it.
    stored: Stored,
    /// What it changed in the indexes; nothing if there was nothing to do.
    index: Vec<IndexChange>,
}

impl From<PortError> for CommandError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl<'a, P: Ports> Gateway<'a, P> {
    /// A gateway.
    pub const fn new(deployment: &'a Deployment, ports: &'a P) -> Self {
        Self { deployment, ports }
    }

    /// The deployment.
    #[must_use]
    pub const fn deployment(&self) -> &'a Deployment {
        self.deployment
    }

    /// The ports.
    #[must_use]
    pub const fn ports(&self) -> &'a P {
        self.ports
    }

    /// Decides a command and makes its events durable.
    ///
    /// `known` is the asset as it was seen last. If that still holds, it saves loading it;
    /// if not, the append meets a conflict, and nothing is refused by it.
    async fn command(
        &self,
        asset: &AssetId,
        mut known: Option<Stored>,
        command: Command,
    ) -> Result<Written, CommandError> {
        for attempt in 0..ATTEMPTS {
            let (fresh, stored) = match known.take() {
                Some(stored) => (false, stored),
                None => (true, self.ports.journal().load(asset).await?),
            };
            let now = self.ports.clock().now();
            let events = match decide(&stored.state, command.clone(), &now) {
                Ok(events) => events,
                Err(_) if !fresh => continue,
                Err(reject) => return Err(CommandError::Rejected(reject)),
            };
            let Some(batch) = Batch::new(asset, &stored.state, events, &stored.state.steady(&now)) else {
                if fresh {
                    return Ok(Written { stored, index: Vec::new() });
                }
                continue;
            };
            let mut batch = batch.covered_by(self.cover(&command));
            // Where no box works a device, none will ever report.
            batch.unfulfilled &= self.deployment.config.asset(asset).is_some_and(|a| a.device.is_some());
            match self.ports.journal().append(asset, stored.revision, &batch).await? {
                Appended::Done => {
                    let stored = Stored { revision: stored.revision + 1, state: batch.state };
                    return Ok(Written { stored, index: batch.index });
                }
                // Whether it was the revision or a unique claim, only a look can tell.
                Appended::Conflict if matches!(command, Command::Claim(_)) => {
                    if attempt > 0 && self.ports.journal().load(asset).await?.revision == stored.revision {
                        return Err(CommandError::Conflict);
                    }
                }
                Appended::Conflict => {}
                Appended::Elsewhere => return Err(CommandError::Elsewhere),
                // If the asset has moved on, that says more than the balance does.
                guarded @ (Appended::NotCovered | Appended::OverBudget | Appended::GuardAtRisk) => {
                    if self.ports.journal().load(asset).await?.revision == stored.revision {
                        return Err(match guarded {
                            Appended::OverBudget => CommandError::OverBudget,
                            Appended::GuardAtRisk => CommandError::GuardAtRisk,
                            _ => CommandError::NotCovered,
                        });
                    }
                }
            }
            // Several are at it: let one finish.
            self.ports.clock().sleep(u64::from(attempt) * 5).await;
        }
        Err(CommandError::Conflict)
    }

    /// What has to cover the payment that a command claims.
    fn cover(&self, command: &Command) -> Option<Cover> {
        let Command::Claim(ask) = command else { return None };
        Some(Cover {
            source: ask.claim.source,
            amount: ask.claim.paid.amount,
            left: ask.left,
            exclusive: ask.claim.guarded.source,
            fee_payer: ask.claim.fee_payer,
            slack: ask
                .claim
                .guarded
                .fee_payer_floor
                .map(|floor| ask.fee_payer_lamports.saturating_sub(floor)),
            budget: self.deployment.config.settlement.max_fee_lamports_per_day,
        })
    }
}

#[cfg(test)]
mod tests;
