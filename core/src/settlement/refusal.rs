//! What a node's errors mean for the buyer of a payment.

use serde_json::{Value, json};

use crate::error::SettleError;
use crate::ports::PrepareError;
use crate::session::failure::{FAILED_ON_CHAIN, GUARD_FAILED, SHARED_GUARD_FAILED};
use crate::svm::exact::VerifiedPayment;
use crate::svm::programs::LIGHTHOUSE;
use crate::svm::transaction::{Instruction, Transaction};

/// Returns the stable reason for a transaction that landed with this error.
pub(super) fn landing_failure(error: &Value, transaction: &[u8]) -> &'static str {
    let Ok(transaction) = Transaction::decode(transaction) else { return FAILED_ON_CHAIN };
    match failed_guard(error, &transaction) {
        // Account 0 is the fee payer.
        Some(guard) if guard.accounts.contains(&0) => SHARED_GUARD_FAILED,
        Some(_) => GUARD_FAILED,
        None => FAILED_ON_CHAIN,
    }
}

/// Returns the wallet guard that did not hold, if that is what an error means.
///
/// Only Lighthouse's own errors count. A payer can make other errors appear at a guard, for example by
/// letting the compute units run out there, and is not asked to sign again for those.
fn failed_guard<'a>(error: &Value, transaction: &'a Transaction) -> Option<&'a Instruction> {
    error.pointer("/InstructionError/1/Custom")?;
    let at = usize::try_from(error.pointer("/InstructionError/0")?.as_u64()?).ok()?;
    let instruction = transaction.message.instructions.get(at)?;
    let is_guard = transaction.message.account(instruction.program) == Some(&LIGHTHOUSE);
    is_guard.then_some(instruction)
}

fn out_of_funds() -> PrepareError {
    PrepareError::Unavailable(SettleError::OutOfFunds(None))
}

/// Returns what a simulation's error means for the buyer of this payment.
pub(super) fn simulation_refusal(error: &Value, payment: &VerifiedPayment) -> PrepareError {
    const FAILED: &str = "invalid_exact_svm_transaction_simulation_failed";
    // Error 1 of SPL Token means insufficient funds.
    let too_little = error.get("InstructionError") == Some(&json!([payment.transfer_at, { "Custom": 1 }]));
    // Account 0 is the fee payer.
    let broke = error.pointer("/InsufficientFundsForRent/account_index") == Some(&Value::from(0));
    match error.as_str() {
        Some("InsufficientFundsForFee" | "AccountNotFound" | "InvalidAccountForFee") => out_of_funds(),
        _ if broke => out_of_funds(),
        Some("AlreadyProcessed") => PrepareError::AlreadySettled,
        Some("BlockhashNotFound") => PrepareError::Refused {
            reason: FAILED,
            detail: "The transaction's blockhash is unknown or too old. You were not charged. Request a new \
                     quote and sign again.",
        },
        _ if failed_guard(error, &payment.transaction).is_some() => SIGN_AGAIN,
        _ if too_little => PrepareError::Refused {
            reason: "insufficient_funds",
            detail: "The paying token account holds less than the price. You were not charged. Add funds.",
        },
        _ => PrepareError::Refused {
            reason: FAILED,
            detail: "The chain would reject this transaction. You were not charged. Check that both token \
                     accounts exist and that yours is not frozen.",
        },
    }
}

/// The refusal of a payment whose wallet guard no longer holds, because an account has changed since the wallet looked.
const SIGN_AGAIN: PrepareError = PrepareError::Refused {
    reason: "sign_again",
    detail: "A check that your wallet added no longer holds. You were not charged. Request a new quote and sign again.",
};

/// The refusal of a payment whose blockhash dies too soon. It would reserve the asset, and might never land.
pub(super) const TOO_OLD: PrepareError = PrepareError::Refused {
    reason: "sign_again",
    detail: "The payment was signed too long ago: it could be settled for some seconds only. You were not charged. Request a new \
             quote and sign again.",
};
