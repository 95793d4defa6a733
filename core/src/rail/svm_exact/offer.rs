//! What a 402 offers on the rail `svm-exact`: what the quote asks for, the memo, and a recent blockhash.

use super::memo::Memo;
use super::offered::Offered;
use crate::config::{AcceptedToken, Config};
use crate::error::SettleError;
use crate::keys::KeyRing;
use crate::quote::Nonce;
use crate::rail::Priced;
use crate::svm::{Address, Network, RecentBlockhash};
use crate::time::Timestamp;
use crate::x402::{Extra, Method, PaymentRequirements, SvmExactExtra};

/// Returns an offer as a 402 writes it, with the memo that binds a transaction to the quote.
pub(in crate::rail) fn offer(
    offered: &Offered,
    keys: &KeyRing,
    network: Network,
    priced: Priced<'_>,
    recent: Option<RecentBlockhash>,
) -> PaymentRequirements {
    let Offered { token, pay_to, fee_payer } = offered;
    PaymentRequirements {
        method: Method::SvmExact(network),
        amount: priced.amount,
        asset: token.mint.into(),
        pay_to: (*pay_to).into(),
        ticket: priced.ticket,
        extra: Extra::SvmExact(SvmExactExtra {
            fee_payer: *fee_payer,
            memo: Memo::of(keys, priced.nonce, priced.amount, offered).as_str().to_owned(),
            decimals: token.decimals,
            token_program: token.program.address(),
            recent,
        }),
    }
}

/// Returns an offer for each token, with a nonce for its quote. `draw` returns random bytes.
///
/// # Errors
/// Returns an error if there is no fee payer.
pub(in crate::rail) fn all(
    config: &Config,
    fee_payers: &[Address],
    draw: &mut impl FnMut() -> [u8; 16],
) -> Result<Vec<(Offered, Nonce)>, SettleError> {
    let offered = |accepted: &AcceptedToken| {
        let [a, b, c, d, nonce @ ..] = draw();
        let fee_payer = fee_payer(fee_payers, u32::from_le_bytes([a, b, c, d]))?;
        let (token, pay_to) = (accepted.token.clone(), config.merchant.pay_to);
        Ok((Offered { token, pay_to, fee_payer }, nonce))
    };
    config.merchant.tokens.iter().map(offered).collect()
}

/// Picks one of the gateway's fee payers at random, so that payments whose guards check a fee payer rarely get in each
/// other's way.
fn fee_payer(fee_payers: &[Address], lot: u32) -> Result<Address, SettleError> {
    let at = || {
        let count = u32::try_from(fee_payers.len()).ok()?;
        usize::try_from(lot.checked_rem(count)?).ok()
    };
    at().and_then(|at| fee_payers.get(at)).copied().ok_or(SettleError::NoFeePayer)
}

/// Returns a fresh blockhash for the buyer: the newer of the one that this instance has seen and the one that the host
/// handed on in a header.
pub(crate) fn recent_blockhash(
    own: Option<RecentBlockhash>,
    handed_on: Option<&str>,
    now: Timestamp,
) -> Option<RecentBlockhash> {
    let handed_on = handed_on.and_then(RecentBlockhash::from_header).filter(|recent| recent.is_fresh(now));
    own.into_iter().chain(handed_on).max_by_key(|recent| recent.seen_at)
}
