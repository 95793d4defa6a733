//! The quote that needs no storage: one priced offer.
//!
//! The buyer carries it as a [`Ticket`], which comes back with the payment. How it is paid is a matter of its
//! [rail](Offered).

mod operation;
mod sealed;
mod ticket;

pub use operation::Operation;
pub(crate) use ticket::TicketId;
pub use ticket::{Nonce, Ticket};

use crate::ids::AssetId;
use crate::money::Amount;
use crate::rail::Offered;
use crate::session::Allowance;
use crate::time::Timestamp;

/// How long a quote can be paid, in seconds.
pub(crate) const QUOTE_SECONDS: u64 = 300;

/// One priced offer.
///
/// A ticket opens only where everything that was promised with it still holds: at the deployment that made it, while that
/// is paid in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// What it buys.
    pub operation: Operation,
    /// The asset.
    pub asset: AssetId,
    /// Which of the assets that had this id in turn.
    pub generation: u64,
    /// Whether the asset is shared: then the session that it starts has a stream of its own.
    pub is_shared: bool,
    /// How many units.
    pub quantity: u64,
    /// What they entitle to.
    pub allowance: Allowance,
    /// What they cost, in atomic units.
    pub amount: Amount,
    /// Whom it pays, and in what.
    pub offered: Offered,
    /// The moment from which it can no longer be paid.
    pub expires_at: Timestamp,
    /// Makes it unique.
    pub nonce: Nonce,
}
