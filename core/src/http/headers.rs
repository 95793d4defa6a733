//! The request headers that are read here, except those of x402.

use crate::x402;

/// A header by which a platform says that many requests wait for this payment already. Another one is told at once that
/// the payment is pending, instead of waiting too.
pub const NO_WAIT: &str = "coinop-no-wait";

/// A header by which a host says how long a request with a payment may wait for its outcome: so many milliseconds, or
/// [`AGAIN`]. It must never come from a client.
pub const WAIT: &str = "coinop-wait";

/// The value of [`WAIT`] in a request that a host sends again, because the answer was 202 and its buyer still waits.
///
/// It vouches for the sender: only the buyer of a payment is told that it is pending. The chain is asked once.
pub const AGAIN: &str = "again";

/// A header by which a host hands on a recent blockhash, in the form that
/// [`RecentBlockhash::to_header`](crate::svm::RecentBlockhash::to_header) writes. It must never come from a client.
pub const RECENT_BLOCKHASH: &str = "coinop-recent-blockhash";

/// The client's headers that are read here. A platform may leave out all others.
pub const HEADERS: &[&str] =
    &[x402::PAYMENT_SIGNATURE, x402::X_PAYMENT, x402::SIGN_IN_WITH_X, "authorization", WANTED_METHOD];

/// The header in which a browser's preflight names the method that a page wants to use.
pub(super) const WANTED_METHOD: &str = "access-control-request-method";
