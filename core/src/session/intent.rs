//! A purchase to be claimed, as far as its asset decides about it.

use super::claim::{Claim, Purchase};
use super::fulfilment::Fulfilment;
use crate::account::Account;
use crate::ids::PaymentId;
use crate::quote::Operation;
use crate::time::Timestamp;

/// What is known of a purchase to be claimed, before the chain is asked.
#[derive(Clone, Debug)]
pub(crate) struct Intent<'a> {
    pub payment: &'a PaymentId,
    pub operation: &'a Operation,
    pub purchase: &'a Purchase,
    pub payer: &'a Account,
    /// Whether the payment answers a ticket. Without one it has to pay the present price.
    pub has_ticket: bool,
    /// How the purchase is delivered.
    pub fulfilment: Fulfilment,
    /// The account that pays; `None` if no account does.
    pub source: Option<Account>,
    /// Until when the payer has to wait, because payments of this wallet failed, on any asset.
    pub waits_until: Option<Timestamp>,
    /// The generation of the asset that the payment was checked for; 0 for a configured asset and for a shared one.
    pub generation: u64,
}

/// A verified payment to be claimed, with what is known of its payer.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The claim to be written. Its time is replaced by the time of the decision.
    pub claim: Claim,
    /// Until when the payer has to wait. See `Intent::waits_until`.
    pub waits_until: Option<Timestamp>,
    /// The generation of the asset that the payment was checked for. See `Intent::generation`.
    pub generation: u64,
}

impl ClaimRequest {
    /// Returns the part of the request that its asset decides by.
    #[must_use]
    pub(crate) fn intent(&self) -> Intent<'_> {
        let Self { claim, waits_until, generation } = self;
        Intent {
            payment: &claim.payment,
            operation: &claim.operation,
            purchase: &claim.purchase,
            payer: &claim.payer,
            has_ticket: claim.ticket.is_some(),
            fulfilment: claim.fulfilment,
            source: claim.rail.source(),
            waits_until: *waits_until,
            generation: *generation,
        }
    }
}
