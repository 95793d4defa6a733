//! Why a rail refuses a payment.

use crate::encoding::EncodeError;
use crate::svm::exact;
use crate::svm::lighthouse::GuardFault;

/// The refusal of a payment. Nothing was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A stable reason, for machines.
    pub reason: &'static str,
    /// What the buyer can do, for people.
    pub detail: &'static str,
    /// What is wrong with a wallet guard, for the log.
    pub guard: Option<GuardFault>,
    /// Whether what was sent is no payment at all, because it can't be read or is not signed. The asset's own state
    /// does not have to be read then.
    pub is_no_payment: bool,
}

/// Refuses a payment on another rail than the one that was quoted.
pub(crate) const OTHER_RAIL: Refusal = Refusal::new(
    "ticket_mismatch",
    "The ticket is for another way to pay. You were not charged. Send back the `accepts` entry that you pay \
     by.",
);

/// Refuses a payment whose wallet guards hold alone, but could fail because of what else is in flight.
pub(crate) const GUARD_AT_RISK: Refusal = Refusal::new(
    "sign_again",
    "A check that your wallet added to the payment could fail because of another payment in flight. You \
     were not charged. Wait a few seconds, request a new quote and sign again.",
);

impl Refusal {
    /// Creates a refusal that is not about a wallet guard.
    pub(crate) const fn new(reason: &'static str, detail: &'static str) -> Self {
        Self { reason, detail, guard: None, is_no_payment: false }
    }

    /// Creates a refusal of what is no payment at all.
    #[cfg(test)]
    pub(crate) const fn of_no_payment(reason: &'static str, detail: &'static str) -> Self {
        Self { is_no_payment: true, ..Self::new(reason, detail) }
    }

    /// Creates a refusal by the rules of the scheme `exact` on Solana.
    pub(crate) const fn of_exact(refusal: exact::Refusal) -> Self {
        Self {
            reason: refusal.reason(),
            detail: refusal.detail(),
            guard: refusal.guard(),
            is_no_payment: matches!(refusal, exact::Refusal::Undecodable | exact::Refusal::Signature),
        }
    }
}

impl From<exact::Refusal> for Refusal {
    fn from(refusal: exact::Refusal) -> Self {
        Self::of_exact(refusal)
    }
}

/// Why there is no transaction of an offer for a wallet to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsigned {
    /// The wallet can't pay, because the transaction has its account already: as the payee, the fee payer, the mint or a
    /// program.
    OwnWallet,
    /// The transaction can't be written.
    Encode(EncodeError),
}

impl From<EncodeError> for Unsigned {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}
