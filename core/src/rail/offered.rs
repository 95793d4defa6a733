//! What a quote asks for: the payee and the token.

use super::priced::Priced;
#[cfg(test)]
use super::sketches::{self, late_id, unpaid};
use super::{Refusal, svm_exact};
use crate::config::Config;
use crate::error::SettleError;
use crate::keys::KeyRing;
use crate::money::{Amount, Money};
use crate::quote::Nonce;
use crate::svm::{Address, RecentBlockhash};
use crate::x402::{Accepted, Method, PaymentRequirements};

/// What a quote asks for on its rail, except the amount: the payee and the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offered {
    /// A transfer on Solana.
    SvmExact(svm_exact::Offered),
    /// An order on a rail that learns a payment's id late. See `sketches/late_id.rs`.
    #[cfg(test)]
    LateId,
    /// A purchase without a payment. See `sketches/unpaid.rs`.
    #[cfg(test)]
    Unpaid,
}

impl Offered {
    /// Returns all ways to pay that are offered now, each with a nonce for its quote.
    ///
    /// `fee_payers` are the gateway's own, and `draw` returns random bytes.
    ///
    /// # Errors
    /// Returns an error if there is no fee payer.
    pub(crate) fn all(
        config: &Config,
        fee_payers: &[Address],
        mut draw: impl FnMut() -> [u8; 16],
    ) -> Result<Vec<(Self, Nonce)>, SettleError> {
        let exact = svm_exact::all(config, fee_payers, &mut draw)?;
        let all = exact.into_iter().map(|(offered, nonce)| (Self::SvmExact(offered), nonce));
        #[cfg(test)]
        let all = all.chain(sketches::all(config, &mut draw));
        Ok(all.collect())
    }

    /// Returns the rail's number in tickets, which is below 16.
    pub(crate) const fn number(&self) -> u8 {
        match self {
            Self::SvmExact(_) => svm_exact::NUMBER,
            #[cfg(test)]
            Self::LateId => late_id::NUMBER,
            #[cfg(test)]
            Self::Unpaid => unpaid::NUMBER,
        }
    }

    /// Returns the rail's name, which the code of a ticket covers.
    pub(crate) const fn rail(&self) -> &'static str {
        match self {
            Self::SvmExact(_) => "svm-exact",
            #[cfg(test)]
            Self::LateId => "late-id",
            #[cfg(test)]
            Self::Unpaid => "unpaid",
        }
    }

    /// Returns the scheme and network, as x402 names them.
    pub(crate) const fn method(&self, config: &Config) -> Method {
        match self {
            Self::SvmExact(_) => Method::SvmExact(config.network),
            #[cfg(test)]
            Self::LateId => Method::LateId,
            #[cfg(test)]
            Self::Unpaid => Method::Unpaid,
        }
    }

    /// Returns how many decimals the token has.
    pub(crate) const fn decimals(&self) -> u8 {
        match self {
            Self::SvmExact(offered) => offered.token.decimals,
            #[cfg(test)]
            Self::LateId | Self::Unpaid => sketches::DECIMALS,
        }
    }

    /// Returns `amount` as money of the token that pays.
    pub(crate) fn money(&self, config: &Config, amount: Amount) -> Money {
        match self {
            Self::SvmExact(offered) => config.money(amount, &offered.token),
            #[cfg(test)]
            Self::LateId | Self::Unpaid => sketches::money(self, config, amount),
        }
    }

    /// Refuses a payment if the client's `accepted` differs from what was offered. Nothing else is done with what the
    /// client says.
    ///
    /// # Errors
    /// Returns a [`Refusal`] if the amount, the token or the payee differs.
    pub(crate) fn ensure_accepted(&self, accepted: &Accepted, amount: Amount) -> Result<(), Refusal> {
        match self {
            Self::SvmExact(offered) => svm_exact::same_as_offered(accepted, amount, offered),
            #[cfg(test)]
            Self::LateId | Self::Unpaid => sketches::same_as_offered(accepted, self, amount),
        }
    }

    /// Writes this into a ticket, in just enough bytes for [`Self::named`] to find it again.
    ///
    /// A rail always writes the same number of bytes, because what else the code covers follows directly.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::SvmExact(offered) => offered.write(bytes),
            #[cfg(test)]
            Self::LateId | Self::Unpaid => {}
        }
    }

    /// Writes all of this, for the code of a ticket.
    pub(crate) fn write_whole(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::SvmExact(offered) => offered.write_whole(bytes),
            #[cfg(test)]
            Self::LateId | Self::Unpaid => {}
        }
    }

    /// Returns the accepted ways to pay that these bytes of a ticket may name.
    pub(crate) fn named(number: u8, bytes: &[u8], config: &Config, fee_payers: &[Address]) -> Vec<Self> {
        match number {
            svm_exact::NUMBER => {
                let named = svm_exact::Offered::named(bytes, config, fee_payers);
                named.into_iter().map(Self::SvmExact).collect()
            }
            #[cfg(test)]
            late_id::NUMBER if bytes.is_empty() => vec![Self::LateId],
            #[cfg(test)]
            unpaid::NUMBER if bytes.is_empty() => vec![Self::Unpaid],
            _ => Vec::new(),
        }
    }

    /// Returns this as a 402 writes it. `recent` is a blockhash for the buyer, if a fresh one is known.
    pub(crate) fn offer(
        &self,
        keys: &KeyRing,
        config: &Config,
        priced: Priced<'_>,
        recent: Option<RecentBlockhash>,
    ) -> PaymentRequirements {
        match self {
            Self::SvmExact(offered) => svm_exact::offer(offered, keys, config.network, priced, recent),
            #[cfg(test)]
            Self::LateId => late_id::offer(priced),
            #[cfg(test)]
            Self::Unpaid => unpaid::offer(priced),
        }
    }
}
