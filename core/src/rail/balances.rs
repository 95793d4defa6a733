//! What a rail sees where money is taken from.

use crate::money::Amount;

/// What is left after one payment alone, as far as the chain had come just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balances {
    /// What the payer could still pay from the same account.
    pub remaining: Amount,
    /// Whether somebody else may spend from that account, or close it.
    pub shared: bool,
    /// What the wallet of ours has that pays the fee, in the smallest unit of the network's own money.
    pub fee_payer: u64,
}
