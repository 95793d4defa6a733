//! What Solana's own crates say of the same bytes.

use crate::svm::TokenProgram;
use crate::svm::differential::agreement;
use crate::svm::lighthouse::GuardedAccount;

/// The memo of the payment that [`payment`] wants, if it wants one.
pub const MEMO: &str = agreement::MEMO;

/// Compares both verdicts about a payment of 10,000 atomic units to the known merchant, and returns what they are in a
/// few words.
///
/// # Panics
/// Where they contradict each other, other than in the ways in which the core is stricter.
#[must_use]
pub fn payment(bytes: &[u8], program: TokenProgram, with_memo: bool) -> String {
    agreement::payment(bytes, &agreement::wanted(program, with_memo))
}

/// Compares both verdicts about one guard of the fee payer's wallet (0), the payer's wallet (1), the paying token
/// account (2) or the paid one (3). Returns whether it is allowed.
///
/// # Panics
/// Where they contradict each other, also about what the guard leads to.
#[must_use]
pub fn guard(account: u8, data: &[u8], program: TokenProgram) -> bool {
    let account = match account % 4 {
        0 => GuardedAccount::FeePayer,
        1 => GuardedAccount::Payer,
        2 => GuardedAccount::Source,
        _ => GuardedAccount::Destination,
    };
    agreement::guard(account, data, program).is_some()
}
