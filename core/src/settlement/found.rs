//! Finds a payment on the chain that the journal does not know.

use super::listed::MAX_ALIKE;
use super::rpc::{Commitment, OnChain, Rpc};
use crate::encoding::base64;
use crate::error::RpcError;
use crate::ports::{Found, Http};
use crate::session::{Guarded, Landing, Rail, SvmExact};
use crate::svm::exact::VerifiedPayment;
use crate::svm::transaction::Transaction;
use crate::time::Timestamp;

/// Returns a payment as the chain shows it, back to `since`; `None` if it does not show exactly this payment without an
/// error.
///
/// `own` is its id, which is the signature of its fee payer. If that key is gone, the payment is searched by its memo.
///
/// # Errors
/// When there is no clear answer. Anybody can copy a memo, so the right payment may stand behind copies.
pub(super) async fn find<H: Http>(
    rpc: &Rpc<H>,
    payment: &VerifiedPayment,
    own: Option<String>,
    since: Timestamp,
) -> Result<Option<Found>, RpcError> {
    if let Some(signature) = own {
        let found = rpc.transaction(&signature, Commitment::Confirmed).await?;
        return Ok(found.and_then(|found| shown_as(payment, signature, found)));
    }
    let memo = payment.memo.as_deref().and_then(|memo| std::str::from_utf8(memo).ok());
    let Some(memo) = memo else { return Ok(None) };
    let alike = rpc.with_memo(&payment.source, memo, since).await?;
    let mut is_unclear = alike.len() >= MAX_ALIKE;
    for signature in alike {
        match rpc.transaction(&signature, Commitment::Confirmed).await? {
            Some(found) => {
                if let Some(found) = shown_as(payment, signature, found) {
                    return Ok(Some(found));
                }
            }
            None => is_unclear = true,
        }
    }
    if is_unclear { Err(RpcError::Shape("getSignaturesForAddress")) } else { Ok(None) }
}

/// Returns a transaction of the chain as a payment; `None` if it is not exactly this payment, or landed with an error.
fn shown_as(payment: &VerifiedPayment, signature: String, found: OnChain) -> Option<Found> {
    let is_same = |shown: Transaction| shown.message_bytes == payment.transaction.message_bytes;
    let is_same = Transaction::decode(&found.transaction).is_ok_and(is_same);
    if !is_same || found.error.is_some() {
        return None;
    }
    let rail = Rail::SvmExact(SvmExact {
        source: payment.source,
        transaction: base64(&found.transaction),
        signature,
        // Nothing asks any more how long its blockhash lives.
        height: 0,
        fee_payer: payment.fee_payer,
        fee_lamports: payment.fee_lamports,
        guarded: Guarded::default(),
    });
    Some(Found { rail, landing: Landing::SvmExact { slot: found.slot }, at: found.at })
}
