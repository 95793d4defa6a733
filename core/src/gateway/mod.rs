//! The driver: it loads, decides, appends and carries out, through the ports. The
//! only part of the core that waits for anything.
//!
//! What it does is always the same: load a state, [`decide`], append what follows
//! with the revision that was loaded, and start again if somebody else was first.
//! Effects come after the append that promises them, and every effect can be done
//! again.

mod assets;
mod buy;
mod confirm;
mod recovery;
mod sale;
mod terms;

pub(crate) use assets::ManageError;
pub use buy::BuyRequest;
pub(crate) use buy::{Sale, SaleError, Sold};
#[cfg(any(test, feature = "testkit"))]
pub(crate) use recovery::Plan;
pub(crate) use sale::Examined;

use crate::config::Config;
use crate::error::StoreError;
use crate::ids::StreamId;
use crate::keys::KeyRing;
use crate::ports::{Appended, Clock as _, PortError, Ports, Streams as _};
use crate::session::index::IndexChange;
use crate::session::{Batch, ClaimRequest, Command, FundsCheck, Reject, Snapshot, decide};

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
    /// Storage does not answer.
    Port(PortError),
}

/// Says why a payment was not claimed.
#[derive(Debug)]
enum ClaimError {
    /// For a reason that any command may have.
    Command(CommandError),
    /// A guard that only claims are held against refuses it.
    Guarded(ClaimGuard),
}

/// Names the guard that refused a claim; its asset's state did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClaimGuard {
    /// Another stream has the payment that it claims.
    Elsewhere,
    /// The balance does not cover it beside what is in flight from there.
    NotCovered,
    /// The fee payer's budget of the day is spent.
    OverBudget,
    /// A wallet guard would fail beside what is in flight.
    AtRisk,
    /// As many sessions of the shared asset run as may.
    Full,
}

/// What came of a command.
#[derive(Debug)]
struct Committed {
    /// The asset after it.
    snapshot: Snapshot,
    /// What it changed in the indexes; nothing if there was nothing to do.
    index: Vec<IndexChange>,
}

impl From<PortError> for CommandError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl From<PortError> for ClaimError {
    fn from(error: PortError) -> Self {
        Self::Command(CommandError::Port(error))
    }
}

/// Returns the error of a stream that others changed first, each time it was tried.
fn contended(stream: &StreamId) -> PortError {
    StoreError::Contended(stream.to_string()).into()
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

    /// Decides a command that claims no payment, and makes its events durable.
    ///
    /// `known` is the asset as it was seen last. If that still holds, it saves loading it;
    /// if not, the append meets a conflict, and nothing is refused by it.
    async fn command(
        &self,
        stream: &StreamId,
        known: Option<Snapshot>,
        command: Command,
    ) -> Result<Committed, CommandError> {
        self.write(stream, known, command, None).await.map_err(|error| match error {
            ClaimError::Command(error) => error,
            ClaimError::Guarded(_) => {
                CommandError::Port(StoreError::Invariant("what claims nothing was refused as a claim").into())
            }
        })
    }

    /// Claims a payment that `funds` has to cover, if anything does, and makes that durable. `known` is as for
    /// [`Self::command`].
    async fn claim(
        &self,
        stream: &StreamId,
        known: Snapshot,
        ask: ClaimRequest,
        funds: Option<FundsCheck>,
    ) -> Result<Committed, ClaimError> {
        self.write(stream, Some(known), Command::Claim(Box::new(ask)), funds).await
    }

    /// Decides a command and appends what follows, until nobody else is first.
    async fn write(
        &self,
        stream: &StreamId,
        mut known: Option<Snapshot>,
        command: Command,
        funds: Option<FundsCheck>,
    ) -> Result<Committed, ClaimError> {
        let claims = matches!(command, Command::Claim(_));
        for attempt in 0..ATTEMPTS {
            let (fresh, snapshot) = match known.take() {
                Some(snapshot) => (false, snapshot),
                None => (true, self.ports.journal().load(stream).await?),
            };
            let now = self.ports.clock().now();
            let events = match decide(&snapshot.state, command.clone(), &now) {
                Ok(events) => events,
                Err(_) if !fresh => continue,
                Err(reject) => return Err(ClaimError::Command(CommandError::Rejected(reject))),
            };
            let Some(batch) = Batch::new(stream, &snapshot.state, events, &snapshot.state.clamped_now(&now))
            else {
                if fresh {
                    return Ok(Committed { snapshot, index: Vec::new() });
                }
                continue;
            };
            let batch = batch.with_funds(funds.clone());
            let appended = self.ports.journal().append(stream, snapshot.revision, &batch).await?;
            if appended == Appended::Done {
                let snapshot = Snapshot { revision: snapshot.revision + 1, state: batch.state };
                return Ok(Committed { snapshot, index: batch.index });
            }
            self.judge(stream, snapshot.revision, appended, claims && attempt > 0).await?;
            // Several are at it: let one finish.
            self.ports.clock().sleep(u64::from(attempt) * 5).await;
        }
        Err(ClaimError::Command(CommandError::Conflict))
    }

    /// Judges an append at `revision` that was not done: `Ok` if it is worth another attempt.
    ///
    /// If the asset has moved on, that says more than a guard does. With `unique` a conflict at the same revision is
    /// about the payment or the ticket, which no other attempt would change.
    async fn judge(
        &self,
        stream: &StreamId,
        revision: u64,
        appended: Appended,
        unique: bool,
    ) -> Result<(), ClaimError> {
        let refused = match appended {
            Appended::Done => return Ok(()),
            Appended::Elsewhere => return Err(ClaimError::Guarded(ClaimGuard::Elsewhere)),
            Appended::Conflict if !unique => return Ok(()),
            Appended::Conflict => ClaimError::Command(CommandError::Conflict),
            Appended::NotCovered => ClaimError::Guarded(ClaimGuard::NotCovered),
            Appended::OverBudget => ClaimError::Guarded(ClaimGuard::OverBudget),
            Appended::GuardAtRisk => ClaimError::Guarded(ClaimGuard::AtRisk),
            Appended::Full => ClaimError::Guarded(ClaimGuard::Full),
        };
        let moved_on = self.ports.journal().load(stream).await?.revision != revision;
        if moved_on { Ok(()) } else { Err(refused) }
    }
}

#[cfg(test)]
mod tests;
