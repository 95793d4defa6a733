//! The rails: what each offers, how it reads and checks a payment, and how it prepares one.
//!
//! A rail is one way that money moves. This module has what a rail does before there is a claim: it reads a payment,
//! says what the payment has to be, and checks it. What a rail keeps of a claimed payment is
//! [`Rail`](crate::session::Rail). The gateway calls the enums of this file and knows no rail itself. Each enum has one
//! variant for each rail, and each method has one arm for each.

mod balances;
mod offered;
mod prepared;
mod priced;
mod refusal;
#[cfg(test)]
mod sketches;
pub(crate) mod svm_exact;

pub use balances::Balances;
pub use offered::Offered;
pub use prepared::Prepared;
pub(crate) use priced::Priced;
use refusal::OTHER_RAIL;
pub(crate) use refusal::{GUARD_AT_RISK, Refusal, Unsigned};
pub(crate) use svm_exact::recent_blockhash;

use std::sync::Arc;

use crate::account::Account;
use crate::config::Config;
#[cfg(test)]
use crate::error::EncodeError;
use crate::ids::PaymentId;
use crate::keys::KeyRing;
use crate::money::{Amount, Money};
use crate::quote::Nonce;
use crate::session::fee::Budget;
use crate::svm::{Address, Transaction};
use crate::x402::{Extra, Payload, PaymentPayload, PaymentRequirements};

/// A payment as it was sent: decoded, but not checked.
#[derive(Clone, Debug)]
pub enum Presented {
    /// A transaction on Solana.
    SvmExact(Arc<Transaction>),
    /// An order on a rail that learns a payment's id only after it has sent the payment. See `sketches/late_id.rs`.
    #[cfg(test)]
    LateId(sketches::late_id::Order),
    /// The ticket of a purchase without a payment. See `sketches/unpaid.rs`.
    #[cfg(test)]
    Unpaid(crate::quote::Ticket),
}

/// A payment, with everything that it has to be except the amount.
#[derive(Debug)]
pub(crate) enum Expected {
    /// A transfer on Solana.
    SvmExact(svm_exact::Expected),
    /// An order on a rail that learns a payment's id only after it has sent the payment. See `sketches/late_id.rs`.
    #[cfg(test)]
    LateId(sketches::late_id::Expected),
    /// The ticket of a purchase without a payment. See `sketches/unpaid.rs`.
    #[cfg(test)]
    Unpaid(crate::quote::Ticket),
}

/// A payment that is what was asked for, as far as its bytes can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// A transfer on Solana.
    SvmExact(svm_exact::Verified),
    /// An order on a rail that learns a payment's id only after it has sent the payment. See `sketches/late_id.rs`.
    #[cfg(test)]
    LateId(sketches::late_id::Order),
    /// The ticket of a purchase without a payment. See `sketches/unpaid.rs`.
    #[cfg(test)]
    Unpaid(crate::quote::Ticket),
}

impl Presented {
    /// Decodes a payment.
    ///
    /// # Errors
    /// Returns a `Refusal` if it is not a payment of its rail.
    pub fn read(payment: &PaymentPayload) -> Result<Self, Refusal> {
        match &payment.payload {
            Payload::SvmExact(transaction) => Ok(Self::SvmExact(svm_exact::read(transaction)?)),
            #[cfg(test)]
            Payload::LateId(order) => Ok(Self::LateId(sketches::late_id::Order::read(order)?)),
            #[cfg(test)]
            Payload::Unpaid => Ok(Self::Unpaid(sketches::unpaid::read(payment)?)),
        }
    }

    /// Returns the payment's id.
    ///
    /// No two payments that could both be charged have the same id, and no payment has two.
    #[must_use]
    pub(crate) fn id(&self) -> PaymentId {
        match self {
            Self::SvmExact(transaction) => PaymentId::of_message(&transaction.message_bytes),
            #[cfg(test)]
            Self::LateId(order) => order.id(),
            #[cfg(test)]
            Self::Unpaid(ticket) => sketches::unpaid::id_of(ticket),
        }
    }

    /// Returns the refusal of a payment that its payer has not signed, because such a payment was never claimed.
    ///
    /// `None` means that nobody signs a payment on this rail.
    #[must_use]
    pub(crate) const fn unsigned(&self) -> Option<Refusal> {
        match self {
            Self::SvmExact(_) => Some(svm_exact::UNSIGNED),
            #[cfg(test)]
            Self::LateId(_) => Some(sketches::late_id::UNSIGNED),
            #[cfg(test)]
            Self::Unpaid(_) => None,
        }
    }

    /// Returns the wallet that pays the network's fee, as the payment says; `None` if it names none.
    #[must_use]
    pub(crate) fn named_fee_payer(&self) -> Option<Address> {
        match self {
            Self::SvmExact(transaction) => transaction.message.account(0).copied(),
            #[cfg(test)]
            Self::LateId(_) | Self::Unpaid(_) => None,
        }
    }

    /// Returns what is offered to a payment that answers no quote. `fee_payers` are the gateway's own.
    ///
    /// # Errors
    /// Returns a [`Refusal`] if it does not pay in a way that is accepted.
    pub(crate) fn unquoted(&self, config: &Config, fee_payers: &[Address]) -> Result<Offered, Refusal> {
        match self {
            Self::SvmExact(transaction) => {
                svm_exact::unquoted(transaction, config, fee_payers).map(Offered::SvmExact)
            }
            #[cfg(test)]
            Self::LateId(_) | Self::Unpaid(_) => Err(sketches::NO_TICKET),
        }
    }

