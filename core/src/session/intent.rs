//! A purchase that is to be claimed, as far as its asset decides about it.

use super::claim::{Claim, Purchase};
use crate::account::Account;
use crate::ids::PaymentId;
use crate::quote::Operation;
use crate::time::Timestamp;

/// A purchase that is to be claimed: what is known of it before the chain is asked.
#[derive(Clone, Debug)]
pub(crate) struct Intent<'a> {
    /// The payment.
    pub payment: &'a PaymentId,
    /// What it is for.
    pub operation: &'a Operation,
    /// What was quoted.
    pub purchase: &'a Purchase,
    /// Whether the payment answers a ticket. Without one it pays the present price.
    pub has_ticket: bool,
    /// The account that pays; `None` where no account does.
    pub source: Option<Account>,
    /// When this payer's latest payments failed, on whatever asset; the latest first,
    /// [`FAILURES_ALLOWED`](super::FAILURES_ALLOWED) of them.
    pub failures: &'a [Timestamp],
    /// Which asset of this id the payment was checked for; 0 for one of the configuration.
    pub generation: u64,
}

/// A verified payment that is to be claimed, and what is known of who pays.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The claim. Its time is when it was asked for; an asset that has seen a later one moves it there.
    pub claim: Claim,
    /// As `Intent::failures`.
    pub failures: Vec<Timestamp>,
    /// As `Intent::generation`.
    pub generation: u64,
}

impl ClaimRequest {
    /// Returns what its asset decides by.
    #[must_use]
    pub(crate) fn intent(&self) -> Intent<'_> {
        let Self { claim, failures, generation } = self;
        Intent {
            payment: &claim.payment,
            operation: &claim.operation,
            purchase: &claim.purchase,
            has_ticket: claim.ticket.is_some(),
            source: claim.rail.source(),
            failures,
            generation: *generation,
        }
    }
}
