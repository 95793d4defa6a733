//! The transaction that pays an offer, for a wallet to sign.

use crate::svm::build::Transfer;
use crate::svm::{Address, TokenProgram};
use crate::x402::{PaymentRequirements, SvmExactExtra};

/// Returns the bytes of the transaction, with zeros in place of both signatures.
///
/// `None` means that the offer has no blockhash, or that this wallet can't pay it: it is the payee or the fee payer.
pub(in crate::rail) fn unsigned(
    offer: &PaymentRequirements,
    extra: &SvmExactExtra,
    payer: Address,
) -> Option<Vec<u8>> {
    let transfer = Transfer {
        fee_payer: extra.fee_payer,
        pay_to: offer.pay_to.as_str().parse().ok()?,
        mint: offer.asset.as_str().parse().ok()?,
        decimals: extra.decimals,
        program: TokenProgram::at(&extra.token_program)?,
        amount: offer.amount,
        blockhash: extra.recent?.blockhash,
        memo: Some(&extra.memo),
    };
    transfer.unsigned(payer)?.encode().ok()
}
