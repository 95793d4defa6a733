//! The headers that are read here besides those of x402.

use crate::x402;

/// A header by which a platform says that many wait for this payment already: one
/// more is told at once that it is pending, instead of waiting too.
pub const NO_WAIT: &str = "coinop-no-wait";

/// A header by which a host hands on a recent blockhash, as
/// [`RecentBlockhash::to_header`](crate::svm::RecentBlockhash::to_header) writes it. It is never taken from a client.
pub const RECENT_BLOCKHASH: &str = "coinop-recent-blockhash";

/// The headers of clients that are read here; a platform may leave out all others.
pub const HEADERS: &[&str] =
    &[x402::PAYMENT_SIGNATURE, x402::X_PAYMENT, x402::SIGN_IN_WITH_X, "authorization", WANTED_METHOD];

/// The header by which a browser's preflight says which method a page wants to use.
pub(super) const WANTED_METHOD: &str = "access-control-request-method";
