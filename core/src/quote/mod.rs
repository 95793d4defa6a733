//! The quote: one priced offer, which needs no storage.
//!
//! The buyer carries it as a [`Ticket`], which comes back with the payment. How it is paid is up to its
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

/// One price for one quantity of one asset.
///
/// Its ticket opens only at the deployment that made it, and only while that deployment still accepts the same way to
/// pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Whether it starts a session or extends one.
    pub operation: Operation,
    /// The id of the asset that is quoted.
    pub asset: AssetId,
    /// Which of the assets that had this id one after another.
    pub generation: u64,
    /// Whether the asset is shared. Each session of a shared asset has a stream of its own.
    pub is_shared: bool,
    /// How many units of the tariff.
    pub quantity: u64,
    /// What these units entitle to.
    pub allowance: Allowance,
    /// The price, in atomic units.
    pub amount: Amount,
    /// The payee, the token and the rail.
    pub offered: Offered,
    /// When it can no longer be paid.
    pub expires_at: Timestamp,
    /// The random bits that make it unique.
    pub nonce: Nonce,
}
