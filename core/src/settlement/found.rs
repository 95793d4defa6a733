//! Finds a payment on the chain that the journal does not know.

use super::rpc::{Commitment, Rpc};
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
/// It is searched by its memo, because its id is a signature of a fee payer whose key may be gone.
///
/// # Errors
/// When there is no clear answer.
pub(super) async fn find<H: Http>(
    rpc: &Rpc<H>,
    payment: &VerifiedPayment,
    since: Timestamp,
) -> Result<Option<Found>, RpcError> {
    let memo = payment.memo.as_deref().and_then(|memo| std::str::from_utf8(memo).ok());
    let Some(memo) = memo else { return Ok(None) };
    for signature in rpc.with_memo(&payment.source, memo, since).await? {
        let Some(found) = rpc.transaction(&signature, Commitment::Confirmed).await? else { continue };
        let is_same = |shown: Transaction| shown.message_bytes == payment.transaction.message_bytes;
        let is_same = Transaction::decode(&found.transaction).is_ok_and(is_same);
        if is_same && found.error.is_none() {
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
            let landing = Landing::SvmExact { slot: found.slot };
            return Ok(Some(Found { rail, landing, at: found.at }));
        }
    }
    Ok(None)
}