    /// Returns what the payment has to be to pay what was offered, in a quote with this nonce or without a quote.
    ///
    /// # Errors
    /// Returns a [`Refusal`] if it pays on another rail, or if what was offered is no longer accepted.
    pub(crate) fn expected(
        &self,
        config: &Config,
        offered: &Offered,
        nonce: Option<&Nonce>,
    ) -> Result<Expected, Refusal> {
        match (self, offered) {
            (Self::SvmExact(transaction), Offered::SvmExact(offered)) => {
                svm_exact::Expected::of(transaction, config, offered, nonce).map(Expected::SvmExact)
            }
            #[cfg(test)]
            (Self::LateId(order), Offered::LateId) => {
                sketches::late_id::Expected::of(order, nonce).map(Expected::LateId)
            }
            #[cfg(test)]
            (Self::Unpaid(ticket), Offered::Unpaid) => Ok(Expected::Unpaid(ticket.clone())),
            #[allow(unreachable_patterns, reason = "there is one rail so far")]
            _ => Err(OTHER_RAIL),
        }
    }
}

/// Returns the money that an offer asks for.
#[must_use]
pub(crate) fn offered_money(config: &Config, offer: &PaymentRequirements) -> Money {
    let decimals = match &offer.extra {
        Extra::SvmExact(extra) => extra.decimals,
        #[cfg(test)]
        Extra::LateId(_) | Extra::Unpaid => sketches::DECIMALS,
    };
    let network = config.network.caip2().to_owned();
    Money { network, token: offer.asset.clone(), amount: offer.amount, decimals }
}

/// Returns the bytes of the transaction that pays an offer, for `payer` to sign.
///
/// # Errors
/// Returns why there is no such transaction.
pub(crate) fn unsigned(offer: &PaymentRequirements, payer: &Address) -> Result<Vec<u8>, Unsigned> {
    match &offer.extra {
        Extra::SvmExact(extra) => svm_exact::unsigned(offer, extra, *payer),
        #[cfg(test)]
        Extra::LateId(_) | Extra::Unpaid => Err(EncodeError("a transaction of another rail").into()),
    }
}

impl Expected {
    /// Checks the payment, which has to pay exactly `amount`. The state of the chain does not matter here.
    ///
    /// # Errors
    /// Returns a [`Refusal`] if the payment is not what it has to be.
    pub(crate) fn verify(self, keys: &KeyRing, config: &Config, amount: Amount) -> Result<Verified, Refusal> {
        match self {
            Self::SvmExact(expected) => expected.verify(keys, config, amount).map(Verified::SvmExact),
            #[cfg(test)]
            Self::LateId(expected) => expected.verify(amount).map(Verified::LateId),
            #[cfg(test)]
            Self::Unpaid(ticket) => sketches::unpaid::verify(ticket, amount).map(Verified::Unpaid),
        }
    }
}

impl Verified {
    /// Returns the payment's id.
    #[must_use]
    pub(crate) fn id(&self) -> PaymentId {
        match self {
            Self::SvmExact(verified) => verified.payment.id.clone(),
            #[cfg(test)]
            Self::LateId(order) => order.id(),
            #[cfg(test)]
            Self::Unpaid(ticket) => sketches::unpaid::id_of(ticket),
        }
    }

    /// Returns the wallet that pays.
    #[must_use]
    pub(crate) fn payer(&self) -> Account {
        match self {
            Self::SvmExact(verified) => verified.payment.payer.into(),
            #[cfg(test)]
            Self::LateId(order) => order.payer.into(),
            #[cfg(test)]
            Self::Unpaid(ticket) => Account::new(ticket.id().as_str()),
        }
    }

    /// Returns the account that the money leaves; `None` if no account pays.
    #[must_use]
    pub(crate) fn source(&self) -> Option<Account> {
        match self {
            Self::SvmExact(verified) => Some(verified.payment.source.into()),
            #[cfg(test)]
            Self::LateId(order) => Some(order.payer.into()),
            #[cfg(test)]
            Self::Unpaid(_) => None,
        }
    }

    /// Returns the highest fee that the payment can cost the gateway, in the smallest unit of the network's own
    /// currency; `None` if the gateway pays no fee.
    #[must_use]
    pub(crate) const fn fee(&self) -> Option<u64> {
        match self {
            Self::SvmExact(verified) => Some(verified.payment.fee_lamports),
            #[cfg(test)]
            Self::LateId(_) => Some(sketches::late_id::FEE),
            #[cfg(test)]
            Self::Unpaid(_) => None,
        }
    }

    /// Returns the budget that bears the fee of the payment if its payer's trust does not.
    #[must_use]
    pub(crate) const fn budget(&self) -> Budget {
        match self {
            Self::SvmExact(verified) => {
                let guards = &verified.payment.guards;
                Budget::of(guards.exclusive_source || guards.fee_payer_floor.is_some())
            }
            #[cfg(test)]
            Self::LateId(_) | Self::Unpaid(_) => Budget::Newcomers,
        }
    }

    /// Returns whether the payment is bound to its ticket, so that it can't answer another one.
    #[must_use]
    pub(crate) const fn is_bound(&self) -> bool {
        match self {
            Self::SvmExact(verified) => verified.is_bound,
            #[cfg(test)]
            Self::LateId(_) | Self::Unpaid(_) => true,
        }
    }
}
