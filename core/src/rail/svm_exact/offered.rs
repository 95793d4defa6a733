//! What a 402 offers on the rail `svm-exact`: a token, whom it pays, the fee payer, the memo, a recent blockhash.

use super::memo::Memo;
use crate::config::Config;
use crate::error::SettleError;
use crate::keys::KeyRing;
use crate::rail::offered::Priced;
use crate::svm::{Address, Network, RecentBlockhash, Token};
use crate::time::Timestamp;
use crate::x402::{Extra, Method, Offer, SvmExactExtra};

/// The rail's number in tickets.
pub(crate) const NUMBER: u8 = 0;

/// What a quote asks for on Solana.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The token that pays.
    pub token: Token,
    /// The wallet that is paid.
    pub pay_to: Address,
    /// The wallet of ours that pays the network's fee.
    pub fee_payer: Address,
}

impl Offered {
    /// Writes the first bytes of the mint and of the fee payer: enough to find them among those that the deployment knows.
    pub(in crate::rail) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(prefix(&self.token.mint));
        bytes.extend(prefix(&self.fee_payer));
    }

    /// Writes all of it. Each part has a fixed length.
    pub(in crate::rail) fn write_whole(&self, bytes: &mut Vec<u8>) {
        let Self { token, pay_to, fee_payer } = self;
        for address in [&token.mint, &token.program.address(), pay_to, fee_payer] {
            bytes.extend(address.as_bytes());
        }
        bytes.push(token.decimals);
    }

    /// Returns what may have been written like this, of the tokens that we accept and our fee payers.
    pub(in crate::rail) fn named(bytes: &[u8], config: &Config, fee_payers: &[Address]) -> Vec<Self> {
        let Some((mint, fee_payer)) = bytes.split_first_chunk::<4>() else { return Vec::new() };
        let pay_to = config.merchant.pay_to;
        let tokens = config.merchant.tokens.iter().map(|accepted| &accepted.token);
        let tokens = tokens.filter(|token| prefix(&token.mint) == *mint);
        let named = |token: &Token| {
            let token = token.clone();
            let fee_payers = fee_payers.iter().filter(|known| prefix(known) == *fee_payer);
            fee_payers.map(move |fee_payer| Self { token: token.clone(), pay_to, fee_payer: *fee_payer })
        };
        tokens.flat_map(named).collect()
    }

    /// Returns it as a 402 writes it, with the memo that binds a transaction to the quote.
    pub(in crate::rail) fn offer(
        &self,
        keys: &KeyRing,
        network: Network,
        priced: Priced<'_>,
        recent: Option<RecentBlockhash>,
    ) -> Offer {
        let Self { token, pay_to, fee_payer } = self;
        Offer {
            method: Method::SvmExact(network),
            amount: priced.amount,
            asset: token.mint.into(),
            pay_to: (*pay_to).into(),
            ticket: priced.ticket,
            extra: Extra::SvmExact(SvmExactExtra {
                fee_payer: *fee_payer,
                memo: Memo::of(keys, priced.nonce, priced.amount, self).as_str().to_owned(),
                decimals: token.decimals,
                token_program: token.program.address(),
                recent,
            }),
        }
    }
}

fn prefix(address: &Address) -> [u8; 4] {
    let [a, b, c, d, ..] = *address.as_bytes();
    [a, b, c, d]
}

/// Returns one of our fee payers, by lot: so payments whose guards speak of a fee payer are seldom in each other's way.
///
/// # Errors
/// When there is none.
pub(in crate::rail) fn fee_payer(fee_payers: &[Address], lot: u32) -> Result<Address, SettleError> {
    let at = || {
        let count = u32::try_from(fee_payers.len()).ok()?;
        usize::try_from(lot.checked_rem(count)?).ok()
    };
    at().and_then(|at| fee_payers.get(at)).copied().ok_or(SettleError::NoFeePayer)
}

/// Returns a fresh blockhash for the buyer: what this instance has met, or what the host has handed on as a header.
pub(crate) fn recent_blockhash(
    own: Option<RecentBlockhash>,
    handed_on: Option<&str>,
    now: Timestamp,
) -> Option<RecentBlockhash> {
    let handed_on = handed_on.and_then(RecentBlockhash::from_header).filter(|recent| recent.is_fresh(now));
    own.into_iter().chain(handed_on).max_by_key(|recent| recent.seen_at)
}
