//! What was bought, and the record that reserves its payment.

use serde::{Deserialize, Serialize};

use super::entitlement::Allowance;
use super::fulfilment::Fulfilment;
use super::owed::Refund;
use super::rail::Rail;
use crate::account::Account;
use crate::ids::{PaymentId, SessionId};
use crate::money::Money;
use crate::quote::{Operation, TicketId};
use crate::time::Timestamp;

/// What was bought, and for how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// How many units of the tariff.
    pub quantity: u64,
    /// What these units entitle to.
    pub allowance: Allowance,
    /// The price of all these units together.
    pub price: Money,
}

impl Purchase {
    /// Returns the sum of two purchases; `None` if their allowances are of different kinds or a sum overflows.
    ///
    /// Money of another token is not added: the sum keeps the price of the first purchase.
    #[must_use]
    pub fn checked_add(&self, more: &Self) -> Option<Self> {
        let price = if self.price.is_like(&more.price) {
            self.price.checked_add(&more.price)?
        } else {
            self.price.clone()
        };
        let quantity = self.quantity.checked_add(more.quantity)?;
        Some(Self { quantity, allowance: self.allowance.checked_add(more.allowance)?, price })
    }
}

/// The durable record that reserves one payment before any money moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The payment's id. It can be claimed only once.
    pub payment: PaymentId,
    /// Whether the payment starts a session or extends one.
    pub operation: Operation,
    /// The session that the payment will start or extend.
    pub session: SessionId,
    /// What the payment buys.
    pub purchase: Purchase,
    /// The id of the ticket that the payment answers; `None` without a ticket. A sender who shows this ticket again is
    /// taken for the buyer.
    pub ticket: Option<TicketId>,
    /// The wallet that pays.
    pub payer: Account,
    /// How the money moves.
    pub rail: Rail,
    /// How the purchase is delivered.
    pub fulfilment: Fulfilment,
    /// How many sessions of the asset may run at once, if this claim takes one of a limited number of seats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<u64>,
    /// How what is owed of the purchase is given back.
    #[serde(default, skip_serializing_if = "Refund::is_manual")]
    pub refund: Refund,
    /// When the payment was claimed.
    pub at: Timestamp,
}
