//! What a quote asks for: whom it pays, and in what.

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

/// What a quote asks for on its rail, but for the amount: whom it pays, and in what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offered {
    /// A transfer on Solana.
    SvmExact(svm_exact::Offered),
    /// For the sketch of a rail that learns its id late.
    #[cfg(test)]
    LateId,
    /// For the sketch of a purchase without a payment.
    #[cfg(test)]
    Unpaid,
}

impl Offered {
    /// Returns all ways to pay that are offered now, with a nonce for a quote of each. `draw` returns random bytes;
    /// `fee_payers` are ours.
    ///
    /// # Errors
    /// When there is no fee payer.
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

    /// Returns the rail's number in tickets, below 16.
    pub(crate) const fn number(&self) -> u8 {
        match self {
            Self::SvmExact(_) => svm_exact::NUMBER,
            #[cfg(test)]
            Self::LateId => late_id::NUMBER,
            #[cfg(test)]
            Self::Unpaid => unpaid::NUMBER,
        }
    }

    /// Returns the rail's name, as the code of a ticket covers it.
    pub(crate) const fn rail(&self) -> &'static str {
        match self {
            Self::SvmExact(_) => "svm-exact",
            #[cfg(test)]
            Self::LateId => "late-id",
            #[cfg(test)]
            Self::Unpaid => "unpaid",
        }
    }

    /// Returns its scheme and network, as x402 names them.
    pub(crate) const fn method(&self, config: &Config) -> Method {
        match self {
            Self::SvmExact(_) => Method::SvmExact(config.network),
            #[cfg(test)]
            Self::LateId => Method::LateId,
            #[cfg(test)]
            Self::Unpaid => Method::Unpaid,
        }
    }

    /// Returns how many decimals the money has that pays.
    pub(crate) const fn decimals(&self) -> u8 {
        match self {
            Self::SvmExact(offered) => offered.token.decimals,
            #[cfg(test)]
            Self::LateId | Self::Unpaid => sketches::DECIMALS,
        }
    }

    /// Returns this amount as money of the kind that pays.
    pub(crate) fn money(&self, config: &Config, amount: Amount) -> Money {
        match self {
            Self::SvmExact(offered) => config.money(amount, &offered.token),
            #[cfg(test)]
            Self::LateId | Self::Unpaid => sketches::money(self, config, amount),
        }
    }

    /// Refuses a payment whose client says that it has accepted something else. What the client says is used for nothing else.
    ///
    /// # Errors
    /// When amount, token or payee differ.
    pub(crate) fn ensure_accepted(&self, accepted: &Accepted, amount: Amount) -> Result<(), Refusal> {
        match self {
            Self::SvmExact(offered) => svm_exact::same_as_offered(accepted, amount, offered),
            #[cfg(test)]
            Self::LateId | Self::Unpaid => sketches::same_as_offered(accepted, self, amount),
        }
    }

    /// Writes it into a ticket, as briefly as [`Self::named`] finds it again. Each rail writes as many bytes each time: what the
    /// code covers besides begins behind them.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::SvmExact(offered) => offered.write(bytes),
            #[cfg(test)]
            Self::LateId | Self::Unpaid => {}
        }
    }

    /// Writes all of it, for the code of a ticket.
    pub(crate) fn write_whole(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::SvmExact(offered) => offered.write_whole(bytes),
            #[cfg(test)]
            Self::LateId | Self::Unpaid => {}
        }
    }

    /// Returns those ways in which we are paid now that a ticket may name with these bytes.
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

    /// Returns it as a 402 writes it. `recent` is a blockhash for the buyer, where a fresh one is known.
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
