//! The reasons why a claimed payment failed, and what follows from each.
//!
//! The reasons are stable, because they are in the journal and in `errorReason`.

/// The transaction's blockhash expired before it landed. Nobody paid anything.
pub(crate) const EXPIRED: &str = "transaction_expired";

/// The transaction landed with an error. The fee is spent, and no token moved.
pub(crate) const FAILED_ON_CHAIN: &str = "invalid_exact_svm_transaction_failed";

/// The transaction landed and failed, because a wallet guard did not hold.
pub(crate) const GUARD_FAILED: &str = "wallet_guard_failed";

/// The transaction landed and failed, because a wallet guard on the gateway's own wallet did not hold. Payments of others
/// change what that wallet has.
pub(crate) const SHARED_GUARD_FAILED: &str = "shared_guard_failed";

/// Returns whether a payment that failed for this reason cost no network fee.
#[must_use]
pub(crate) fn cost_nothing(reason: &str) -> bool {
    reason == EXPIRED
}

/// Returns whether a wallet guard failed. The same purchase may well succeed when it is signed again.
#[must_use]
pub(crate) fn is_guard(reason: &str) -> bool {
    reason == GUARD_FAILED || reason == SHARED_GUARD_FAILED
}

/// Returns whether the payer may have caused the failure. Only then it counts against the payer.
#[must_use]
pub(crate) fn may_be_payers(reason: &str) -> bool {
    reason != SHARED_GUARD_FAILED
}

/// Returns whether only the payer can have caused a failure that cost its fee.
///
/// Others can make a wallet guard fail: sending tokens to the payer's account changes that account.
#[must_use]
pub(crate) fn is_bounce(reason: &str) -> bool {
    reason == FAILED_ON_CHAIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_landing_costs_its_fee_and_a_guard_is_told_apart() {
        let all = [EXPIRED, FAILED_ON_CHAIN, GUARD_FAILED, SHARED_GUARD_FAILED];
        assert_eq!(all.map(cost_nothing), [true, false, false, false]);
        assert_eq!(all.map(is_guard), [false, false, true, true]);
        assert_eq!(all.map(may_be_payers), [true, true, true, false]);
        assert_eq!(all.map(is_bounce), [false, true, false, false]);
    }
}
