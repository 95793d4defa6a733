//! The ways to pay: what each asks for, what it takes as a payment, and what holds a payment that it has made ready.
//!
//! A rail is one way to pay. What it keeps of a claimed payment is [`Rail`](crate::session::Rail). Here is what it does
//! before there is a claim: it reads a payment, says what the payment has to be, and checks it. The gateway asks the
//! enums of this file and knows no rail itself. Each enum has one variant for each rail, and each method one arm.

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
pub(crate) use refusal::{GUARD_AT_RISK, Refusal};
pub(crate) use svm_exact::recent_blockhash;

use std::sync::Arc;

use crate::account::Account;
use crate::config::Config;
use crate::ids::PaymentId;
use crate::keys::KeyRing;
use crate::money::Amount;
use crate::quote::Nonce;
use crate::svm::{Address, Transaction};
use crate::x402::{Payload, PaymentPayload};

/// A payment as it was presented: decoded, and nothing in it believed.
#[derive(Clone, Debug)]
pub enum Presented {
    /// A transaction on Solana.
    SvmExact(Arc<Transaction>),
    /// For the sketch of a rail that learns its id late.
    #[cfg(test)]
    LateId(sketches::late_id::Order),
    /// For the sketch of a purchase without a payment.
    #[cfg(test)]
    Unpaid(crate::quote::Ticket),
}

/// What a payment has to be, but for the amount, beside the payment itself.
#[derive(Debug)]
pub(crate) enum Expected {
    /// A transfer on Solana.
    SvmExact(svm_exact::Expected),
    /// For the sketch of a rail that learns its id late.
    #[cfg(test)]
    LateId(sketches::late_id::Expected),
    /// For the sketch of a purchase without a payment.
    #[cfg(test)]
    Unpaid(crate::quote::Ticket),
}

/// A payment that is what was asked for, as far as it can tell by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// A transfer on Solana.
    SvmExact(svm_exact::Verified),
    /// For the sketch of a rail that learns its id late.
    #[cfg(test)]
    LateId(sketches::late_id::Order),
    /// For the sketch of a purchase without a payment.
    #[cfg(test)]
    Unpaid(crate::quote::Ticket),
}

impl Presented {
    /// Decodes a payment.
    ///
    /// # Errors
    /// When it is none of its rail's.
    pub fn read(payment: &PaymentPayload) -> Result<Self, Refusal> {
        match &payment.payload {
            Payload::SvmExact(transaction) => Ok(Self::SvmExact(svm_exact::read(transaction)?)),
            #[cfg(test)]
            Payload::LateId(order) => Ok(Self::LateId(sketches::late_id::Order::read(order)?)),
            #[cfg(test)]
            Payload::Unpaid => Ok(Self::Unpaid(sketches::unpaid::read(payment)?)),
        }
    }

    /// Returns the payment's id. No two payments that could both be charged have one, and none has two.
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

    /// Returns what a payment is refused with that its payer has not signed: such a payment was never claimed.
    /// `None` where nobody signs.
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

    /// Returns in which way the payment pays if it answers no quote. `fee_payers` are ours.
    ///
    /// # Errors
    /// When it pays in no way that is accepted.
    pub(crate) fn unquoted(&self, config: &Config, fee_payers: &[Address]) -> Result<Offered, Refusal> {
        match self {
            Self::SvmExact(transaction) => {
                svm_exact::unquoted(transaction, config, fee_payers).map(Offered::SvmExact)
            }
            #[cfg(test)]
            Self::LateId(_) | Self::Unpaid(_) => Err(sketches::NO_TICKET),
        }
    }

    /// Returns what the payment has to be that pays what was offered, in a quote with this nonce or in none.
    ///
    /// # Errors
    /// When it pays in another way, or what was offered is accepted no more.
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

impl Expected {
    /// Checks the payment: it has to pay exactly this amount.
    ///
    /// # Errors
    /// When it does not. Nothing here depends on the state of a chain.
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

    /// Returns who pays.
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

    /// Returns the account that the money leaves; `None` where it leaves none.
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

    /// Returns what it costs us at most, in the smallest unit of the network's own money; `None` where we pay no fee.
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

    /// Says whether it is bound to its ticket: then it can answer no other.
    #[must_use]
    pub(crate) const fn is_bound(&self) -> bool {
        match self {
            Self::SvmExact(verified) => verified.is_bound,
            #[cfg(test)]
            Self::LateId(_) | Self::Unpaid(_) => true,
        }
    }
}
