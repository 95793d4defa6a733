//! The driver of all that happens: it loads, decides, appends and carries out, through the ports. It is the only part
//! of the core that waits for anything.
//!
//! It always does the same: it loads a state, calls [`decide`], and appends the events with the revision that it
//! loaded. If another writer was first, it starts again. An effect comes only after the append that promises it, and
//! every effect can safely be repeated.

mod assets;
mod buy;
mod codes;
mod confirm;
mod decide_owed;
mod fees;
mod lost;
mod owed_line;
mod recovery;
mod sale;
mod stop;
mod terms;
mod unclaimed;

pub(crate) use assets::ManageError;
pub use buy::{BuyRequest, Wait};
pub(crate) use buy::{Sale, SaleError, Sold};
pub use decide_owed::{DecideError, decide_about};
#[cfg(any(test, feature = "testkit"))]
pub(crate) use recovery::Plan;
pub(crate) use sale::Examined;

use owed_line::owed_line;

use crate::config::Config;
use crate::error::StoreError;
use crate::ids::StreamId;
use crate::keys::KeyRing;
use crate::ports::{Appended, Clock as _, PortError, Ports, Streams as _};
use crate::session::index::IndexChange;
use crate::session::{Batch, ClaimRequest, Command, FundsCheck, Reject, Snapshot, decide};

/// What a deployment is made of. It is read once and never changes.
#[derive(Debug)]
pub struct Deployment {
    /// The parsed and validated configuration.
    pub config: Config,
    /// The keys that the gateway seals and signs with.
    pub keys: KeyRing,
    /// When the journal was last restored from a copy, in seconds since the epoch; 0 if it never was. Grants are numbered
    /// anew from there.
    pub epoch: u64,
}

/// A deployment on a platform: it carries out sales, recovery and the management of assets.
#[derive(Debug)]
pub struct Gateway<'a, P> {
    deployment: &'a Deployment,
    ports: &'a P,
}

/// How often a command is tried when other writers are first.
const ATTEMPTS: u32 = 16;

/// Why a command was not carried out.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// The stream's state does not allow it.
    Rejected(Reject),
    /// The payment or ticket to be claimed is claimed already, or other writers were first in every attempt.
    Conflict,
    /// The storage does not answer.
    Port(PortError),
}

/// Why a payment was not claimed.
#[derive(Debug)]
enum ClaimError {
    /// A reason that any command can have.
    Command(CommandError),
    /// A guard that only applies to claims refused it.
    Guarded(ClaimGuard),
}

/// The guard that refused a claim which the stream's state allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClaimGuard {
    /// Another stream has claimed the same payment.
    Elsewhere,
    /// The balance does not cover the payment together with what is in flight from the same account.
    NotCovered,
    /// No budget bears its fee.
    OverBudget,
    /// A wallet guard could fail because of what else is in flight.
    AtRisk,
    /// All seats of the shared asset are taken.
    Full,
}

/// The result of a command that was carried out.
#[derive(Debug)]
struct Committed {
    /// The stream after the command.
    snapshot: Snapshot,
    /// What the command changed in the indexes; empty if there was nothing to do.
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

/// Returns the error for a stream that other writers changed first in every attempt.
fn contended(stream: &StreamId) -> PortError {
    StoreError::Contended(stream.to_string()).into()
}

impl<'a, P: Ports> Gateway<'a, P> {
    /// Creates the gateway of a deployment on a platform.
    pub const fn new(deployment: &'a Deployment, ports: &'a P) -> Self {
        Self { deployment, ports }
    }

    /// Returns the deployment.
    #[must_use]
    pub const fn deployment(&self) -> &'a Deployment {
        self.deployment
    }

    /// Returns the platform's ports.
    #[must_use]
    pub const fn ports(&self) -> &'a P {
        self.ports
    }

    /// Decides a command that claims no payment, and makes its events durable.
    ///
    /// `known` is the stream as it was last seen. If it is still current, it saves loading the stream. If not, it does
    /// no harm: a command is never refused on an old state, and the append meets a conflict.
    async fn command(
        &self,
        stream: &StreamId,
        known: Option<Snapshot>,
        command: Command,
    ) -> Result<Committed, CommandError> {
        self.write(stream, known, command, None).await.map_err(|error| match error {
            ClaimError::Command(error) => error,
            ClaimError::Guarded(_) => CommandError::Port(
                StoreError::Invariant("a command that claims no payment was refused by a guard").into(),
            ),
        })
    }

    /// Claims a payment and makes that durable, provided that `funds` covers it. Without `funds` nothing has to.
    ///
    /// `known` is the same as for [`Self::command`].
    async fn claim(
        &self,
        stream: &StreamId,
        known: Snapshot,
        ask: ClaimRequest,
        funds: Option<FundsCheck>,
    ) -> Result<Committed, ClaimError> {
        self.write(stream, Some(known), Command::Claim(Box::new(ask)), funds).await
    }

    /// Decides a command and appends its events, with up to [`ATTEMPTS`] attempts if other writers are first.
    async fn write(
        &self,
        stream: &StreamId,
        mut known: Option<Snapshot>,
        command: Command,
        funds: Option<FundsCheck>,
    ) -> Result<Committed, ClaimError> {
        let claims = matches!(command, Command::Claim(_) | Command::Restore(_));
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
                for change in &batch.index {
                    if let IndexChange::Owed { record, .. } = change {
                        self.ports.log(&owed_line(&self.deployment.config, record));
                    }
                }
                let snapshot = Snapshot { revision: snapshot.revision + 1, state: batch.state };
                return Ok(Committed { snapshot, index: batch.index });
            }
            self.judge(stream, snapshot.revision, appended, claims && attempt > 0).await?;
            // Several writers compete for this stream. A longer pause each time lets one of them finish.
            self.ports.clock().sleep(u64::from(attempt) * 5).await;
        }
        Err(ClaimError::Command(CommandError::Conflict))
    }

    /// Judges an append at `revision` that was not done. Returns `Ok` if another attempt is worthwhile.
    ///
    /// If the stream has moved on, another attempt comes before any guard's answer. With `unique`, a conflict at the
    /// same revision concerns the payment or the ticket, and another attempt would not change that.
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
