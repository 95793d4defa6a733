//! Why a claimed payment bought nothing, and what follows from that.
//!
//! The reasons are stable: they stand in the journal and in `errorReason`.

/// Never landed while its blockhash lived: it has cost nobody anything.
pub const EXPIRED: &str = "transaction_expired";

/// Landed with an error: the fee is spent, and no token moved.
pub const FAILED_ON_CHAIN: &str = "invalid_exact_svm_transaction_failed";

/// Landed with an error at a guard that the payer's wallet had put on an account of the payer's.
pub const WALLET_GUARD: &str = "wallet_guard_failed";

/// Landed with an error at a guard that the payer's wallet had put on our fee payer.
pub const FEE_PAYER_GUARD: &str = "fee_payer_guard_failed";

/// Says whether the network's fee was not spent.
#[must_use]
pub fn cost_nothing(reason: &str) -> bool {
    reason == EXPIRED
}

/// Says whether the payer could have brought the failure about, so that it counts towards waiting.
///
/// What becomes of our fee payer's balance is no payer's doing.
#[must_use]
pub fn counts_against_payer(reason: &str) -> bool {
    reason != FEE_PAYER_GUARD
}

/// Says whether a wallet guard failed: the same purchase, signed again, may well succeed.
#[must_use]
pub fn is_guard(reason: &str) -> bool {
    matches!(reason, WALLET_GUARD | FEE_PAYER_GUARD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_our_fee_payer_is_no_payers_fault_and_every_landing_costs_its_fee() {
        let all = [EXPIRED, FAILED_ON_CHAIN, WALLET_GUARD, FEE_PAYER_GUARD];
        assert_eq!(all.map(cost_nothing), [true, false, false, false]);
        assert_eq!(all.map(counts_against_payer), [true, true, true, false]);
        assert_eq!(all.map(is_guard), [false, false, true, true]);
    }
}
