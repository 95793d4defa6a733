//! A payment to one of the merchant's accounts, and what it is.

use coinop_core::config::AcceptedToken;
use coinop_core::store::Verdict;
use coinop_core::{Amount, Timestamp};

/// What a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// The journal has it.
    Known,
    /// It carries a memo of this gateway, and the journal does not know it.
    Unexplained,
    /// The owner has decided about it.
    Decided(Verdict),
    /// It has nothing to do with this gateway.
    Foreign,
}

impl Class {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Unexplained => "unexplained",
            Self::Decided(Verdict::Owed) => "decided: owed",
            Self::Decided(Verdict::Earned) => "decided: earned",
            Self::Decided(Verdict::Foreign) => "decided: foreign",
            Self::Foreign => "foreign",
        }
    }
}

/// A payment to one of the merchant's accounts.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    pub(super) accepted: &'a AcceptedToken,
    pub(super) signature: String,
    pub(super) at: Option<Timestamp>,
    /// In atomic units; `None` if the transaction was not read, because the journal has it.
    pub(super) amount: Option<Amount>,
    /// How much was sent to its payer since, in atomic units.
    pub(super) paid_back: Amount,
    /// The wallet that has paid, if that is clear.
    pub(super) payer: Option<String>,
    pub(super) class: Class,
}
