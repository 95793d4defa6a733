//! What a payment has to be, and whether it is that. Nothing here needs storage or the chain.

use super::Deployment;
use super::buy::{BuyRequest, SaleError, refused};
use crate::config::Asset;
use crate::quote::{Quote, TicketId};
use crate::rail::{self, Expected, Presented};
use crate::session::{Fulfilment, Purchase, Refund};
use crate::svm::Address;
use crate::time::Timestamp;
use crate::x402::{Accepted, PaymentPayload};

/// A payment that is what was asked for, as far as its bytes can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPurchase {
    pub purchase: Purchase,
    /// How the purchase is delivered.
    pub fulfilment: Fulfilment,
    /// How what is owed of it is given back.
    pub refund: Refund,
    /// The asset's capacity, if it is shared and limited.
    pub seats: Option<u64>,
    /// The id of the ticket that the payment answers; `None` without a ticket (x402 v1).
    pub ticket: Option<TicketId>,
    pub payment: rail::Verified,
}

/// The quote that a payment shows.
#[derive(Clone, Debug)]
pub struct Quoted {
    /// The id of the ticket that contains it.
    ticket: TicketId,
    pub(super) quote: Quote,
}

/// What a payment has to be, and what it buys.
struct Terms {
    purchase: Purchase,
    /// What its rail expects of it.
    expected: Expected,
    /// The id of the ticket that it answers; `None` in x402 v1.
    ticket: Option<TicketId>,
}

impl Deployment {
    /// Returns the quote that a payment shows, if this deployment made its ticket and still accepts the same way to
    /// pay.
    ///
    /// `fee_payers` are the gateway's own.
    #[must_use]
    pub fn quoted(&self, payment: &PaymentPayload, fee_payers: &[Address]) -> Option<Quoted> {
        let ticket = payment.ticket()?;
        let quote = Quote::open(ticket, &self.keys, &self.config, fee_payers)?;
        Some(Quoted { ticket: ticket.id(), quote })
    }

    /// Checks a payment at `now` against the quote that it answers (x402 v2), or against the present price of `asset`
    /// (x402 v1). A v1 client echoes nothing.
    ///
    /// `presented` is the decoded content of `buy.payment`, `quoted` is the quote that it shows, and `fee_payers` are
    /// the gateway's own.
    ///
    /// # Errors
    /// `SaleError::Refused`, `SaleError::QuantityMismatch` or `SaleError::Unpriced`. Nothing was charged.
    pub fn verify(
        &self,
        asset: &Asset,
        buy: &BuyRequest<'_>,
        presented: &Presented,
        quoted: Option<&Quoted>,
        fee_payers: &[Address],
        now: Timestamp,
    ) -> Result<VerifiedPurchase, SaleError> {
        let terms = match &buy.payment.accepted {
            Accepted::V1 => self.present_terms(asset, buy, presented, fee_payers)?,
            Accepted::V2 { ticket: None, .. } => {
                return Err(refused(
                    "ticket_missing",
                    "The payment does not include the ticket of its quote (`accepted.extra.ticket`). You \
                     were not charged. Send back the whole `accepts` entry of the 402, or pay with x402 v1.",
                ));
            }
            Accepted::V2 { .. } => {
                let quoted = quoted.ok_or(STALE_TICKET)?;
                ensure_same_asset(asset, buy, &quoted.quote)?;
                self.quoted_terms(presented, buy, quoted, now)?
            }
        };
        let Terms { purchase, expected, ticket } = terms;
        let payment = expected.verify(&self.keys, &self.config, purchase.price.amount)?;
        let (fulfilment, seats) = (asset.fulfilment(), asset.capacity.seats());
        Ok(VerifiedPurchase { purchase, fulfilment, refund: asset.refund, seats, ticket, payment })
    }

    /// Returns the terms of the quote that the payment answers (x402 v2).
    fn quoted_terms(
        &self,
        presented: &Presented,
        buy: &BuyRequest<'_>,
        quoted: &Quoted,
        now: Timestamp,
    ) -> Result<Terms, SaleError> {
        let Quoted { ticket, quote } = quoted;
        quote.offered.ensure_accepted(&buy.payment.accepted, quote.amount)?;
        if now >= quote.expires_at {
            return Err(refused(
                "quote_expired",
                "The quote has expired. You were not charged. Request a new quote.",
            ));
        }
        Ok(Terms {
            purchase: Purchase {
                quantity: quote.quantity,
                allowance: quote.allowance,
                price: quote.offered.money(&self.config, quote.amount),
            },
            expected: presented.expected(&self.config, &quote.offered, Some(&quote.nonce))?,
            ticket: Some(ticket.clone()),
        })
    }

    /// Returns the terms at the present price (x402 v1).
    fn present_terms(
        &self,
        asset: &Asset,
        buy: &BuyRequest<'_>,
        presented: &Presented,
        fee_payers: &[Address],
    ) -> Result<Terms, SaleError> {
        let tariff = &asset.tariff;
        let offered = presented.unquoted(&self.config, fee_payers)?;
        let priced = tariff.quote(buy.quantity, offered.decimals());
        let priced = priced.map_err(|_| SaleError::Unpriced(Box::new(tariff.clone())))?;
        let purchase = Purchase {
            quantity: priced.quantity,
            allowance: priced.allowance(),
            price: offered.money(&self.config, priced.amount),
        };
        let expected = presented.expected(&self.config, &offered, None)?;
        Ok(Terms { purchase, expected, ticket: None })
    }
}

/// Refuses a ticket that does not open here, or no longer does.
const STALE_TICKET: SaleError = refused(
    "ticket_invalid",
    "The ticket is not from this gateway, was altered, or was made before the gateway or the asset was \
     changed. You were not charged. Request a new quote.",
);

/// Refuses a quote for something else than the buyer asks for here.
fn ensure_same_asset(asset: &Asset, buy: &BuyRequest<'_>, quote: &Quote) -> Result<(), SaleError> {
    let for_this =
        quote.asset == asset.id && quote.generation == asset.generation && quote.operation == buy.operation;
    if !for_this {
        return Err(refused(
            "ticket_mismatch",
            "The ticket is for another asset or operation. You were not charged. Request a new quote here.",
        ));
    }
    if quote.is_shared != asset.capacity.is_shared() {
        return Err(STALE_TICKET);
    }
    if let Some(asked) = buy.quantity.filter(|asked| *asked != quote.quantity) {
        return Err(match asset.tariff.quote(Some(asked), quote.offered.decimals()) {
            Ok(_) => SaleError::QuantityMismatch { quoted: quote.quantity },
            Err(_) => SaleError::Unpriced(Box::new(asset.tariff.clone())),
        });
    }
    Ok(())
}
