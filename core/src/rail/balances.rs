//! The balances that a rail sees where money is taken from.

use crate::money::Amount;

/// The balances after one payment alone, as of the latest query to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balances {
    /// What the payer could still pay from the same account, in atomic units.
    pub remaining: Amount,
    /// Whether another address may spend from that account or close it.
    pub shared: bool,
    /// The balance of the gateway's wallet that pays the fee, in the smallest unit of the network's own currency.
    pub fee_payer: u64,
}
