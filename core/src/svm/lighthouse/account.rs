//! The accounts that a guard may concern.

use std::fmt;

/// The account that a guard concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardedAccount {
    /// The fee payer's wallet.
    FeePayer,
    /// The payer's wallet.
    Payer,
    /// The token account that pays.
    Source,
    /// The merchant's token account.
    Destination,
}

impl fmt::Display for GuardedAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FeePayer => "the fee payer's wallet",
            Self::Payer => "the payer's wallet",
            Self::Source => "the payer's token account",
            Self::Destination => "the merchant's token account",
        })
    }
}
